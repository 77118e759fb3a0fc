"""How far a request has come, which decides whether it may be sent again."""

from __future__ import annotations

import math
from typing import Final

import httpx

# Raised before a connection stood, so the server saw nothing of the request. Asked only where the transport
# does not report its progress: an exception's type is weaker evidence than an event.
_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class SendProgress:
    """How far the attempt under way has come.

    `started`: it holds its slot. `reported`: the transport tells what it does, so `sent` is the truth; a transport of
    the caller's that tells nothing is judged by its exceptions. `latest`: the event loop's time from which on our
    connections no longer begin to send.
    """

    __slots__ = ("latest", "reported", "sent", "started")

    def __init__(self, latest: float = math.inf) -> None:
        self.latest = latest
        self.started = False
        self.reported = False
        self.sent = False

    async def trace(self, event: str, info: dict[str, object]) -> None:
        """Take httpcore's trace events; the CONNECT of a proxy tunnel is not the request."""
        self.reported = True
        if event.endswith("send_request_headers.started"):
            request = info.get("request")
            self.sent = self.sent or getattr(request, "method", b"") != b"CONNECT"

    def maybe_processed(self, error: BaseException | None) -> bool:
        """Whether the server may have acted on a request that ended with `error`, or with a timeout (None)."""
        if not self.started:
            return False
        if self.reported:
            return self.sent
        return error is None or not isinstance(error, _NEVER_SENT)
