"""The generator on what other generators drop or take for something else, each a part of one document."""

from __future__ import annotations

import importlib
import inspect
import io
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from tools.generate import main
from tools.normalize.operations import Operations

SPECS = Path(__file__).parent / "specs"


@contextmanager
def built(name: str, folder: Path) -> Iterator[tuple[Any, str]]:
    """Generate and import the package of a document; with what the generator said."""
    said = io.StringIO()
    package = f"api_of_{name}"
    with redirect_stdout(said):
        assert main(["--spec", str(SPECS / f"{name}.yaml"), "--out", str(folder), "--package", package]) == 0
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module(package), said.getvalue()
    finally:
        sys.path.remove(str(folder))
        for module in [module for module in sys.modules if module.split(".")[0] == package]:
            del sys.modules[module]


@pytest.fixture(scope="module")
def depot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The package of a document of everything that gets lost."""
    with built("depot", tmp_path_factory.mktemp("depot")) as (package, _):
        yield package


# --- alternatives


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("told", {"kind": "on", "by": "x"}, "On"),
        ("told", {"kind": "off", "by": "x"}, "Off"),
        ("told", {"kind": "blink", "by": "x"}, "UnknownObject"),
        ("numbered", {"kind": 2, "by": "x"}, "SignalsNumberedTwo"),
        ("numbered", {"kind": 3, "by": "x"}, "UnknownObject"),
        ("flagged", {"kind": False, "by": "x"}, "SignalsFlaggedNo"),
        ("flagged", {"by": "x"}, "SignalsFlaggedYes"),
        ("half", {"kind": "on", "by": "x"}, "On"),
        ("half", {"kind": "blink", "by": "x"}, "Other"),
        ("pet", {"sort": "Puma", "name": "x"}, "Puma"),
        ("pet", {"sort": "Lynx"}, "Lynx"),
        ("pet", {"sort": "Dodo"}, "Animal"),
        ("child", {"sort": "Puma"}, "Puma"),
        ("coded", {"sort": "x", "code": 2}, "Puma"),
    ],
)
def test_a_union_gives_the_class_that_its_tag_says(
    depot: Any, name: str, value: dict[str, object], kind: str
) -> None:
    """Constants of any type tell alternatives apart, and so does the discriminator of what they extend."""
    signals = depot.models.Signals.from_dict({name: value})
    assert type(getattr(signals, name)).__name__ == kind
    assert signals.to_dict() == {name: value}


def test_a_constant_outside_a_union_may_get_other_values(depot: Any) -> None:
    """A value that is added later is no reason to refuse a reply."""
    assert depot.models.Off.from_dict({"kind": "dimmed"}).kind == "dimmed"


def test_a_schema_may_hold_itself_with_additions(depot: Any) -> None:
    """What is merged of a schema and additions has one class at any depth."""
    data = {"side": 1, "inner": {"side": 2, "lid": "a", "inner": {"side": 3, "lid": "b"}}}
    box = depot.models.Box.from_dict(data)
    assert (type(box.inner.inner), box.inner.inner.lid) == (type(box.inner), "b")
    assert box.to_dict() == data


def test_a_percent_encoded_reference_means_the_same_schema(depot: Any) -> None:
    """There is one class, and no second one with a number."""
    assert [name for name in dir(depot.models) if name.startswith("Odd")] == ["OddName", "OddNameFields"]


# --- parameters and replies


async def test_headers_of_any_type(depot: Any) -> None:
    """Each is sent in its style."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(201, json={})

    client = depot.Client(
        httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="https://x.example")
    )
    await depot.api.get_signal(
        client,
        "a",
        x_ids=[1, 2],
        x_filter=depot.models.GetSignalXFilter(a="b"),
        x_since=datetime(2020, 1, 1, tzinfo=UTC),
        x_kind="fast",
        x_api="2022-11-28",
        x_any="z",
        x_json={"c": 1},
    )
    headers = seen[0].headers
    names = ["X-Ids", "X-Filter", "X-Since", "X-Kind", "X-Api", "X-Any", "X-Json"]
    assert [headers[name] for name in names] == [
        "1,2",
        "a,b",
        "2020-01-01T00:00:00+00:00",
        "fast",
        "2022-11-28",
        "z",
        '{"c":1}',
    ]
    assert headers["Accept"] == "application/pdf, application/json"


