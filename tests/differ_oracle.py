"""Random documents and changes of which it is known whom they break: an oracle for the differ.

`python -m tests.differ_oracle 2000` tries so many pairs, prints where the differ disagrees, and exits with 1 if it
does anywhere.
"""

from __future__ import annotations

import copy
import random
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

from attrs import field, frozen
from tools.differ.changes import NAMES, REQUEST, RESPONSE, Change
from tools.differ.document_changes import compare
from tools.openapi.document import Document

Json = dict[str, Any]
Path = tuple[str | int, ...]
COMPONENTS = "#/components/schemas/"
_UNSEEN = {"readOnly": REQUEST, "writeOnly": RESPONSE}


# --- random documents -------------------------------------------------------------------------------------------


def _object(rng: random.Random, depth: int, tag: str = "", prefix: str = "p") -> Json:
    properties: Json = {f"{prefix}{number}": _property(rng, depth + 1) for number in range(rng.randint(1, 3))}
    required = [name for name in properties if rng.random() < 0.5]
    if tag:
        properties["tag"] = {"type": "string", "const": tag}
        required.append("tag")
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _property(rng: random.Random, depth: int) -> Json:
    made = schema(rng, depth)
    if "$ref" not in made and rng.random() < 0.2:
        made[rng.choice(list(_UNSEEN))] = True
    return made


def schema(rng: random.Random, depth: int = 0) -> Json:
    """Make a schema, which may refer to a component."""
    scalars: list[Json] = [
        {"type": "string"},
        {"type": "string", "maxLength": 9},
        {"type": "string", "enum": ["a", "b"]},
        {"type": "string", "const": "a"},
        {"type": "string", "format": "date-time"},
        {"type": "integer"},
        {"type": ["string", "null"]},
        {"oneOf": [{"type": "string"}, {"type": "integer"}]},
    ]
    if depth > 2 or rng.random() < 0.4:
        return copy.deepcopy(rng.choice(scalars))
    kinds: list[Callable[[], Json]] = [
        lambda: _object(rng, depth),
        lambda: {"type": "array", "items": schema(rng, depth + 1)},
        lambda: {"$ref": f"{COMPONENTS}C{rng.randint(0, 3)}"},
        lambda: {"oneOf": [_object(rng, depth, "x"), _object(rng, depth, "y")]},
        lambda: {"type": "object", "additionalProperties": schema(rng, depth + 1)},
        lambda: {"allOf": [{"$ref": f"{COMPONENTS}C{rng.randint(0, 3)}"}, _object(rng, depth, prefix="q")]},
        lambda: {
            "oneOf": [{"$ref": f"{COMPONENTS}{name}"} for name in ("X", "Y")],
            "discriminator": {
                "propertyName": "tag",
                "mapping": {"x": f"{COMPONENTS}X", "y": f"{COMPONENTS}Y"},
            },
        },
    ]
    return rng.choice(kinds)()


def document(rng: random.Random) -> Json:
    """Make a document: two operations over four components and a union of two."""
    body = {"content": {"application/json": {"schema": schema(rng)}}}
    answer = {"description": "ok", "content": {"application/json": {"schema": schema(rng)}}}
    parameter = {"name": "q", "in": "query", "schema": {"type": "string", "enum": ["a", "b"]}}
    components = {f"C{number}": _object(rng, 1) for number in range(4)}
    components |= {"X": _object(rng, 1, "x"), "Y": _object(rng, 1, "y")}
    read = {"operationId": "readIt", "parameters": [parameter], "responses": {"200": answer}}
    send = {"operationId": "sendIt", "requestBody": body, "responses": {"200": copy.deepcopy(answer)}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "T", "version": "1"},
        "paths": {"/it": {"get": read, "post": send}},
        "components": {"schemas": components},
    }


# --- where schemas are, and who sees them -----------------------------------------------------------------------


