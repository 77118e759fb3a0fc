"""The service's clients: brands that want to be launched, pages that ask for their state, visitors who leave."""

from __future__ import annotations

import asyncio

import httpx


async def onboard(http: httpx.AsyncClient, count: int, failed: dict[int, int]) -> list[str]:
    """Launch that many brands at once, follow each one to its end, and return where they are found."""
    done = await asyncio.gather(*(_onboard(http, f"Brand {number}") for number in range(count)))
    for status, _ in done:
        if status != 202:
            failed[status] = failed.get(status, 0) + 1
    return [location for _, location in done]


async def _onboard(http: httpx.AsyncClient, name: str) -> tuple[int, str]:
    site = "https://brand.example"
    fields = {
        "display_name": name,
        "description": "Orders and deliveries",
        "logo_url": f"{site}/logo.png",
        "hero_image_url": f"{site}/hero.png",
        "website": site,
        "privacy_policy": f"{site}/privacy",
        "terms_of_service": f"{site}/terms",
    }
    reply = await http.post("/projects/example/brands", json=fields)
    location = reply.headers.get("location", "")
    if location:
        async with http.stream("GET", f"{location}/events") as stream:
            async for line in stream.aiter_lines():
                if line in ("event: done", "event: failed"):
                    break
    return reply.status_code, location


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
