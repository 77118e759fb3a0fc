"""Models as responses, and as schemas of the application's own OpenAPI."""

from __future__ import annotations

from sinch_provisioning_emulator import Emulator

from .apps import in_process, opener, small_app


async def test_models_are_returned_and_described() -> None:
    """The app's own OpenAPI has a schema of each model under its name, and responses fit it."""
    app = small_app(opener(Emulator()))
    async with in_process(app) as http:
        document = (await http.get("/openapi.json")).json()
        sender = (await http.post("/senders")).json()
        line = await http.get("/line")
    content = document["paths"]["/senders"]["get"]["responses"]["200"]["content"]
    assert content["application/json"]["schema"]["items"] == {"$ref": "#/components/schemas/RcsSender"}
    properties = document["components"]["schemas"]["RcsSender"]["properties"]
    assert set(sender) == set(properties)
    assert {"displayName", "logoUrl", "createTime"} <= set(properties)
    assert properties["createTime"]["anyOf"][0] == {"type": "string", "format": "date-time"}
    assert set(document["components"]["schemas"]["Sender"]["properties"]) == set(line.json())
    assert "channelCredentials" not in line.json()
    assert "canary" not in line.text
    assert "application/problem+json" in document["paths"]["/senders"]["get"]["responses"]["503"]["content"]


async def test_what_the_document_does_not_know_stays_with_the_service() -> None:
    """An unknown property of a reply may be a live secret, so it is not handed on."""
    emulator = Emulator()
    emulator.inject("listRcsSenders", body={"senders": [{"id": "a", "authToken": "canary"}]})
    async with in_process(small_app(opener(emulator))) as http:
        reply = await http.get("/senders")
    assert reply.json()[0]["id"] == "a"
    assert "canary" not in reply.text


async def test_a_state_is_the_status_where_a_reply_has_none() -> None:
    """Sinch's own API says `state`, which the vendored document does not know; a status that is there stays."""
    emulator = Emulator()
    senders = [
        {"id": "a", "state": "IN_TEST"},
        {"id": "b", "status": "DRAFT", "state": "IN_TEST"},
        {"id": "c"},
    ]
    emulator.inject("listRcsSenders", body={"senders": senders})
    emulator.inject("createLineSender", body={"id": "d", "state": "ACTIVE"})
    async with in_process(small_app(opener(emulator))) as http:
        replied = [*(await http.get("/senders")).json(), (await http.get("/line")).json()]
    assert [each["status"] for each in replied] == ["IN_TEST", "DRAFT", None, "ACTIVE"]
