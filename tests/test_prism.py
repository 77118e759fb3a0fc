"""A third party's judgement of what goes over the wire: Prism serves the vendored document and checks every request."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Iterator
from pathlib import Path

import httpx
import pytest

from sinch_provisioning import (
    BasicCredentials,
    Credentials,
    KakaoTalkCredentials,
    LineCredentials,
    OAuth2ClientCredentials,
    ProvisioningClient,
    ResponseDecodeError,
    TelegramCredentials,
)
from sinch_provisioning_emulator import Emulator

from .conftest import BRAND

ROOT = Path(__file__).parents[1]
PRISM = ROOT / "node_modules" / ".bin" / "prism"

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="Prism needs Node, which is not installed"),
    pytest.mark.skipif(not PRISM.exists(), reason="Prism is not installed: run `make setup`"),
]

REQUESTS = {
    "GET rcs/senders",
    "POST rcs/senders",
    "GET rcs/senders/{id}",
    "PATCH rcs/senders/{id}",
    "DELETE rcs/senders/{id}",
    "POST rcs/senders/{id}/launch",
    "GET kakaoTalk/senders",
    "POST kakaoTalk/senders",
    "GET line/senders",
    "POST line/senders",
    "GET telegram/senders",
    "POST telegram/senders",
}


@pytest.fixture(scope="module")
def prism() -> Iterator[str]:
    """Serve the vendored document with Prism on a free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    node = shutil.which("node")
    assert node is not None
    command = [node, str(PRISM), "mock", str(ROOT / "openapi" / "sinch-provisioning.yaml")]
    process = subprocess.Popen(
        [*command, "-h", "127.0.0.1", "-p", str(port)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if "Prism is listening" in line:
                break
        else:
            pytest.fail("Prism ended before it listened")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
async def tokens() -> AsyncIterator[Emulator]:
    """Serve a token endpoint, which Prism has none of."""
    emulator = Emulator()
    async with emulator.serve():
        yield emulator


class Watched(httpx.AsyncBaseTransport):
    """Sends requests on, and keeps which they were and what Prism found wrong with them."""

    def __init__(self, **headers: str) -> None:
        """Add `headers` to each request."""
        self.inner = httpx.AsyncHTTPTransport()
        self.headers = headers
        self.requests: set[str] = set()
        self.violations: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request on and read the verdict."""
        request.headers.update(self.headers)
        response = await self.inner.handle_async_request(request)
        path = request.url.path
        if path.startswith("/v1/projects/p/"):
            parts = path.removeprefix("/v1/projects/p/").split("/")
            parts[2:3] = ["{id}"] if len(parts) > 2 else []
            self.requests.add(f"{request.method} {'/'.join(parts)}")
        if verdict := response.headers.get("sl-violations"):
            self.violations.append(verdict)
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self.inner.aclose()


async def listed(senders: Awaitable[object]) -> None:
    """Await a list; of a document with pages, a stateless server sends the same one again, which is found out."""
    try:
        await senders
    except ResponseDecodeError as error:
        if "nextPageToken came twice" not in str(error):
            raise


async def call_everything(sinch: ProvisioningClient) -> None:
    """Make all twelve calls; a stateless server needs no order."""
    brand = BRAND.copy()
    brand["color"], brand["phone_number"] = "#0055AA", "+46700000000"
    await listed(sinch.rcs.list())
    await sinch.rcs.create(**brand)
    await sinch.rcs.get("sender-1")
    await sinch.rcs.update("sender-1", display_name="Acme", hero_image_url="https://acme.example/h.png")
    await sinch.rcs.delete("sender-1")
    await sinch.rcs.launch("sender-1")
    for channel in (sinch.kakaotalk, sinch.line, sinch.telegram):
        await listed(channel.list())
    await sinch.kakaotalk.create(name="k", channel_credentials=KakaoTalkCredentials("@acme", "sender-key"))
    await sinch.line.create(name="l", channel_credentials=LineCredentials("line-token", "line-secret"))
    await sinch.telegram.create(name="t", channel_credentials={"token": "1:bot", "webhook": {"on": True}})
    await sinch.telegram.create(name="t", channel_credentials=TelegramCredentials("1:bot"))


@pytest.mark.parametrize("scheme", ["oauth2", "basic"])
async def test_prism_finds_no_violation(prism: str, tokens: Emulator, scheme: str) -> None:
    """All twelve calls are what the document says, authorized either way."""
    credentials: Credentials = BasicCredentials("key-id", "key-secret")
    if scheme == "oauth2":
        credentials = OAuth2ClientCredentials(tokens.key_id, tokens.key_secret, tokens.token_url)
    transport = Watched()
    async with ProvisioningClient(
        project_id="p", credentials=credentials, base_url=prism, transport=transport
    ) as sinch:
        await call_everything(sinch)
    assert transport.violations == []
    assert transport.requests == REQUESTS


async def test_replies_with_unknown_properties_are_read(prism: str) -> None:
    """Replies that Prism makes up at random, unknown properties included, are read without complaint."""
    async with ProvisioningClient(
        project_id="p",
        credentials=BasicCredentials("key-id", "key-secret"),
        base_url=prism,
        transport=Watched(Prefer="dynamic=true"),
    ) as sinch:
        for _ in range(10):
            sender = await sinch.rcs.get("sender-1")
            assert sender.to_dict().keys() >= set(sender.additional_properties)
