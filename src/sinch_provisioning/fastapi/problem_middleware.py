"""ASGI middleware that answers our errors with problem details, wherever below it they are raised."""

import logging
from contextlib import suppress
from typing import Any, Final, cast

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import ProvisioningError
from .lifespan import find_client
from .problem_details import MEDIA_TYPE, ProblemDetails, problem_of

_logger = logging.getLogger("sinch_provisioning.fastapi")

# RFC 6455, section 7.4, and IANA's registry of close codes.
_INTERNAL_ERROR: Final = 1011
_TRY_AGAIN_LATER: Final = 1013
_LONGEST_REASON: Final = 123

_FAILED: Final = 500


def problem_response(problem: ProblemDetails) -> JSONResponse:
    """Return the response that carries `problem`."""
    return JSONResponse(problem.body(), problem.status, problem.headers(), MEDIA_TYPE)


def add_problem_handlers(app: FastAPI, *, upstream: bool = False) -> None:
    """Answer our errors with `application/problem+json` (RFC 9457) in words of our own.

    This covers routes, mounted applications and WebSockets; an error in a response that has begun ends its connection.
    With `upstream`, a problem repeats the API's error code, message and resolution too, with secrets masked.
    """
    if app.middleware_stack is not None:
        raise RuntimeError("add problem handlers before the application starts")
    # Innermost, so that the application's other middleware sees the answer (and can add CORS headers, for example).
    app.user_middleware.append(Middleware(cast("Any", ProblemMiddleware), upstream=upstream))


class ProblemMiddleware:
    """Answers each request or WebSocket that one of our errors ended."""

    def __init__(self, app: ASGIApp, *, upstream: bool = False) -> None:
        self.app = app
        self.upstream = upstream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        answer = (_HttpAnswer if scope["type"] == "http" else _WebSocketAnswer)(scope, receive, send)
        try:
            await self.app(scope, answer.receive, answer.send)
        except ProvisioningError as error:
            if not await answer.fail(self._problem(scope, error, begun=answer.begun)):
                raise
        finally:
            await answer.flush()

    def _problem(self, scope: Scope, error: ProvisioningError, *, begun: bool) -> ProblemDetails:
        client = find_client(HTTPConnection(scope))
        problem = problem_of(error, upstream=self.upstream, closed=client is None or client.is_closed)
        _logger.log(
            logging.WARNING if begun or problem.status >= _FAILED else logging.INFO,
            "%s ended a response that had begun (%s)" if begun else "%s answered with %s",
            "a request" if error.operation_id is None else error.operation_id,
            type(error).__name__ if begun else f"{problem.status} ({type(error).__name__})",
            extra={
                "operation_id": error.operation_id,
                "status": problem.status,
                "error_type": type(error).__name__,
                "request_id": problem.extensions.get("requestId"),
            },
        )
        return problem


class _HttpAnswer:
    """The response to a request; a 500 is held back until it is final.

    A mounted application handles errors itself: it answers 500 and then raises the error again.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.receive = receive
        self.begun = False
        self._scope = scope
        self._send = send
        self._held: list[Message] = []

    async def send(self, message: Message) -> None:
        """Pass a message on, or hold it back."""
        begins = message["type"] == "http.response.start" and message["status"] == _FAILED
        if begins or (self._held and not message.get("more_body", False)):
            self._held.append(message)
            return
        await self.flush()
        self.begun = True
        await self._send(message)

    async def flush(self) -> None:
        """Send what was held back."""
        held, self._held = self._held, []
        for message in held:
            self.begun = True
            await self._send(message)

    async def fail(self, problem: ProblemDetails) -> bool:
        """Answer with `problem`; false where a response has begun: then only a cut connection can tell of it."""
        if self.begun:
            return False
        self._held.clear()
        await problem_response(problem)(self._scope, self.receive, self._send)
        return True


class _WebSocketAnswer:
    """The end of a WebSocket: a denial before it is accepted, a close code afterwards."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun = False
        self._closed = False
        self._scope = scope
        self._receive = receive
        self._send = send

    async def receive(self) -> Message:
        """Take a message, and note the peer's leaving."""
        message = await self._receive()
        self._closed = self._closed or message["type"] == "websocket.disconnect"
        return message

    async def send(self, message: Message) -> None:
        """Pass a message on, and note how far the connection has come."""
        self.begun = self.begun or message["type"] == "websocket.accept"
        self._closed = self._closed or message["type"] == "websocket.close"
        await self._send(message)

    async def flush(self) -> None:
        """Do nothing: no message is held back."""

    async def fail(self, problem: ProblemDetails) -> bool:
        """Deny the connection or close it, unless it is closed already."""
        if self._closed:
            return True
        if not self.begun and "websocket.http.response" in self._scope.get("extensions", {}):
            await problem_response(problem)(self._scope, self._receive, self._send)
            return True
        code = _TRY_AGAIN_LATER if problem.retryable else _INTERNAL_ERROR
        reason = problem.detail.encode()[:_LONGEST_REASON].decode(errors="ignore")
        # The peer may have left in the meantime: ASGI servers then raise OSError.
        with suppress(OSError):
            await self._send({"type": "websocket.close", "code": code, "reason": reason})
        return True
