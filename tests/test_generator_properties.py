"""Random small documents: what is generated imports, and gives back what it takes."""

from __future__ import annotations

import importlib
import itertools
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tools.generate import main

Schema = dict[str, Any]
# A schema, and a strategy for data that fits it.
Pair = tuple[Schema, st.SearchStrategy[Any]]

# Words that are awkward in Python, beside some that are not.
NAMES = "id name class from list self cls data type_ None to_dict additional_properties a-b a_b A.B"
WORDS = st.one_of(
    st.sampled_from(NAMES.split()),
    st.text("abcXYZ019_-.$ é", min_size=1, max_size=6),
)
# What people write into descriptions: quotes, backslashes, control characters and halves of emoji among it.
PROSE = st.text(st.characters() | st.sampled_from('"\\\n\r\0\x0c\u2028\ud83d#{}%'), max_size=8)
_packages = itertools.count()


def scalars() -> st.SearchStrategy[Pair]:
    """Schemas of plain values; timestamps are written as Python writes them."""
    values = st.lists(st.text("ab!", max_size=3), min_size=1, max_size=3, unique=True)
    pairs: list[Pair] = [
        ({"type": "string"}, st.text(max_size=5)),
        ({"type": "integer"}, st.integers(-(2**60), 2**60)),
        ({"type": "number"}, st.floats(allow_nan=False, allow_infinity=False)),
        ({"type": "boolean"}, st.booleans()),
        (
            {"type": "string", "format": "date-time"},
            st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.isoformat()),
        ),
        ({"type": "string", "format": "date"}, st.dates().map(lambda day: day.isoformat())),
        ({"type": "string", "format": "uuid"}, st.uuids().map(str)),
        ({}, st.recursive(st.none() | st.text(max_size=3) | st.integers(), st.lists, max_leaves=3)),
    ]
    enums = values.map(
        lambda listed: ({"type": "string", "enum": listed}, st.sampled_from([*listed, "unknown"]))
    )
    return st.one_of(st.sampled_from(pairs), enums)


def nested(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    """Schemas made of others."""
    lists = inner.map(lambda pair: ({"type": "array", "items": pair[0]}, st.lists(pair[1], max_size=2)))
    maps = inner.map(
        lambda pair: (
            {"type": "object", "additionalProperties": pair[0]},
            st.dictionaries(st.text(max_size=3), pair[1], max_size=2),
        )
    )
    nullables = inner.map(lambda pair: ({"anyOf": [pair[0], {"type": "null"}]}, st.none() | pair[1]))
    parts = nullables.map(lambda pair: ({"description": "", "allOf": [pair[0]]}, pair[1]))
    return st.one_of(lists, maps, nullables, parts, objects(inner), unions(inner))


@st.composite
def unions(draw: st.DrawFn, inner: st.SearchStrategy[Pair]) -> Pair:
    """Objects of the same properties that a constant tells apart, which may be null."""
    tags = draw(
        st.lists(st.sampled_from(["a", "b", 1, 2, True, False]), min_size=2, max_size=3, unique_by=repr)
    )
    variants: list[Schema] = []
    values: list[st.SearchStrategy[Any]] = [st.none()]
    for tag in tags:
        schema, strategy = draw(inner)
        properties = {"tag": {"const": tag}, "value": schema}
        variants.append({"type": "object", "properties": properties, "required": ["tag"]})
        values.append(st.fixed_dictionaries({"tag": st.just(tag)}, optional={"value": strategy}))
    return {draw(st.sampled_from(["oneOf", "anyOf"])): [*variants, {"type": "null"}]}, st.one_of(values)


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[Pair]) -> Pair:
    """Objects with required and optional properties, now and then in two parts, and data with some unknown ones."""
    properties = draw(st.dictionaries(WORDS, inner, min_size=1, max_size=4))
    required = draw(st.sets(st.sampled_from(sorted(properties))))
    strategies = {name: pair[1] for name, pair in properties.items()}
    data = st.fixed_dictionaries(
        {name: strategies[name] for name in required},
        optional={
            **{name: one for name, one in strategies.items() if name not in required},
            "unknown one": st.none(),
        },
    )
    schema: Schema = {
        "type": "object",
        "description": draw(PROSE),
        "properties": {name: {**pair[0], "description": draw(PROSE)} for name, pair in properties.items()},
        "required": sorted(required),
    }
    if draw(st.booleans()):
        names = list(properties)
        schema = {
            "allOf": [
                {"type": "object", "properties": {name: properties[name][0] for name in names[::2]}},
                {
                    "properties": {name: properties[name][0] for name in names[1::2]},
                    "required": sorted(required),
                },
            ]
        }
    return schema, data


@st.composite
def documents(draw: st.DrawFn) -> tuple[Schema, dict[str, st.SearchStrategy[Any]]]:
    """Documents with a few component schemas, and an operation for each that takes and gives it."""
    models = objects(st.recursive(scalars(), nested, max_leaves=4))
    named = draw(
        st.dictionaries(st.text("abcABC_-1", min_size=1, max_size=5), models, min_size=1, max_size=3)
    )
    paths: Schema = {}
    for name in named:
        content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
        parameters = [
            {
                "name": word,
                "in": draw(st.sampled_from(["query", "header", "cookie"])),
                "description": draw(PROSE),
                "schema": draw(st.recursive(scalars(), nested, max_leaves=2))[0],
            }
            for word in draw(st.sets(WORDS, max_size=3))
        ]
        operation: Schema = {
            "tags": [draw(PROSE)],
            "summary": draw(PROSE),
            "description": draw(PROSE),
            "parameters": parameters,
            "requestBody": {"required": draw(st.booleans()), "content": content},
            "responses": {"200": {"description": "", "content": content}},
        }
        if draw(st.booleans()):
            operation["operationId"] = draw(WORDS)
        paths[f"/{name}/x"] = {"post": operation}
    document = {
        "openapi": "3.1.0",
        "info": {"title": draw(PROSE), "version": draw(PROSE)},
        "servers": [{"url": draw(PROSE)}],
        "paths": paths,
        "components": {"schemas": {name: pair[0] for name, pair in named.items()}},
    }
    return document, {f"/{name}/x": pair[1] for name, pair in named.items()}


@contextmanager
def generated(document: Schema) -> Iterator[ModuleType]:
    """Generate a package and import it for a while."""
    package = f"random_{next(_packages)}"
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / "spec.json"
        spec.write_text(json.dumps(document))
        assert main(["--spec", str(spec), "--out", folder, "--package", package]) == 0
        sys.path.insert(0, folder)
        try:
            yield importlib.import_module(package)
        finally:
            sys.path.remove(folder)
            for name in [name for name in sys.modules if name.split(".")[0] == package]:
                del sys.modules[name]


# A failure is made small before it is shown, which takes minutes.
@pytest.mark.timeout(600)
@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(made=documents(), data=st.data())
def test_random_documents_generate_and_round_trip(
    made: tuple[Schema, dict[str, st.SearchStrategy[Any]]], data: st.DataObject
) -> None:
    """Every operation is there, every model reads what fits its schema and gives back the same."""
    document, values = made
    with generated(document) as package:
        low: Any = package
        assert len(low.OPERATIONS) == len(document["paths"])
        for operation in low.OPERATIONS.values():
            model = operation.response_model
            assert model is operation.request_model
            for _ in range(5):
                value = data.draw(values[operation.path])
                assert model.from_dict(value).to_dict() == value
                assert model.from_dict(value) == model.from_dict(value)
