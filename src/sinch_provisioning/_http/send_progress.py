"""How far a request has come, which decides whether it may be sent again."""

from __future__ import annotations

from typing import Final

import httpx
from attrs import define

# Raised before a connection stood, so the server saw nothing of the request. Asked only where the transport
# does not report its phases: a family of exceptions is weaker evidence than an event.
_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


@define
class Phase:
    """How far the request under way has come; asking the stack costs time, so only what can't be repeated does.

    `tells`: the stack reports what it does, so that as long as it said nothing, nothing has left.
    """

    watched: bool = False
    tells: bool = False
    started: bool = False
    traced: bool = False
    sent: bool = False

    async def trace(self, event: str, info: dict[str, object]) -> None:
        """Take httpcore's trace events; the CONNECT of a proxy tunnel is not the request."""
        self.traced = True
        if event.endswith("send_request_headers.started"):
            request = info.get("request")
            self.sent = self.sent or getattr(request, "method", b"") != b"CONNECT"

    def maybe_processed(self, error: BaseException | None) -> bool:
        """Whether the server may have acted on a request that ended with `error`, or with a time-out (None)."""
        if not self.started:
            return False
        if self.traced:
            return self.sent
        # Silence means "not yet" when time runs out on a stack that tells. An exception without any event before it
        # is another's (a mock in place of the stack), whose silence means nothing.
        return not self.tells if error is None else not isinstance(error, _NEVER_SENT)