def places(data: Json) -> dict[Path, set[str]]:
    """Return the place of every schema, and the sides that see it."""
    found: dict[Path, set[str]] = {}
    for name in data["components"]["schemas"]:
        _walk(data, ("components", "schemas", name), "", found)
    for method, operation in data["paths"]["/it"].items():
        at: Path = ("paths", "/it", method)
        media: Path = ("content", "application/json", "schema")
        for number, _ in enumerate(operation.get("parameters", [])):
            _walk(data, (*at, "parameters", number, "schema"), REQUEST, found)
        if "requestBody" in operation:
            _walk(data, (*at, "requestBody", *media), REQUEST, found)
        _walk(data, (*at, "responses", "200", *media), RESPONSE, found)
    return found


def node_at(data: Any, path: Path) -> Any:
    """Return what is at a place."""
    for key in path:
        data = data[key]
    return data


def _walk(data: Json, path: Path, side: str, found: dict[Path, set[str]]) -> None:
    node = node_at(data, path)
    if side in found.setdefault(path, set()) or any(
        node.get(mark) and side == _UNSEEN[mark] for mark in _UNSEEN
    ):
        return
    found[path] |= {side}
    if "$ref" in node:
        _walk(data, ("components", "schemas", node["$ref"].removeprefix(COMPONENTS)), side, found)
    for inner in _inner(node):
        _walk(data, (*path, *inner), side, found)


def _inner(node: Json) -> Iterator[Path]:
    yield from (("properties", name) for name in node.get("properties", {}))
    yield from ((key, number) for key in ("oneOf", "allOf") for number in range(len(node.get(key, []))))
    yield from ((key,) for key in ("items", "additionalProperties") if isinstance(node.get(key), dict))


# --- changes, and whom they break -------------------------------------------------------------------------------

NARROWS, WIDENS, NOTHING = frozenset({REQUEST}), frozenset({RESPONSE}), frozenset[str]()
BOTH = NARROWS | WIDENS


@frozen
class Edit:
    """One change of a node of a document: whom it breaks there, and whom it breaks when it is undone."""

    name: str
    fits: Callable[[Json], bool]
    apply: Callable[[Json], object]
    breaks: frozenset[str] = NOTHING
    undone: frozenset[str] = NOTHING
    always: frozenset[str] = field(default=NOTHING)
    """Whom undoing it breaks wherever it is."""


def _is(node: Json, kind: str) -> bool:
    return node.get("type") == kind and not {"enum", "const", "format"} & set(node)


def _optional(node: Json) -> str | None:
    """Return a property that may be left out and that both sides see."""
    free = (
        name
        for name, one in node.get("properties", {}).items()
        if name not in node.get("required", []) and not set(_UNSEEN) & set(one)
    )
    return next(free, None)


def _require(node: Json, name: str, added: Json | None = None) -> None:
    node["required"] = [*node.get("required", []), name]
    if added is not None:
        node["properties"][name] = added


def _swap(node: Json) -> None:
    mapping = node["discriminator"]["mapping"]
    mapping["x"], mapping["y"] = mapping["y"], mapping["x"]


