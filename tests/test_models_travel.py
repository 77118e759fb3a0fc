"""Models in other people's libraries: read, written and described as they are, and without their secrets."""

from __future__ import annotations

import copy
import importlib
import json
import pickle
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Annotated, Any

import attrs
import cattrs
import msgspec
import orjson
import pytest
import yaml
from cattrs.strategies import use_class_methods
from fastapi import Body, FastAPI
from litestar import Litestar, get
from litestar.testing import TestClient as LitestarClient
from pydantic import TypeAdapter, ValidationError
from tools.generate import main
from tools.openapi.vendored import VENDORED

from sinch_provisioning import LineCredentials, OAuth2ClientCredentials, ProvisioningError, RetryPolicy
from sinch_provisioning_api.models import CreateRcsSenderRequest, CreateSenderRequest, RcsSender, Sender
from sinch_provisioning_emulator import Emulator
from sinch_provisioning_v1_2_api.models import UpdateWebhookRequest, WebhookRequest

from .conftest import client_on
from .fastapi.apps import TestClient

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


def test_msgspec_writes_models_and_no_secret() -> None:
    """What serializes attrs classes takes replies as they are, and finds no credentials and no unknown properties."""
    written = msgspec.json.encode(Sender.from_dict(REPLY))
    assert json.loads(written)["name"] == "Shop"
    assert CANARY.encode() not in written
    request = msgspec.json.decode(b'{"display_name": "Acme"}', type=CreateRcsSenderRequest)
    assert request.to_dict() == {"displayName": "Acme"}


def test_copies_and_pickles_are_equal_and_carry_no_secret() -> None:
    """A pickle leaves unknown secrets behind, and a model with channel credentials refuses to be pickled."""
    sender = Sender.from_dict({**REPLY, "channelCredentials": None, "tier": "gold"})
    stored = pickle.dumps(sender)
    assert CANARY.encode() not in stored
    assert pickle.loads(stored).additional_properties == {"tier": "gold"}
    full = Sender.from_dict(REPLY)
    for same in (copy.copy(full), copy.deepcopy(full)):
        assert same == full
        assert CANARY not in repr(same)
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(full)


def test_orjson_writes_what_a_model_says_of_itself() -> None:
    """`to_dict` has the names and the types of JSON; orjson's `default` takes it."""
    sender = RcsSender.from_dict({"id": "1", "displayName": "Acme", "createTime": "2024-01-01T00:00:00Z"})
    written = orjson.loads(orjson.dumps([sender], default=RcsSender.to_dict))
    assert written == [{"id": "1", "displayName": "Acme", "createTime": "2024-01-01T00:00:00+00:00"}]


def test_cattrs_uses_the_models_own_methods() -> None:
    """Its strategy for class methods reads and writes the names of the wire."""
    converter = cattrs.Converter()
    use_class_methods(converter, "from_dict", "to_dict")
    reply = {"id": "1", "displayName": "Acme"}
    sender = converter.structure(reply, RcsSender)
    assert sender == RcsSender.from_dict(reply)
    assert converter.unstructure(sender) == reply


@pytest.mark.parametrize("walk", [cattrs.unstructure, attrs.asdict, attrs.astuple])
@pytest.mark.parametrize(
    "model",
    [
        LineCredentials(CANARY, CANARY),
        OAuth2ClientCredentials("key-id", CANARY),
        CreateSenderRequest(name="Shop", channel_credentials={"token": CANARY}),
        Sender.from_dict(REPLY),
        WebhookRequest(target="https://shop.example", secret=CANARY, triggers=["ALL"]),
        UpdateWebhookRequest(secret=CANARY),
    ],
    ids=lambda model: type(model).__name__,
)
def test_who_walks_attributes_finds_no_secret(walk: Callable[[object], object], model: object) -> None:
    """Neither by the value of an attribute nor by the type that it is declared with."""
    assert CANARY not in str(walk(model))


def test_hidden_secret_is_read_set_compared_and_sent() -> None:
    """A property reveals what its attribute hides; a pickle leaves it behind."""
    request = WebhookRequest(target="https://shop.example", secret=CANARY, triggers=["ALL"])
    assert request.secret == CANARY == request.to_dict()["secret"]
    assert request == copy.deepcopy(request) == attrs.evolve(request)
    request.secret = "another"
    assert request.to_dict()["secret"] == "another"
    assert request != attrs.evolve(request, secret=CANARY)
    stored = pickle.dumps(attrs.evolve(request, secret=CANARY))
    assert CANARY.encode() not in stored
    assert pickle.loads(stored).secret is None


def test_a_request_model_is_a_fastapi_body() -> None:
    """The body is checked, described in the application's OpenAPI, and a mistake in it repeats no secret."""
    app = FastAPI()

    @app.post("/shops")
    async def create(body: Annotated[CreateSenderRequest, Body()]) -> dict[str, bool]:
        return {"given": body.to_dict()["channelCredentials"] == {"token": CANARY}}

    with TestClient(app) as service:
        good = service.post("/shops", json={"name": "Shop", "channelCredentials": {"token": CANARY}})
        assert good.json() == {"given": True}
        refused = service.post("/shops", json={"channelCredentials": {"token": CANARY}})
        assert refused.status_code == 422
        assert CANARY not in refused.text
    described = app.openapi()["components"]["schemas"]["CreateSenderRequest"]
    assert described["properties"]["name"]["description"]


def test_litestar_routes_return_models() -> None:
    """As they are, typed in the application's OpenAPI, without credentials."""

    @get("/shop", sync_to_thread=False)
    def shop() -> Sender:
        return Sender.from_dict(REPLY)

    with LitestarClient(Litestar([shop], logging_config=None)) as service:
        answer = service.get("/shop")
        assert answer.json()["name"] == "Shop"
        assert CANARY not in answer.text
        schemas = service.get("/schema/openapi.json").json()["components"]["schemas"]
    assert "create_time" in schemas["Sender"]["properties"]