def test_docstrings_have_the_descriptions_of_parameters(depot: Any) -> None:
    """Each by the name that Python has for it."""
    assert (
        inspect.getdoc(depot.api.get_signal)
        == "Call GET /signals/{code}.\n\nx_ids: Those that were asked for."
    )


# --- null for a required property


def test_null_for_a_required_property_of_a_reply_reads_as_none(depot: Any) -> None:
    """It reads as None whatever its type, and `to_dict` gives the null back."""
    data = dict.fromkeys(["id", "weight", "sent", "box", "labels", "event"])
    parcel = depot.models.Parcel.from_dict(data)
    assert [getattr(parcel, name) for name in data] == [None] * 6
    assert parcel.to_dict() == data


@pytest.mark.parametrize("name", ["id", "weight", "sent", "box", "labels", "event"])
def test_a_required_property_that_is_missing_is_a_mismatch(depot: Any, name: str) -> None:
    """Only null is forgiven: the reply is not what the document describes where a property is not there."""
    data = dict.fromkeys({"id", "weight", "sent", "box", "labels", "event"} - {name})
    with pytest.raises(depot.SchemaMismatchError, match=rf"Parcel\.{name}: expected .*, received nothing"):
        depot.models.Parcel.from_dict(data)


def test_a_model_that_is_sent_refuses_none(depot: Any) -> None:
    """A null that came reads as None, but is not sent: only the caller can say what belongs there."""
    receipt = depot.models.Receipt.from_dict({"id": "1", "order": {"to": None}})
    assert receipt.order.to is None
    with pytest.raises(depot.InvalidArgumentError, match=r"ParcelOrder\.to is required"):
        receipt.order.to_dict()


def test_a_model_that_is_only_sent_takes_no_null(depot: Any) -> None:
    """Nothing that a server does is a reason to take it."""
    with pytest.raises(
        depot.SchemaMismatchError, match=r"PostParcelBody\.to: expected a string, received null"
    ):
        depot.models.PostParcelBody.from_dict({"to": None})


def test_a_union_prefers_what_allows_the_null(depot: Any) -> None:
    """An alternative that the null contradicts is taken only where no other one fits."""
    models = depot.models
    parcel = {
        **dict.fromkeys(["id", "weight", "sent", "box", "labels"]),
        "event": {"place": None, "by": None},
    }
    assert type(models.Parcel.from_dict(parcel).event) is models.Loss
    parcel["event"] = {"place": None, "by": "Ann"}
    event = models.Parcel.from_dict(parcel).event
    assert (type(event), event.by) == (models.Sighting, "Ann")
    assert event.to_dict() == parcel["event"]


# --- operations and references of any form


@pytest.fixture(scope="module")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, str]]:
    """The package of a 3.2 document, and what the generator said."""
    with built("harbour", tmp_path_factory.mktemp("harbour")) as made:
        yield made


def test_methods_of_any_name(harbour: tuple[Any, str]) -> None:
    """OpenAPI 3.2 has the method QUERY, which is repeatable, and any other, which nobody can tell."""
    package, _ = harbour
    found = {name: (one.method, one.path, one.repeatable) for name, one in package.OPERATIONS.items()}
    assert found == {
        "queryShips": ("QUERY", "/ships", True),
        "copyShips": ("COPY", "/ships", False),
        "listShips": ("GET", "/ships", True),
        "listDocks": ("GET", "//docks", True),
        "getQuays": ("GET", "/quays", True),
        "putQuay": ("PUT", "/quays", True),
        "postLoop": ("POST", "/loops", False),
        "postCargo": ("POST", "/cargo", False),
    }