SCHEMA_EDITS = [
    Edit("words", lambda one: "$ref" not in one, lambda one: one.update(description="words")),
    Edit("length", lambda one: _is(one, "string"), lambda one: one.update(maxLength=3), NARROWS, WIDENS),
    Edit("pattern", lambda one: _is(one, "string"), lambda one: one.update(pattern="^a$"), NARROWS),
    Edit("format", lambda one: _is(one, "string"), lambda one: one.update(format="email"), NARROWS),
    Edit("date", lambda one: _is(one, "string"), lambda one: one.update(format="date"), BOTH, BOTH),
    Edit(
        "type", lambda one: one.get("type") == "integer", lambda one: one.update(type="boolean"), BOTH, BOTH
    ),
    Edit("number", lambda one: _is(one, "integer"), lambda one: one.update(type="number"), WIDENS, NARROWS),
    Edit("bound", lambda one: _is(one, "integer"), lambda one: one.update(minimum=3), NARROWS, WIDENS),
    Edit(
        "types",
        lambda one: _is(one, "string"),
        lambda one: one.update(type=["string", "array"]),
        WIDENS,
        NARROWS,
    ),
    Edit(
        "null",
        lambda one: _is(one, "string"),
        lambda one: one.update(type=["string", "null"]),
        WIDENS,
        NARROWS,
    ),
    Edit("value", lambda one: "enum" in one, lambda one: one["enum"].append("c"), NOTHING, NARROWS),
    Edit("values", lambda one: "enum" in one, lambda one: one.pop("enum"), NOTHING, NARROWS),
    Edit("restricted", lambda one: _is(one, "string"), lambda one: one.update(enum=["a"]), NARROWS),
    Edit("constant", lambda one: "const" in one, lambda one: one.update(const="other"), BOTH, BOTH),
    Edit("constants", lambda one: one.get("const") == "a", lambda one: one.pop("const"), WIDENS, NARROWS),
    Edit("size", lambda one: _is(one, "array"), lambda one: one.update(maxItems=3), NARROWS, WIDENS),
    Edit("default", lambda one: _is(one, "string"), lambda one: one.update(default="a")),
    Edit(
        "property",
        lambda one: "properties" in one,
        lambda one: one["properties"].update(new={"type": "string"}),
        NOTHING,
        BOTH,
        frozenset({NAMES}),
    ),
    Edit(
        "required property",
        lambda one: "properties" in one,
        lambda one: _require(one, "new", {"type": "string"}),
        NARROWS,
        BOTH,
        frozenset({NAMES}),
    ),
    Edit(
        "required",
        lambda one: bool(_optional(one)),
        lambda one: _require(one, str(_optional(one))),
        NARROWS,
        WIDENS,
    ),
    Edit(
        "read-only",
        lambda one: bool(_optional(one)) and "$ref" not in one["properties"][_optional(one)],
        lambda one: one["properties"][_optional(one)].update(readOnly=True),
        NARROWS,
    ),
    Edit(
        "write-only",
        lambda one: bool(_optional(one)) and "$ref" not in one["properties"][_optional(one)],
        lambda one: one["properties"][_optional(one)].update(writeOnly=True),
        WIDENS,
    ),
    Edit(
        "closed",
        lambda one: "properties" in one,
        lambda one: one.update(additionalProperties=False),
        NARROWS,
    ),
    Edit(
        "dependent",
        lambda one: "properties" in one,
        lambda one: one.update(dependentRequired={"p0": ["other"]}),
        NARROWS,
        WIDENS,
    ),
    Edit(
        "alternative",
        lambda one: "oneOf" in one,
        lambda one: one["oneOf"].append({"type": "boolean"}),
        WIDENS,
        NARROWS,
    ),
    Edit("moved value", lambda one: "discriminator" in one, _swap, BOTH, BOTH),
    Edit(
        "value of a discriminator",
        lambda one: "discriminator" in one,
        lambda one: one["discriminator"]["mapping"].update(z=f"{COMPONENTS}X"),
        NOTHING,
        NARROWS,
    ),
]
READ: Path = ("paths", "/it", "get")
SEND: Path = ("paths", "/it", "post")
_PARAMETER: Json = {"name": "new", "in": "query", "schema": {"type": "string"}}
# Changes beside schemas, at their place.
OTHER_EDITS: list[tuple[Path, Edit]] = [
    (
        ("paths",),
        Edit(
            "operation",
            lambda one: True,
            lambda one: one.update({"/new": {"get": {"operationId": "new", "responses": {}}}}),
            always=frozenset({NAMES, REQUEST}),
        ),
    ),
    (
        READ,
        Edit(
            "name",
            lambda one: True,
            lambda one: one.update(operationId="other"),
            frozenset({NAMES}),
            always=frozenset({NAMES}),
        ),
    ),
    (
        READ,
        Edit(
            "parameter",
            lambda one: True,
            lambda one: one["parameters"].append(_PARAMETER),
            always=frozenset({NAMES, REQUEST}),
        ),
    ),
    (
        READ,
        Edit(
            "required parameter",
            lambda one: True,
            lambda one: one["parameters"].append({**_PARAMETER, "required": True}),
            NARROWS,
            always=frozenset({NAMES, REQUEST}),
        ),
    ),
    (
        (*READ, "parameters", 0),
        Edit("parameter required", lambda one: True, lambda one: one.update(required=True), NARROWS),
    ),
    ((*SEND, "requestBody"), Edit("body", lambda one: True, lambda one: one.update(required=True), NARROWS)),
    (
        (*SEND, "responses"),
        Edit("status", lambda one: True, lambda one: one.update({"202": {"description": ""}}), always=WIDENS),
    ),
    (
        ("components", "schemas"),
        Edit(
            "schema",
            lambda one: True,
            lambda one: one.update(New={"type": "object"}),
            always=frozenset({NAMES}),
        ),
    ),
    (
        (),
        Edit(
            "server",
            lambda one: True,
            lambda one: one.update(servers=[{"url": "https://a"}]),
            NARROWS,
            NARROWS,
        ),
    ),
]


