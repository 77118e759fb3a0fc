"""Canaries: no secret shows in a repr, a str, a log record, a chain, a pickle or a traceback with variables."""

from __future__ import annotations

import asyncio
import base64
import copy
import io
import pickle
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from sinch_provisioning import (
    BasicCredentials,
    BearerToken,
    ConfigurationError,
    KakaoTalkCredentials,
    LineCredentials,
    OAuth2ClientCredentials,
    ProvisioningClient,
    ProvisioningError,
    TelegramCredentials,
)
from sinch_provisioning.credentials import Secret

from .faults import faults
from .faults.clients import KEY_SECRET, TRANSPORTS, client_on, policy, settle
from .faults.server import Server

CANARY = "canary-7f3a9c"
BASIC = base64.b64encode(f"key-id:{KEY_SECRET}".encode()).decode()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """Serve until the test's end."""
    async with Server() as running:
        yield running


def shown(error: BaseException) -> str:
    """Return all that a traceback with variables, a repr, a str and a pickle show of `error` and its chain."""
    lines: list[str] = []
    links: list[BaseException | None] = [error]
    while links:
        link = links.pop()
        if link is None:
            continue
        # The frames of the test are not the package's.
        frames = [
            (frame, line)
            for frame, line in traceback.walk_tb(link.__traceback__)
            if "/tests/" not in frame.f_code.co_filename
        ]
        for frame, line in frames:
            lines.append(f"{frame.f_code.co_filename}:{line}")
            lines += [f"{name} = {value!r}" for name, value in frame.f_locals.items()]
        lines += [repr(link), str(link), repr(link.args)]
        links += [link.__cause__, link.__context__]
    if isinstance(error, ProvisioningError):
        lines.append(repr(pickle.dumps(error)))
    return "\n".join(lines)


async def failure_of(call: Awaitable[object]) -> str:
    """Await a call that fails, and return all that its failure shows."""
    try:
        await call
    except (ProvisioningError, TypeError, asyncio.CancelledError) as error:
        return shown(error)
    raise AssertionError("the call succeeded")


def clean(text: str, server: Server | None = None) -> bool:
    """Whether no secret of these tests is in `text`."""
    secrets = [CANARY, KEY_SECRET, BASIC, *(() if server is None else server.issued)]
    return not any(secret in text for secret in secrets)


@pytest.mark.parametrize(
    "value",
    [
        Secret(CANARY),
        OAuth2ClientCredentials("key-id", CANARY),
        BasicCredentials("key-id", CANARY),
        BearerToken(CANARY),
        LineCredentials(CANARY, CANARY),
        TelegramCredentials(CANARY),
        KakaoTalkCredentials(CANARY, CANARY),
    ],
    ids=lambda value: type(value).__name__,
)
def test_credentials_show_nothing_and_are_not_pickled(value: object) -> None:
    """A repr, a str, a format and a copy of credentials hold no secret; a pickle is refused."""
    assert clean(f"{value!r} {value} {[value]} {copy.copy(value)!r} {copy.deepcopy(value)!r}")
    with pytest.raises(TypeError):
        pickle.dumps(value)
    assert copy.deepcopy(value) == value


@pytest.mark.parametrize("bad", ["\r\n", "\n", "\0", " ", "\t", "\x7f", "é"])
@pytest.mark.parametrize(
    "make",
    [
        lambda secret: OAuth2ClientCredentials("key-id", secret),
        lambda secret: BasicCredentials("key-id", secret),
        BearerToken,
        lambda secret: LineCredentials("token", secret),
        lambda secret: LineCredentials(secret, "secret"),
        TelegramCredentials,
        lambda secret: KakaoTalkCredentials("id", secret),
    ],
)
def test_secret_that_no_header_can_carry_is_refused_without_echo(
    make: Callable[[str], object], bad: str
) -> None:
    """A line break copied along is named, and neither message nor variables repeat the secret."""
    with pytest.raises(ConfigurationError, match="another character") as caught:
        make(CANARY + bad + "X-Evil: 1")
    assert clean(shown(caught.value))


def test_refused_environment_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors about the environment's settings show neither the secret in it nor the environment."""
    monkeypatch.setenv("SINCH_KEY_SECRET", CANARY)
    with pytest.raises(ConfigurationError) as missing_project:
        ProvisioningClient()
    with pytest.raises(ConfigurationError) as missing_key:
        ProvisioningClient(project_id="p1")
    monkeypatch.setenv("SINCH_KEY_ID", "key-id")
    monkeypatch.setenv("SINCH_KEY_SECRET", CANARY + "\n")
    with pytest.raises(ConfigurationError) as broken:
        ProvisioningClient(project_id="p1")
    monkeypatch.setenv("SINCH_KEY_SECRET", CANARY)
    with pytest.raises(ConfigurationError) as insecure:
        ProvisioningClient(project_id="p1", base_url="http://api.example")
    with pytest.raises(ConfigurationError) as user_in_url:
        ProvisioningClient(project_id="p1", base_url=f"https://user:{CANARY}@api.example")
    for caught in (missing_project, missing_key, broken, insecure):
        assert clean(shown(caught.value))
    assert clean(str(user_in_url.value))


