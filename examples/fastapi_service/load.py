"""The service's clients: brands that want to be launched, pages that ask for their state, visitors who leave."""

from __future__ import annotations

import asyncio

import httpx

from sinch_provisioning_v1_2_api.models import CreateRcsSenderRequest, RcsSenderDetailsInputFields

from ..demo_v1_2 import BRAND, DETAILS

PROJECT, POLLED = "example", "polled"


async def onboard(http: httpx.AsyncClient, project: str, count: int, failed: dict[int, int]) -> list[str]:
    """Launch that many brands at once, and return where they are found."""
    path = f"/projects/{project}/brands"
    replies = await asyncio.gather(*(http.post(path, json=brand(f"Brand {each}")) for each in range(count)))
    for reply in replies:
        if reply.status_code != 202:
            failed[reply.status_code] = failed.get(reply.status_code, 0) + 1
    return [reply.headers["location"] for reply in replies if "location" in reply.headers]


async def follow(http: httpx.AsyncClient, location: str, *, poll: bool = False) -> None:
    """Follow a brand to the end of its launch."""
    async with http.stream("GET", f"{location}/events", params={"poll": poll}) as stream:
        async for line in stream.aiter_lines():
            if line in ("event: done", "event: failed"):
                break


def brand(name: str) -> dict[str, object]:
    """Return what carriers ask for, as the JSON of a request."""
    details: RcsSenderDetailsInputFields = {**DETAILS, "brand": {**BRAND, "name": name}}
    return CreateRcsSenderRequest("EU", "CONVERSATIONAL", "TRANSACTIONAL", details).to_dict()


async def fetch(http: httpx.AsyncClient, gate: asyncio.Semaphore, path: str) -> int:
    """Ask, wait for the answer, and return its status."""
    async with gate:
        return (await http.get(path)).status_code


async def abandon(http: httpx.AsyncClient, gate: asyncio.Semaphore, path: str, *, after: float) -> None:
    """Ask, and hang up `after` seconds whether there is an answer or not."""
    url = http.base_url
    async with gate:
        _, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {url.host}\r\n\r\n".encode())
        await writer.drain()
        await asyncio.sleep(after)
        writer.close()
        await writer.wait_closed()
