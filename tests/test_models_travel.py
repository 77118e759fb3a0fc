"""Models in other people's libraries: read, written and described as they are, and without their secrets."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi import FastAPI
from pydantic import TypeAdapter, ValidationError
from tools.generate import main
from tools.openapi.vendored import VENDORED

from sinch_provisioning import LineCredentials, ProvisioningError, RetryPolicy
from sinch_provisioning_api.models import CreateSenderRequest, RcsSender, Sender
from sinch_provisioning_emulator import Emulator

from .conftest import client_on

CANARY = "canary-1f7b"
REPLY = {
    "id": "1",
    "name": "Shop",
    "channelCredentials": {"token": CANARY},
    "createTime": "2024-01-01T00:00:00Z",
    "authToken": CANARY,
}


def test_pydantic_reads_and_writes_a_model_as_it_is() -> None:
    """Names are those of the wire, values those of the model, and a round trip loses secrets only."""
    adapter = TypeAdapter(Sender)
    sender = Sender.from_dict(REPLY)
    written = json.loads(adapter.dump_json(sender))
    assert written == {"id": "1", "name": "Shop", "status": None, "createTime": "2024-01-01T00:00:00Z"}
    assert adapter.validate_python(sender) is sender
    assert adapter.validate_python(written).create_time == sender.create_time
    with pytest.raises(ValidationError, match="expected a string, received int"):
        adapter.validate_python({"id": 7})


def test_schemas_have_the_documents_descriptions_and_a_request_its_secrets() -> None:
    """What goes out has no credentials; what comes in takes them."""
    properties = TypeAdapter(RcsSender).json_schema(mode="serialization")["properties"]
    assert properties["displayName"]["description"] == "The display name shown to recipients"
    assert "channelCredentials" not in TypeAdapter(Sender).json_schema(mode="serialization")["properties"]
    request = TypeAdapter(CreateSenderRequest)
    schema = request.json_schema()
    assert (schema["required"], set(schema["properties"])) == (["name"], {"name", "channelCredentials"})
    body = request.validate_python({"name": "Shop", "channelCredentials": {"token": CANARY}})
    assert body.to_dict()["channelCredentials"] == {"token": CANARY}
    assert CANARY not in request.dump_json(body).decode()


PROPERTIES: dict[str, object] = {
    "remark": {"type": ["string", "null"], "description": "A remark"},
    "snake_case": {"type": "string"},
    "tags": {"type": "array", "items": {"type": "string"}},
    "day": {"type": "string", "format": "date"},
    "tier": {"type": "string", "enum": ["GOLD", "SILVER"]},
    "owner": {"type": "object", "properties": {"fullName": {"type": "string"}, "apiKey": {"type": "string"}}},
}


@pytest.fixture
def revised(tmp_path: Path) -> Iterator[Any]:
    """Generate a package from a revision that adds a property of each kind, and import its models."""
    document = yaml.safe_load(VENDORED.read_text())
    document["components"]["schemas"]["RcsSender"]["properties"].update(PROPERTIES)
    (tmp_path / "revision.yaml").write_text(yaml.safe_dump(document))
    assert (
        main(["--spec", str(tmp_path / "revision.yaml"), "--out", str(tmp_path), "--package", "revised"]) == 0
    )
    sys.path.insert(0, str(tmp_path))
    try:
        yield importlib.import_module("revised.models")
    finally:
        sys.path.remove(str(tmp_path))
        for name in [name for name in sys.modules if name.split(".")[0] == "revised"]:
            del sys.modules[name]


def test_properties_of_any_kind_are_named_as_on_the_wire(revised: Any) -> None:
    """Nullable, snake_case, array, date, enum and nested properties all come as they went, a nested secret apart."""
    reply = {
        "id": "1",
        "remark": "fine",
        "snake_case": "x",
        "tags": ["a"],
        "day": "2024-01-01",
        "tier": "GOLD",
        "owner": {"fullName": "Ada", "apiKey": CANARY},
    }
    adapter = TypeAdapter(revised.RcsSender)
    written = json.loads(adapter.dump_json(revised.RcsSender.from_dict(reply), exclude_none=True))
    assert written == {**reply, "owner": {"fullName": "Ada"}}
    app = FastAPI()

    @app.get("/")
    async def root() -> None:
        """Return a sender."""

    app.get("/sender", response_model=revised.RcsSender)(root)
    properties = app.openapi()["components"]["schemas"]["RcsSender"]["properties"]
    assert properties["remark"]["description"] == "A remark"
    assert set(PROPERTIES) <= set(properties)


def walked(value: object, depth: int = 0) -> Iterator[str]:
    """Yield what an error tracker shows of a variable: the items of mappings and sequences, the repr of the rest."""
    if depth > 6:
        return
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from walked(name, depth + 1)
            yield from walked(item, depth + 1)
    elif isinstance(value, Sequence | Set) and not isinstance(value, str | bytes):
        for item in value:
            yield from walked(item, depth + 1)
    else:
        yield repr(value)


@pytest.mark.parametrize("given", [LineCredentials(CANARY, CANARY), {"token": CANARY, "secret": CANARY}])
async def test_who_walks_frame_variables_finds_no_secret(given: Any) -> None:
    """Whatever hangs on an error of ours, mappings walked item by item, shows no channel credentials."""
    emulator = Emulator()
    emulator.inject("createLineSender", status=500)
    async with client_on(emulator, retry=RetryPolicy(max_attempts=1)) as sinch:
        with pytest.raises(ProvisioningError) as caught:
            await sinch.line.create(name="Shop", channel_credentials=given)
    frame = caught.value.__traceback__
    seen: list[str] = []
    while frame is not None:
        if "/tests/" not in frame.tb_frame.f_code.co_filename:
            seen += [text for value in frame.tb_frame.f_locals.values() for text in walked(value)]
        frame = frame.tb_next
    assert len(seen) > 10
    assert not [text for text in seen if CANARY in text]
