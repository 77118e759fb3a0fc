"""The generator on what other generators drop or take for something else, each a part of one document."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from tools.generate import main

SPEC = Path(__file__).parent / "specs" / "depot.yaml"


@pytest.fixture(scope="module")
def depot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The package."""
    folder = tmp_path_factory.mktemp("depot")
    assert main(["--spec", str(SPEC), "--out", str(folder), "--package", "api_of_depot"]) == 0
    sys.path.insert(0, str(folder))
    yield importlib.import_module("api_of_depot")
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.startswith("api_of_depot")]:
        del sys.modules[name]


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