FAULTS: dict[str, faults.Fault] = {
    "dropped": faults.drop,
    "garbage": faults.raw(b"garbage\r\n\r\n"),
    "decode": faults.status(200, b'{"id": 7, "authToken": "' + CANARY.encode() + b'"}'),
    "no_json": faults.status(200, b"<" + CANARY.encode() + b">"),
    "refused": faults.status(401),
    "failed": faults.status(500),
}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_failed_call_shows_no_secret(
    server: Server, transport: str, fault: str, everything_logged: io.StringIO
) -> None:
    """With every logger at its lowest level: not in the logs, not in the error and all that hangs on it."""
    server.always("POST rcs", FAULTS[fault])
    async with client_on(server, transport=transport) as sinch:
        text = await failure_of(sinch.rcs.create(display_name="Acme"))
        assert clean(text, server)
        assert clean(repr(sinch) + repr(sinch.rcs) + repr(sinch._project), server)
    assert "createRcsSender" in everything_logged.getvalue()
    assert clean(everything_logged.getvalue(), server)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("code", [400, 401, 404, 409, 429, 500, 302])
async def test_server_that_echoes_secrets_is_not_repeated(
    server: Server, transport: str, code: int, everything_logged: io.StringIO
) -> None:
    """An error that quotes the request's headers and body, escaped in any way, has its secrets masked."""

    async def echo(exchange: faults.Exchange) -> bool:
        token = exchange.seen.token
        escaped = "".join(f"\\u{ord(letter):04x}" for letter in token)
        body = (
            f'{{"message": "you sent {escaped} and {CANARY}", "errorCode": "{token}", '
            f'"details": {{"{CANARY}": ["Bearer {token}"]}}}}'
        )
        return await faults.status(code, body.encode())(exchange)

    server.always("POST line", echo)
    async with client_on(server, transport=transport, retry=policy(max_attempts=1)) as sinch:
        call = sinch.line.create(name="Acme", channel_credentials={"token": CANARY, "secret": CANARY})
        text = await failure_of(call)
    assert clean(text, server)
    assert clean(everything_logged.getvalue(), server)


async def test_token_that_is_not_kept_is_masked_too(server: Server) -> None:
    """A token without a life is a secret while it is used, also where a request id repeats it."""

    async def echo(exchange: faults.Exchange) -> bool:
        token = exchange.seen.token
        return await faults.status(400, {"message": token}, X_Request_Id=f"{token}-1")(exchange)

    server.expires_in = 0
    server.always("GET rcs", echo)
    async with client_on(server) as sinch:
        assert clean(await failure_of(sinch.rcs.list()), server)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_cancelled_call_shows_no_secret(server: Server, transport: str) -> None:
    """The cancellation that comes through has no frame on it whose variables hold the request."""
    server.always("GET rcs", faults.hang)
    async with client_on(server, transport=transport) as sinch:
        call = asyncio.ensure_future(sinch.rcs.list())
        await settle(lambda: server.count("GET rcs") == 1)
        call.cancel()
        assert clean(await failure_of(call), server)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_refused_key_shows_no_secret(
    server: Server, transport: str, everything_logged: io.StringIO
) -> None:
    """A token endpoint that repeats the key secret is not repeated."""
    server.always(
        "token", faults.status(401, {"error": "invalid_client", "error_description": KEY_SECRET + BASIC})
    )
    async with client_on(server, transport=transport) as sinch:
        assert clean(await failure_of(sinch.rcs.list()), server)
    assert clean(everything_logged.getvalue(), server)


async def test_wrong_keyword_shows_no_credentials(server: Server) -> None:
    """A misspelt keyword beside plain channel credentials is a TypeError that does not show them."""
    options: dict[str, Any] = {"name": "Acme", "channel_credentials": {"token": CANARY}, "nmae": "typo"}
    async with client_on(server) as sinch:
        assert clean(await failure_of(sinch.line.create(**options)))
        assert clean(await failure_of(sinch.line.ensure(**options)))


async def test_client_is_not_pickled(server: Server) -> None:
    """A client holds a key and sockets, and neither travels."""
    async with client_on(server) as sinch:
        with pytest.raises((TypeError, AttributeError)):
            pickle.dumps(sinch)


async def test_hooks_are_told_no_secret(server: Server) -> None:
    """Events name operations and keys, no tokens."""
    told: list[object] = []
    server.arm("GET rcs", faults.status(503))
    async with client_on(server, on_attempt=told.append, on_retry=told.append, on_token=told.append) as sinch:
        await sinch.rcs.list()
    assert len(told) >= 4
    assert clean(repr(told), server)


@pytest.mark.parametrize(
    "name", ["refreshToken", "senderKey", "private_key", "secretKey", "credentials", "Api-Key"]
)
async def test_secret_in_a_body_of_any_request_is_masked(server: Server, name: str) -> None:
    """Whatever the generated models mask is masked in errors too: there is one list of names."""

    async def echo(exchange: faults.Exchange) -> bool:
        return await faults.status(400, {"message": f"invalid value {CANARY}"})(exchange)

    server.always("POST rcs", echo)
    async with client_on(server) as sinch:
        call = sinch.request("POST", "/v1/projects/{project_id}/rcs/senders", json={name: [CANARY]})
        text = await failure_of(call)
    assert clean(text, server)
