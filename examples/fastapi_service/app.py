"""The service: `uvicorn examples.fastapi_service.app:create_app --factory --workers 2`."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated

from fastapi import APIRouter, Body, Depends, FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from sinch_provisioning import Polling
from sinch_provisioning.fastapi import (
    PROBLEM_RESPONSES,
    current_client,
    install,
    lifespan,
    project_from_path,
    webhook_router,
)
from sinch_provisioning.otel import OpenTelemetry
from sinch_provisioning.redis import RedisEventHub, RedisRateLimit, RedisReplays, RedisTokenStore
from sinch_provisioning.v1_2 import ProvisioningClient
from sinch_provisioning.webhooks import WebhookVerifier
from sinch_provisioning_v1_2_api.models import CreateRcsSenderRequest, KakaoTalkSender, RcsSender

from .events import events


@asynccontextmanager
async def open_client() -> AsyncGenerator[ProvisioningClient, None]:
    """Open the client of this process from the environment: SINCH_*, and the variables read here."""
    url = os.environ["REDIS_URL"]
    rate = os.environ.get("RATE_LIMIT")
    limit = None if rate is None else RedisRateLimit(url, rate)
    store = RedisTokenStore(url, encryption_key=os.environ.get("TOKEN_ENCRYPTION_KEY"))
    client = ProvisioningClient(
        token_store=store,
        rate_limit=limit,
        telemetry=OpenTelemetry(),
        max_connections=int(os.environ.get("MAX_CONNECTIONS", "20")),
    )
    try:
        async with store, client:
            yield client
    finally:
        if limit is not None:
            await limit.aclose()


router = APIRouter(prefix="/projects/{project_id}", responses=PROBLEM_RESPONSES)
Project = Annotated[ProvisioningClient, Depends(project_from_path())]


@router.post("/brands", status_code=202)
async def onboard(
    brand: Annotated[CreateRcsSenderRequest, Body()], sinch: Project, response: Response
) -> RcsSender:
    """Create the brand's sender, or find it, and launch it; safe to send twice."""
    sender = await sinch.launch_rcs_sender(
        region=brand.region,
        billing_category=brand.billing_category,
        use_case=brand.use_case,
        details=brand.details,
    )
    response.headers["Location"] = f"/projects/{sinch.project_id}/brands/{sender.id}"
    return sender


@router.get("/brands/{sender_id}")
async def brand_now(sender_id: str, sinch: Project) -> RcsSender:
    """Return the brand's sender as it is now."""
    return await sinch.rcs.get(sender_id)


@router.get("/brands/{sender_id}/events", response_class=StreamingResponse)
async def follow(sender_id: str, sinch: Project, request: Request, poll: bool = False) -> StreamingResponse:
    """Tell each change of the sender's state, until it is launched or has failed; with `poll`, without webhooks."""
    hub: RedisEventHub | None = None if poll else request.app.state.hub
    pause = float(os.environ.get("POLL_PAUSE", "5"))
    polling = Polling(first_pause=pause, longest_pause=60.0) if hub is None else None
    states = sinch.rcs.watch(sender_id, polling=polling, events=hub)
    # Before the stream begins, so that an unknown sender is a 404.
    now = await anext(states)
    return StreamingResponse(events(now, states), media_type="text/event-stream")


@router.get("/senders")
async def all_senders(sinch: Project) -> dict[str, list[RcsSender] | list[KakaoTalkSender]]:
    """List the project's senders on both channels, asked for at once."""
    async with asyncio.TaskGroup() as group:
        rcs = group.create_task(sinch.rcs.list())
        kakaotalk = group.create_task(sinch.kakaotalk.list())
    return {"RCS": rcs.result(), "KakaoTalk": kakaotalk.result()}


async def vitals(sinch: Annotated[ProvisioningClient, Depends(current_client)]) -> dict[str, int]:
    """Say how busy this worker is; the load test looks here for what should be gone."""
    return {"pid": os.getpid(), "tasks": len(asyncio.all_tasks()), "inFlight": sinch.in_flight}


def create_app() -> FastAPI:
    """Make the application; without SINCH_WEBHOOK_SECRET it has no webhook, and streams poll."""
    opened = AsyncExitStack()

    @asynccontextmanager
    async def until_closed(_: FastAPI) -> AsyncGenerator[None, None]:
        async with opened:
            yield

    app = FastAPI(title="RCS onboarding", lifespan=lifespan(open_client, until_closed))
    install(app)
    app.include_router(router)
    app.get("/vitals")(vitals)
    app.state.hub = None
    secret = os.environ.get("SINCH_WEBHOOK_SECRET")
    if secret is not None:
        hub, replays = RedisEventHub(os.environ["REDIS_URL"]), RedisReplays(os.environ["REDIS_URL"])
        opened.push_async_exit(hub)
        opened.push_async_exit(replays)
        app.state.hub = hub
        app.include_router(webhook_router(WebhookVerifier(secret, replays=replays), hub))
    return app
