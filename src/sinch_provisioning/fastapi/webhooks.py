"""The endpoint that Sinch's webhooks are sent to."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Final, cast

from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect

from ..webhooks import BackgroundHandler, Handler, Publisher, WebhookVerifier, receive
from ..webhooks.receiver import MAX_BODY_BYTES
from .problem_details import PROBLEM_RESPONSES, ProblemDetails
from .problem_middleware import problem_response

_PROBLEMS: Final[Mapping[int, ProblemDetails]] = {
    problem.status: problem
    for problem in (
        ProblemDetails(400, "no-event", "Bad request", "The delivery is signed, but is not an event."),
        ProblemDetails(401, "not-signed", "Unauthorized", "The delivery's signature was refused."),
        ProblemDetails(413, "too-large", "Content too large", "The delivery is larger than any event."),
        ProblemDetails(
            503, "not-accepted", "Service unavailable", "The event could not be accepted.", retryable=True
        ),
    )
}


def webhook_router(
    verifier: WebhookVerifier,
    hub_or_handler: Publisher | Handler,
    *,
    path: str = "/webhooks/sinch",
    wait: bool = False,
    max_body_bytes: int = MAX_BODY_BYTES,
    drain: float = 5.0,
) -> APIRouter:
    """Return a router that verifies deliveries at `path` and hands on their events.

    A hub gets each event before the answer. A handler, `async def handler(event)`, runs after the answer and up to
    five times where it raises; when the application stops, handlers under way have `drain` seconds to end, and what
    is left is lost, as it is in a crash. With `wait` the answer waits for the handler, and where that raises, Sinch
    sends the delivery again: for a handler that stores the event and leaves the work to others.

    Answers 204, or a problem: 400 signed, but not an event; 401 signature refused; 413; 503 not accepted.
    """
    # Here, since the models of senders take a while to import, and not every application has this endpoint.
    from .webhook_documentation import request_documentation  # noqa: PLC0415

    background: BackgroundHandler | None = None
    if isinstance(hub_or_handler, Publisher):
        publish = cast("Handler", hub_or_handler.publish)
    elif wait:
        publish = hub_or_handler
    else:
        background = BackgroundHandler(hub_or_handler)
        publish = background.publish

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            if background is not None:
                await background.aclose(drain=drain)

    router = APIRouter(lifespan=lifespan)

    @router.post(
        path,
        status_code=204,
        response_class=Response,
        response_model=None,
        tags=["webhooks"],
        summary="Receive a webhook delivery from Sinch",
        responses={
            status: {"description": problem.detail, "content": PROBLEM_RESPONSES[503]["content"]}
            for status, problem in _PROBLEMS.items()
        },
        openapi_extra=request_documentation(),
    )
    async def receive_webhook(request: Request) -> Response:
        # Read here and not by FastAPI: the signature covers the bytes, and their number is limited.
        try:
            status = await receive(
                verifier, publish, request.headers.raw, request.stream(), max_body_bytes=max_body_bytes
            )
        except ClientDisconnect:
            status = 400
        if status not in _PROBLEMS:
            return Response(status_code=status)
        return problem_response(_PROBLEMS[status])

    return router
