"""The generator on what other generators drop or take for something else, each a part of one document."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
