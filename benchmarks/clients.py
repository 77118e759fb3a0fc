"""Two more HTTP libraries that promise speed, used as their pages show: JSON, no model, a token that never changes."""

from __future__ import annotations

from importlib import import_module

from .callers import BEARER, BRAND, READ_TIMEOUT, SENDERS, Caller, check, check_senders, sender_id


class RawNiquests:
    """niquests.AsyncSession and `response.json()`: urllib3's successor under the API of requests."""

    name = "niquests + json"

    def __init__(self, url: str, connections: int) -> None:
        # Imported here: only the benchmark's own environment has them.
        self._http = import_module("niquests").AsyncSession(
            base_url=url,
            headers=BEARER,
            timeout=READ_TIMEOUT,
            pool_connections=connections,
            pool_maxsize=connections,
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
        response = await self._http.get(SENDERS)
        check_senders(response.raise_for_status().json()["senders"])

    async def aclose(self) -> None:
        """Close the session."""
        await self._http.close()


class RawPyreqwest:
    """pyreqwest: reqwest and hyper in Rust, on threads of their own."""

    name = "pyreqwest + json"

    def __init__(self, url: str, connections: int) -> None:
        self._http = (
            import_module("pyreqwest.client")
            .ClientBuilder()
            .base_url(f"{url}/")
            .default_headers(BEARER)
            .max_connections(connections)
            .error_for_status(True)
            .build()
        )

    async def get(self, number: int) -> None:
        """Fetch one sender."""
        response = await self._http.get(f"{SENDERS}/{sender_id(number)}").build().send()
        check((await response.json())["id"], sender_id(number))

    async def create(self, number: int) -> None:
        """Create one sender."""
        response = await self._http.post(SENDERS).body_json(BRAND).build().send()
        check((await response.json())["id"], "Acme")

    async def list(self, number: int) -> None:
        """Fetch the list of a thousand."""
        response = await self._http.get(SENDERS).build().send()
        check_senders((await response.json())["senders"])

    async def aclose(self) -> None:
        """Close the client."""
        await self._http.close()


def other_clients(url: str, connections: int) -> list[Caller]:
    """Make both callers."""
    return [RawNiquests(url, connections), RawPyreqwest(url, connections)]
