"""Served from the document: what it gains is served with no edit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from sinch_provisioning_emulator import Emulator, EmulatorError

from .processes import SPEC


@pytest.fixture
def document() -> dict[str, Any]:
    """The vendored document as a tree that can be changed."""
    tree: dict[str, Any] = yaml.safe_load(SPEC.read_text())
    return tree


def saved(folder: Path, document: object) -> Path:
    """The document as a file (JSON is YAML)."""
    path = folder / "changed.yaml"
    path.write_text(json.dumps(document, default=str))
    return path


def client(emulator: Emulator) -> httpx.AsyncClient:
    """A client with basic auth, in process."""
    auth = (emulator.key_id, emulator.key_secret)
    return httpx.AsyncClient(transport=emulator.transport(), base_url=emulator.base_url, auth=auth)


async def test_a_new_channel_is_served_as_a_whole(tmp_path: Path, document: dict[str, Any]) -> None:
    """All patterns of another channel work, actions too, and its launch follows the life cycle."""
    for path, item in list(document["paths"].items()):
        if "/rcs/" in path:
            other = json.loads(
                json.dumps(item).replace("Rcs", "WhatsApp").replace("schemas/WhatsApp", "schemas/Rcs")
            )
            for operation in other.values():
                body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
                if body:
                    body["schema"]["$ref"] = body["schema"]["$ref"].replace("WhatsApp", "Rcs")
            document["paths"][path.replace("/rcs/", "/whatsapp/")] = other
    verify = {
        "operationId": "verifyWhatsAppSender",
        "requestBody": {
            "content": {
                "application/json": {
                    "schema": {"type": "object", "properties": {"color": {"type": "string", "maxLength": 7}}}
                }
            }
        },
        "responses": {
            "202": {
                "description": "ok",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/RcsSender"}}},
            }
        },
    }
    document["paths"]["/v1/projects/{project_id}/whatsapp/senders/{sender_id}/verify"] = {"post": verify}
    emulator = Emulator(spec=saved(tmp_path, document))
    base = "/v1/projects/p/whatsapp/senders"
    brand = {
        "displayName": "A",
        "description": "d",
        "logoUrl": "https://a.example",
        "heroImageUrl": "https://a.example",
        "phoneNumber": "+1",
        "privacyPolicy": "https://a.example",
        "termsOfService": "https://a.example",
    }
    async with client(emulator) as api:
        sender_id = (await api.post(base, json=brand)).json()["id"]
        verified = await api.post(f"{base}/{sender_id}/verify", json={"color": "#fff"})
        assert (verified.status_code, verified.json()["color"]) == (202, "#fff")
        assert (await api.post(f"{base}/{sender_id}/verify", json={"color": "#fffffff"})).status_code == 400
        assert (await api.post(f"{base}/{sender_id}/launch")).json()["status"] == "PREPARING_LAUNCH"
        emulator.clock.advance(hours=1)
        assert (await api.get(f"{base}/{sender_id}")).json()["status"] == "LAUNCHED"
        assert (await api.patch(f"{base}/{sender_id}", json={"displayName": "B"})).json()[
            "displayName"
        ] == "B"
        assert len((await api.get(base)).json()["senders"]) == 1
        assert (await api.delete(f"{base}/{sender_id}")).status_code == 200
    emulator.inject("verifyWhatsAppSender", status=500)


async def test_new_properties_parameters_and_rules_are_served(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    """A new property is kept and shown, a new enum is enforced, a required reply property is always there."""
    schemas = document["components"]["schemas"]
    for name in ("CreateRcsSenderRequest", "RcsSender"):
        schemas[name]["properties"]["tier"] = {"type": "string", "enum": ["gold", "tin"]}
    schemas["RcsSender"]["required"] = ["region", "limits"]
    schemas["RcsSender"]["properties"]["region"] = {"type": "string", "enum": ["eu", "us"]}
    schemas["RcsSender"]["properties"]["limits"] = {
        "type": "object",
        "required": ["daily"],
        "properties": {"daily": {"type": "integer", "minimum": 5}},
    }
    listing = document["paths"]["/v1/projects/{project_id}/rcs/senders"]["get"]
    listing["parameters"].append(
        {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 9}}
    )
    emulator = Emulator(spec=saved(tmp_path, document))
    async with client(emulator) as api:
        base = "/v1/projects/p/rcs/senders"
        made = (await api.post(base, json={"displayName": "A", "tier": "gold"})).json()
        assert (made["tier"], made["region"], made["limits"]) == ("gold", "eu", {"daily": 5})
        refused = await api.post(base, json={"displayName": "A", "tier": "lead"})
        assert refused.json()["message"].startswith("tier: ")
        assert (await api.get(base, params={"limit": "9"})).status_code == 200
        assert (await api.get(base, params={"limit": "10"})).status_code == 400


async def test_parameters_are_checked_wherever_they_are(tmp_path: Path, document: dict[str, Any]) -> None:
    """Path, query and header parameters: required ones are missed by name, others must fit their schemas."""
    listing = document["paths"]["/v1/projects/{project_id}/line/senders"]
    listing["parameters"] = [
        {"name": "project_id", "in": "path", "schema": {"type": "string"}, "required": True}
    ]
    listing["get"]["parameters"] = [
        {
            "name": "project_id",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": "^p[0-9]$"},
        },
        {"name": "X-Region", "in": "header", "required": True, "schema": {"enum": ["eu", "us"]}},
        {"name": "deep", "in": "query", "required": True, "schema": {"type": "boolean"}},
    ]
    emulator = Emulator(spec=saved(tmp_path, document))
    async with client(emulator) as api:
        for project, headers, query, offending in (
            ("p1", {"x-region": "eu"}, {"deep": "true"}, None),
            ("q1", {"x-region": "eu"}, {"deep": "true"}, "project_id"),
            ("p1", {"x-region": "mars"}, {"deep": "true"}, "X-Region"),
            ("p1", {}, {"deep": "true"}, "X-Region"),
            ("p1", {"x-region": "eu"}, {"deep": "very"}, "deep"),
            ("p1", {"x-region": "eu"}, {}, "deep"),
        ):
            reply = await api.get(f"/v1/projects/{project}/line/senders", headers=headers, params=query)
            assert reply.status_code == (200 if offending is None else 400)
            if offending is not None:
                assert reply.json()["message"].startswith(f"{offending}: ")


async def test_other_shapes_of_the_same_patterns_are_served(tmp_path: Path, document: dict[str, Any]) -> None:
    """A bare array as list, schemas put together with allOf, PUT as replacement, a view below an item."""
    schemas, paths = document["components"]["schemas"], document["paths"]
    schemas["Numbered"] = {"type": "object", "properties": {"number": {"type": "integer"}}}
    schemas["Hook"] = {
        "allOf": [{"$ref": "#/components/schemas/Numbered"}, {"$ref": "#/components/schemas/Sender"}]
    }
    shown = {
        "200": {
            "description": "",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Hook"}}},
        }
    }
    listed = {
        "200": {
            "description": "",
            "content": {
                "application/json": {
                    "schema": {"type": "array", "items": {"$ref": "#/components/schemas/Hook"}}
                }
            },
        }
    }
    body = {"required": True, **shown["200"]}
    base = "/v1/projects/{project_id}/webhooks"
    paths[base] = {
        "get": {"operationId": "listHooks", "responses": listed},
        "post": {"operationId": "createHook", "requestBody": body, "responses": {"201": shown["200"]}},
    }
    paths[base + "/{hook}"] = {
        "put": {"operationId": "replaceHook", "requestBody": body, "responses": shown},
        "delete": {"operationId": "deleteHook", "responses": {"204": {"description": ""}}},
    }
    paths[base + "/{hook}/status"] = {
        "get": {
            "operationId": "getHookStatus",
            "responses": {
                "200": {
                    "description": "",
                    "content": {
                        "application/json": {
                            "schema": {"type": "object", "properties": {"status": {"type": "string"}}}
                        }
                    },
                }
            },
        }
    }
    async with client(Emulator(spec=saved(tmp_path, document))) as api:
        base = "/v1/projects/p/webhooks"
        made = await api.post(base, json={"name": "A", "number": 1})
        assert (made.status_code, made.json()["number"]) == (201, 1)
        assert (await api.post(base, json={"name": "A", "number": "one"})).status_code == 400
        item = f"{base}/{made.json()['id']}"
        replaced = (await api.put(item, json={"name": "B"})).json()
        assert (replaced["name"], "number" in replaced, replaced["id"]) == ("B", False, made.json()["id"])
        assert (await api.get(base)).json() == [replaced]
        assert (await api.get(f"{item}/status")).json() == {"status": "ACTIVE"}
        assert (await api.delete(item)).status_code == 204
        assert (await api.get(base)).json() == []


async def test_base_path_token_path_and_open_operations_follow_the_document(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    """Server and token URL give the paths; an operation without security needs no credentials."""
    document["servers"] = [{"url": "https://api.example/sinch/"}]
    flow = document["components"]["securitySchemes"]["oAuth2"]["flows"]["clientCredentials"]
    flow["tokenUrl"] = "https://auth.example/t"
    document["paths"]["/v1/projects/{project_id}/line/senders"]["get"]["security"] = []
    emulator = Emulator(spec=saved(tmp_path, document))
    assert emulator.base_url.endswith("/sinch")
    assert emulator.token_url.endswith("/t")
    async with httpx.AsyncClient(transport=emulator.transport()) as api:
        assert (await api.get(emulator.base_url + "/v1/projects/p/line/senders")).status_code == 200
        assert (await api.get("http://host/v1/projects/p/line/senders")).status_code == 404
        assert (await api.post(emulator.token_url)).status_code == 400


async def test_optional_security_and_dates_in_yaml_are_read_as_they_are_meant(tmp_path: Path) -> None:
    """An empty requirement opens an operation; a default that looks like a date stays the text it is."""
    path = tmp_path / "spec.yaml"
    path.write_text(
        "openapi: 3.1.0\n"
        "security: [{basicAuth: []}]\n"
        "components: {securitySchemes: {basicAuth: {type: http, scheme: basic}}}\n"
        "paths:\n"
        "  /things:\n"
        "    post:\n"
        "      security: [{basicAuth: []}, {}]\n"
        "      requestBody: {content: {application/json: {schema: {properties: {id: {type: string}}}}}}\n"
        "      responses:\n"
        "        '200':\n"
        "          content:\n"
        "            application/json:\n"
        "              schema: {required: [since], properties: {since: {type: string, default: 2024-01-31}}}\n"
        "    get: {responses: {'200': {}}}\n"
    )
    emulator = Emulator(spec=path)
    async with httpx.AsyncClient(transport=emulator.transport(), base_url=emulator.base_url) as api:
        assert (await api.post("/things", json={})).json() == {"since": "2024-01-31"}
        refused = await api.get("/things")
    assert (refused.status_code, refused.headers.get_list("www-authenticate")) == (
        401,
        ['Basic realm="sinch"'],
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "No such file"),
        ("a: [", "can't read"),
        ("[]", "not an OpenAPI 3 document"),
        ("openapi: 3.1.0", "has no operations"),
        (
            "openapi: 3.1.0\npaths: {/a: {get: {operationId: a}, post: {operationId: a}}}",
            "two operations have the operationId a",
        ),
        ("openapi: 3.1.0\npaths: {/a: {$ref: '#/nowhere'}}", "has no target"),
        ("openapi: 3.1.0\npaths: {/a: {$ref: 'http://x/y'}}", "can't be resolved"),
    ],
)
def test_an_unusable_document_is_told_in_one_line(tmp_path: Path, text: str | None, told: str) -> None:
    """Missing, no YAML, no OpenAPI, contradicting itself."""
    path = tmp_path / "spec.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(EmulatorError, match=told) as caught:
        Emulator(spec=path)
    assert "\n" not in str(caught.value)


def test_an_edited_document_is_read_again(tmp_path: Path, document: dict[str, Any]) -> None:
    """What is kept between emulators is kept per version of the file."""
    path = saved(tmp_path, document)
    before = len(Emulator(spec=path).document.operations)
    for name in [each for each in document["paths"] if "/line/" in each]:
        del document["paths"][name]
    saved(tmp_path, document)
    assert len(Emulator(spec=path).document.operations) == before - 2