def test_anchors_and_ids_lead_to_their_schemas(harbour: tuple[Any, str]) -> None:
    """All references to one schema give one class."""
    package, _ = harbour
    models = package.models
    data = {"crew": {"captain": "a"}, "again": {"captain": "b"}, "next": {"name": "c"}, "any": {"name": "d"}}
    ship = models.Ship.from_dict(data)
    assert [type(one) for one in (ship.crew, ship.again)] == [type(ship.crew)] * 2
    assert (ship.again.captain, type(ship.next_), type(ship.any_)) == ("b", models.Ship, models.Ship)
    assert package.OPERATIONS["copyShips"].response_model is models.Ship


def test_what_leads_nowhere_is_said(harbour: tuple[Any, str]) -> None:
    """Each loss has the place that the document gives it; many of a kind are one line, and all are counted."""
    package, said = harbour
    assert package.SERVER_URL == "https://eu.harbour.example/2/{zone}"
    *lines, last = said.splitlines()
    assert lines[0] == "warning: #/paths/~1loops/post: a query parameter has no name and is ignored"
    assert lines[1] == (
        "warning: #/servers/0: the variable 'zone' has no default, so SERVER_URL still has it in braces"
    )
    assert "'items' is sent as items[0][...]" in lines[2]
    assert "'rows' is sent as rows[0][...]" in lines[3]
    assert lines[4:] == [
        "warning: #/paths/~1loops/post/parameters/0: it refers to itself and is ignored (8 of this kind)"
    ]
    assert last.endswith(": generated, 12 warnings")


@pytest.mark.parametrize("ref", ["#nowhere", "https://x.example/thing#here"])
def test_an_anchor_that_is_nowhere_is_refused(
    ref: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line says what is missing."""
    spec = tmp_path / "x.yaml"
    spec.write_text(
        f"openapi: 3.1.0\ninfo: {{}}\npaths: {{}}\ncomponents: {{schemas: {{A: {{$ref: '{ref}'}}}}}}"
    )
    assert main(["--spec", str(spec), "--out", str(tmp_path / "out")]) == 2
    said = (
        "is no $anchor of this document" if ref.startswith("#") else "is in another file: bundle them first"
    )
    assert f"#/components/schemas/A/$ref: {ref!r} {said}" in capsys.readouterr().err


# --- what is refused


def test_a_package_without_one_of_the_operations_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Operations are counted on every run, and what was there before stays."""
    normalize = Operations.of

    def forgetful(*args: Any) -> Operations:
        operations = normalize(*args)
        lost = next(name for name, one in operations.metadata.items() if one.operation_id == "putQuay")
        del operations.metadata[lost]
        operations.paths.pop(next(path for path, item in operations.paths.items() if "put" in item))
        return operations

    monkeypatch.setattr(Operations, "of", forgetful)
    assert main(["--spec", str(SPECS / "harbour.yaml"), "--out", str(tmp_path), "--package", "x"]) == 2
    assert "of its 8 operations the package would have 7" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_schemas_nested_too_deeply_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, and no traceback."""
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(200):
        schema = {"type": "object", "properties": {"a": schema}}
    spec = tmp_path / "deep.json"
    document = {"openapi": "3.1.0", "info": {}, "paths": {}, "components": {"schemas": {"A": schema}}}
    spec.write_text(json.dumps(document))
    assert main(["--spec", str(spec), "--out", str(tmp_path / "out")]) == 2
    assert "nested too deeply" in capsys.readouterr().err


def test_an_error_names_the_operation_as_the_document_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What openapi-python-client calls `GET /1/{parcel}` has its place in the document."""
    monkeypatch.setattr("tools.normalize.operations.without_null", lambda plain: {"type": "null"})
    assert main(["--spec", str(SPECS / "depot.yaml"), "--out", str(tmp_path), "--package", "x"]) == 2
    said = capsys.readouterr().err
    assert "no code can be generated for getParcel, getSignal, putParcel" in said
    assert "#/paths/~1parcels~1{parcel}/put" in said
    assert not re.search(r"(GET|PUT) /\d", said)
