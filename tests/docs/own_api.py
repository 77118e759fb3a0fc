"""A server of Sinch's own API that decides by itself: complete senders are IN_TEST, launches end after two reads."""

from __future__ import annotations

from typing import Any

import httpx

from ..v1_2.strict_server import PROJECT, StrictServer

Json = dict[str, Any]
_STEPS = {"PREPARING_LAUNCH": "LAUNCHING", "LAUNCHING": "LAUNCHED"}


class DecidingServer(StrictServer):
    """Brings senders forward; serves any project as an ASGI application."""

    def _create(self, body: Json) -> Json:
        sender = super()._create(body)
        if {"logoUrl", "bannerUrl"} <= set(body.get("details", {}).get("brand", {})):
            sender["state"] = "IN_TEST"
        return sender

    def _sender(
        self, method: str, sender: Json, rest: list[str], body: Any, params: httpx.QueryParams
    ) -> tuple[int, Any]:
        status, reply = super()._sender(method, sender, rest, body, params)
        if method == "GET" and not rest and sender["state"] in _STEPS:
            sender["state"] = _STEPS[sender["state"]]
            decided = "LAUNCHED" if sender["state"] == "LAUNCHED" else "PENDING"
            sender["countryStatus"] = [
                {"country": country, "status": decided, "operators": []}
                for country in sender["details"]["countries"]
            ]
        return status, reply

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one HTTP request."""
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        content, more = b"", True
        while more:
            message = await receive()
            content += message.get("body", b"")
            more = message.get("more_body", False)
        path = scope["path"]
        if path.startswith("/v1/projects/"):
            path = PROJECT + "/" + path.removeprefix("/v1/projects/").partition("/")[2]
        url = httpx.URL("http://server", raw_path=path.encode() + b"?" + scope["query_string"])
        reply = await self.handle_async_request(
            httpx.Request(scope["method"], url, headers=scope["headers"], content=content)
        )
        head = {"type": "http.response.start", "status": reply.status_code, "headers": reply.headers.raw}
        await send(head)
        await send({"type": "http.response.body", "body": await reply.aread()})
