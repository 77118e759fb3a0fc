"""`webhooks list|ensure|delete|listen`, on Sinch's own API."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from ..errors import ConfigurationError
from ..webhooks import WebhookEvent, WebhookVerifier, receive
from . import output
from .connection import connect_to_1_2

_SECRET = "SINCH_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable

_Message = MutableMapping[str, Any]


async def list_webhooks(*, project: str | None, as_json: bool) -> int:
    """List the webhooks of a project."""
    async with connect_to_1_2(project) as sinch:
        found = await sinch.webhooks.list()
    if as_json:
        output.as_json([webhook.to_dict() for webhook in found])
    else:
        rows = [(webhook.id, webhook.target, ",".join(webhook.triggers)) for webhook in found]
        output.records(("id", "target", "triggers"), rows)
    return 0


async def ensure(target: str, triggers: Sequence[str], *, project: str | None, as_json: bool) -> int:
    """Register a webhook, or bring the one of that target up to date."""
    async with connect_to_1_2(project) as sinch:
        webhook = await sinch.webhooks.ensure(target=target, secret=_secret(), triggers=[*triggers])
    if as_json:
        output.as_json(webhook.to_dict())
    else:
        output.records(
            ("id", "target", "triggers"), [(webhook.id, webhook.target, ",".join(webhook.triggers))]
        )
    return 0


async def delete(webhook_id: str, *, project: str | None) -> int:
    """Delete a webhook."""
    async with connect_to_1_2(project) as sinch:
        await sinch.webhooks.delete(webhook_id)
    return 0


async def listen(host: str, port: int, *, as_json: bool) -> int:
    """Print events as they come, until the command is interrupted."""
    try:
        import uvicorn  # noqa: PLC0415 - needed by this command alone
    except ModuleNotFoundError:
        raise ConfigurationError('uvicorn is not installed: pip install "sinch-provisioning[cli]"') from None
    verifier = WebhookVerifier(_secret())

    async def show(event: WebhookEvent) -> None:
        if as_json:
            output.as_json(event.to_dict())
        else:
            change = f"{event.previous_state or '-'} -> {event.current_state or '-'}"
            output.line(event.received.isoformat(timespec="seconds"), event.type, event.sender_id, change)

    config = uvicorn.Config(_app(verifier, show), host=host, port=port, log_level="warning", lifespan="off")
    with config.bind_socket() as bound:
        # From here on deliveries wait, so that a script may go on once it has read this line.
        bound.listen()
        output.note(f"listening on http://{host}:{bound.getsockname()[1]}")
        await uvicorn.Server(config).serve([bound])
    return 0


def _app(
    verifier: WebhookVerifier, show: Callable[[WebhookEvent], Awaitable[None]]
) -> Callable[..., Awaitable[None]]:
    async def app(
        scope: _Message,
        read: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
    ) -> None:
        async def body() -> AsyncIterator[bytes]:
            more = True
            while more:
                message = await read()
                yield message.get("body", b"")
                more = message.get("more_body", False)

        status = await receive(verifier, show, scope["headers"], body())
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return app


def _secret() -> str:
    secret = os.environ.get(_SECRET)
    if not secret:
        raise ConfigurationError(f"no webhook secret: set {_SECRET}")
    return secret
