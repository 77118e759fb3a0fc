"""The SDK and the two libraries that people use without one, as callers that all do the same work."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from typing import Protocol

import aiohttp
import httpx

from sinch_provisioning import OAuth2ClientCredentials, ProvisioningClient

from .server import FIXED_TOKEN, LIST_LENGTH

SENDERS = "/v1/projects/p1/rcs/senders"
BRAND = {"displayName": "Acme", "website": "https://acme.example"}
BEARER = {"Authorization": f"Bearer {FIXED_TOKEN}"}
READ_TIMEOUT = 30.0


class WrongAnswerError(Exception):
    """A caller came back with something that the server did not say: its time is worth nothing."""


class Caller(Protocol):
    """One way to call the API; each method checks what it got."""

    name: str

    async def get(self, number: int) -> None:
        """Fetch one sender."""
        ...

    async def create(self, number: int) -> None:
        """Create one sender."""
        ...

    async def list(self, number: int) -> None:
        """Fetch the list of a thousand."""
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


def sender_id(number: int) -> str:
    """Name the sender that call `number` asks for."""
    return f"sender-{number % 500}"


def check(found: object, wanted: object) -> None:
    """Refuse a wrong answer."""
    if found != wanted:
        raise WrongAnswerError(f"{found!r} instead of {wanted!r}")


def check_senders(senders: object) -> None:
    """Refuse a list that is not the server's; look at both ends only, for all callers alike."""
    if not isinstance(senders, list) or len(senders) != LIST_LENGTH:
        raise WrongAnswerError("not the thousand senders")
    first, last = senders[0], senders[-1]
    ids = [x["id"] if isinstance(x, Mapping) else x.id for x in (first, last)]
    check(ids, ["sender-0", f"sender-{LIST_LENGTH - 1}"])


class Sdk:
    """The SDK, OAuth2, retries, deadlines and bounded replies on, as they are by default."""

    name = "SDK"

    def __init__(
        self, url: str, connections: int, tls: ssl.SSLContext | None = None, proxy: str | None = None
    ) -> None:
        self._client = ProvisioningClient(
            project_id="p1",
            credentials=OAuth2ClientCredentials("key", "secret", f"{url}/oauth2/token"),
            base_url=url,
            max_connections=connections,
            verify=tls,
            proxy=proxy,
        )

    async def get(self, number: int) -> None:
        """Fetch one sender."""
        check((await self._client.rcs.get(sender_id(number))).id, sender_id(number))

    async def create(self, number: int) -> None:
        """Create one sender."""
        sender = await self._client.rcs.create(display_name="Acme", website="https://acme.example")
        check(sender.id, "Acme")

    async def list(self, number: int) -> None:
        """Fetch the list of a thousand."""
        check_senders(await self._client.rcs.list())

    async def aclose(self) -> None:
        """Close the client."""
        await self._client.aclose()


class RawHttpx:
    """httpx.AsyncClient and `response.json()`, nothing else: no retries, a token that never changes."""

    name = "httpx + json"

    def __init__(
        self, url: str, connections: int, tls: ssl.SSLContext | None = None, proxy: str | None = None
    ) -> None:
        self._http = httpx.AsyncClient(
            base_url=url,
            verify=True if tls is None else tls,
            proxy=proxy,
            headers=BEARER,
            timeout=httpx.Timeout(READ_TIMEOUT, pool=None),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        )

    async def get(self, number: int) -> None:
        """Fetch one sender."""
        response = await self._http.get(f"{SENDERS}/{sender_id(number)}")
        check(response.raise_for_status().json()["id"], sender_id(number))

    async def create(self, number: int) -> None:
        """Create one sender."""
        response = await self._http.post(SENDERS, json=BRAND)
        check(response.raise_for_status().json()["id"], "Acme")

    async def list(self, number: int) -> None:
        """Fetch the list of a thousand."""
        check_senders((await self._http.get(SENDERS)).raise_for_status().json()["senders"])

    async def aclose(self) -> None:
        """Close the client."""
        await self._http.aclose()


class RawAiohttp:
    """aiohttp.ClientSession and `response.json()`, nothing else."""

    name = "aiohttp + json"

    def __init__(
        self, url: str, connections: int, tls: ssl.SSLContext | None = None, proxy: str | None = None
    ) -> None:
        self._http = aiohttp.ClientSession(
            url,
            headers=BEARER,
            connector=aiohttp.TCPConnector(limit=connections, ssl=True if tls is None else tls),
            proxy=proxy,
            timeout=aiohttp.ClientTimeout(sock_read=READ_TIMEOUT),
            raise_for_status=True,
        )

    async def get(self, number: int) -> None:
        """Fetch one sender."""
        async with self._http.get(f"{SENDERS}/{sender_id(number)}") as response:
            check((await response.json())["id"], sender_id(number))

    async def create(self, number: int) -> None:
        """Create one sender."""
        async with self._http.post(SENDERS, data=json.dumps(BRAND).encode(), headers=_JSON) as response:
            check((await response.json())["id"], "Acme")

    async def list(self, number: int) -> None:
        """Fetch the list of a thousand."""
        async with self._http.get(SENDERS) as response:
            check_senders((await response.json())["senders"])

    async def aclose(self) -> None:
        """Close the session."""
        await self._http.close()


_JSON = {"Content-Type": "application/json"}


def own(
    url: str, connections: int, tls: ssl.SSLContext | None = None, proxy: str | None = None
) -> list[Caller]:
    """Make the SDK's caller and the two libraries'."""
    return [kind(url, connections, tls, proxy) for kind in (Sdk, RawHttpx, RawAiohttp)]
