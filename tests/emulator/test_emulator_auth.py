"""Doors: keys, tokens, schemes and projects."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from sinch_provisioning_emulator import Emulator

LINE = "/v1/projects/p1/line/senders"
GRANT = {"grant_type": "client_credentials"}


async def token_of(api: httpx.AsyncClient, emulator: Emulator) -> str:
    """A fresh access token."""
    reply = await api.post(emulator.token_url, data=GRANT, auth=(emulator.key_id, emulator.key_secret))
    assert reply.status_code == 200
    return str(reply.json()["access_token"])


async def test_tokens_come_by_header_and_by_form(api: httpx.AsyncClient, emulator: Emulator) -> None:
    """Both ways of RFC 6749 give a bearer token of an hour, never to be cached, and each one opens the door."""
    form = {**GRANT, "client_id": emulator.key_id, "client_secret": emulator.key_secret}
    by_form = await httpx.AsyncClient.post(api, emulator.token_url, data=form, auth=lambda request: request)
    by_header = await api.post(emulator.token_url, data=GRANT)
    for reply in (by_form, by_header):
        told = reply.json()
        assert (reply.status_code, told["token_type"], told["expires_in"]) == (200, "bearer", 3600)
        assert reply.headers["cache-control"] == "no-store"
        headers = {"authorization": f"Bearer {told['access_token']}"}
        assert (await api.get(LINE, headers=headers, auth=lambda request: request)).status_code == 200


@pytest.mark.parametrize(
    ("form", "auth", "status", "error"),
    [
        (GRANT, ("emulator-key-id", "wrong"), 401, "invalid_client"),
        (GRANT, ("unknown", "emulator-key-secret"), 401, "invalid_client"),
        ({**GRANT, "client_id": "emulator-key-id", "client_secret": "no"}, None, 401, "invalid_client"),
        (GRANT, None, 401, "invalid_client"),
        ({}, ("emulator-key-id", "emulator-key-secret"), 400, "invalid_request"),
        (
            {"grant_type": "password"},
            ("emulator-key-id", "emulator-key-secret"),
            400,
            "unsupported_grant_type",
        ),
    ],
)
async def test_the_token_endpoint_refuses_as_oauth_says(
    emulator: Emulator, form: dict[str, str], auth: Any, status: int, error: str
) -> None:
    """The error is OAuth's own, and it is on record without a secret."""
    async with httpx.AsyncClient(transport=emulator.transport()) as api:
        reply = await api.post(
            emulator.token_url,
            content=httpx.QueryParams(form).__str__(),
            auth=auth,
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
        assert (reply.status_code, reply.json()) == (status, {"error": error})
        assert (await api.get(emulator.token_url)).status_code == 405
        assert (await api.post(emulator.token_url, json=GRANT, auth=auth)).status_code == 400
    assert emulator.requests.count("token", status=status) >= 1


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer nonsense",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"emulator-key-id:wrong").decode(),
        "Basic " + base64.b64encode(b"emulator-key-id").decode(),
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
        "Digest emulator-key-secret",
    ],
)
async def test_nobody_else_comes_in(emulator: Emulator, authorization: str | None) -> None:
    """401 before anything is looked at, with a challenge for each scheme of the document."""
    headers = {} if authorization is None else {"authorization": authorization}
    async with httpx.AsyncClient(transport=emulator.transport(), base_url=emulator.base_url) as api:
        reply = await api.post(LINE, headers=headers, content=b"{")
    assert reply.status_code == 401
    assert reply.json()["errorCode"] == "unauthorized_error"
    assert [each.split()[0] for each in reply.headers.get_list("www-authenticate")] == ["Basic", "Bearer"]


async def test_tokens_expire_when_their_hour_is_over(emulator: Emulator) -> None:
    """A token is good for 3,600 seconds of the emulator's clock; several are good at once."""
    async with httpx.AsyncClient(transport=emulator.transport(), base_url=emulator.base_url) as api:
        first = {"authorization": f"Bearer {await token_of(api, emulator)}"}
        emulator.clock.advance(minutes=59)
        second = {"authorization": f"Bearer {await token_of(api, emulator)}"}
        assert [(await api.get(LINE, headers=each)).status_code for each in (first, second)] == [200, 200]
        emulator.clock.advance(minutes=1)
        assert [(await api.get(LINE, headers=each)).status_code for each in (first, second)] == [401, 200]
        await token_of(api, emulator)
        assert (await api.get(LINE, headers=first)).json()["message"] == "The access token has expired"
        emulator.expire_tokens()
        assert (await api.get(LINE, headers=second)).json()["message"] == "The access token has expired"


async def test_a_key_may_be_for_some_projects_only(emulator: Emulator) -> None:
    """403 elsewhere, with either scheme."""
    emulator.add_key("other", "s3cret", projects=["p1"])
    async with httpx.AsyncClient(transport=emulator.transport(), base_url=emulator.base_url) as api:
        reply = await api.post(emulator.token_url, data=GRANT, auth=("other", "s3cret"))
        bearer = {"authorization": f"Bearer {reply.json()['access_token']}"}
        assert (await api.get(LINE, headers=bearer)).status_code == 200
        refused = await api.get("/v1/projects/p2/line/senders", headers=bearer)
        assert (refused.status_code, refused.json()["errorCode"]) == (403, "permission_denied")
        assert (await api.get("/v1/projects/p2/line/senders", auth=("other", "s3cret"))).status_code == 403


async def test_the_record_holds_no_secret(emulator: Emulator) -> None:
    """Neither key secrets nor tokens nor channel credentials can be read out of what is remembered."""
    async with httpx.AsyncClient(transport=emulator.transport(), base_url=emulator.base_url) as api:
        token = await token_of(api, emulator)
        headers = {"authorization": f"Bearer {token}"}
        body = {"name": "A", "channelCredentials": {"token": "hunter2", "secret": "hunter3"}}
        created = await api.post(LINE, json=body, headers=headers, params={"access_token": "hunter4"})
    assert created.json()["channelCredentials"] == body["channelCredentials"]
    told = repr(list(emulator.requests)) + repr(list(emulator.senders)) + repr(emulator)
    for secret in (token, emulator.key_secret, "hunter2", "hunter3", "hunter4"):
        assert secret not in told
    assert emulator.requests[-1].body == {"name": "A", "channelCredentials": "***"}
    assert (emulator.requests[-1].scheme, emulator.requests[-1].key_id) == ("bearer", emulator.key_id)