@frozen
class Trial:
    """A document, the same after one change, and whom that breaks in either direction."""

    edit: str
    place: Path
    old: Json
    new: Json
    breaks: frozenset[str]
    undone: frozenset[str]


def trial(seed: int) -> Trial:
    """Make the trial of this number."""
    rng = random.Random(seed)
    old = document(rng)
    seen = places(old)
    at: list[tuple[Path, Edit]] = [
        (path, edit) for edit in SCHEMA_EDITS for path in seen if edit.fits(node_at(old, path))
    ]
    names = sorted({edit.name for _, edit in at})
    name = rng.choice(names)
    path, edit = rng.choice(OTHER_EDITS if rng.random() < 0.2 else [one for one in at if one[1].name == name])
    new = copy.deepcopy(old)
    edit.apply(node_at(new, path))
    sides = frozenset(seen.get(path, {REQUEST, RESPONSE}))
    return Trial(
        edit.name,
        path,
        old,
        new,
        edit.breaks & sides | edit.breaks & {NAMES},
        edit.undone & sides | edit.always,
    )


def difference(old: Json, new: Json) -> list[Change]:
    """Compare two documents."""
    return compare(Document.check(old, "old"), Document.check(new, "new"))


def disagreements(one: Trial, done: list[Change], undone: list[Change]) -> list[str]:
    """Return where the changes found break others than those of whom it is known."""
    wrong: list[str] = []
    for way, found, wanted in (("done", done, one.breaks), ("undone", undone, one.undone)):
        if {side for change in found for side in change.hits} != wanted:
            lines = "; ".join(change.line() for change in found)
            wrong.append(f"{one.edit} {way} at {one.place} breaks {sorted(wanted)}, not: {lines}")
    return wrong


# What a line says, and what it says the other way round.
OPPOSITES = [
    ("added", "removed"),
    ("made required", "made optional"),
    ("may be null now", "may no longer be null"),
    ("values are restricted", "values are no longer restricted"),
    ("property made read-only", "property no longer read-only"),
    ("property made write-only", "property no longer write-only"),
    ("operation deprecated", "operation no longer deprecated"),
    ("refused", "accepted"),
    ("use is deprecated", "use is no longer deprecated"),
]


def mirrored(found: list[Change]) -> list[str]:
    """Return what the lines of these changes say when old and new change places."""
    return sorted(_mirrored(change.what) for change in found)


def _mirrored(words: str) -> str:
    if changed := re.fullmatch(r"(.* from|path parameter renamed:) (.*) to (.*)", words):
        return f"{changed[1]} {changed[3]} to {changed[2]}"
    for one, other in (*OPPOSITES, *((other, one) for one, other in OPPOSITES)):
        if re.search(rf"\b{one}\b", words):
            return words.replace(one, other)
    raise ValueError(f"a line without an opposite: {words}")


def main() -> int:
    """Run the command."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    wrong: list[str] = []
    for seed in range(count):
        one = trial(seed)
        found = disagreements(one, difference(one.old, one.new), difference(one.new, one.old))
        wrong += [f"{seed}: {line}" for line in found]
    print(*wrong, f"{count} pairs, both ways: {len(wrong)} disagreements", sep="\n")  # noqa: T201 - a command's output
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
