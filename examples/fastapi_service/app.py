"""The service: `uvicorn examples.fastapi_service.app:app --workers 2`."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Response
from fastapi.responses import StreamingResponse

from sinch_provisioning import Polling, ProvisioningClient
from sinch_provisioning.fastapi import (
    PROBLEM_RESPONSES,
    RcsSenderResponse,
    SenderResponse,
    Sinch,
    install,
    lifespan,
    project_from_path,
)
from sinch_provisioning.otel import OpenTelemetry
from sinch_provisioning.redis import RedisRateLimit, RedisTokenStore

from .brand import Brand
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


app = FastAPI(title="RCS onboarding", lifespan=lifespan(open_client))
install(app)

router = APIRouter(prefix="/projects/{project_id}", responses=PROBLEM_RESPONSES)
Project = Annotated[ProvisioningClient, Depends(project_from_path())]


@router.post("/brands", status_code=202)
async def onboard(brand: Brand, sinch: Project, response: Response) -> RcsSenderResponse:
    """Create the brand's sender, or find it, and launch it; safe to send twice."""
    sender = await sinch.launch_rcs_sender(**brand.fields())
    response.headers["Location"] = f"/projects/{sinch.project_id}/brands/{sender.id}"
    return sender


@router.get("/brands/{sender_id}")
async def brand_now(sender_id: str, sinch: Project) -> RcsSenderResponse:
    """Return the brand's sender as it is now."""
    return await sinch.rcs.get(sender_id)


@router.get("/brands/{sender_id}/events", response_class=StreamingResponse)
async def follow(sender_id: str, sinch: Project) -> StreamingResponse:
    """Tell each change of the sender's status, until it is launched or has failed."""
    # Before the stream begins, so that an unknown sender is a 404.
    await sinch.rcs.get(sender_id)
    pause = float(os.environ.get("EVENTS_PAUSE", "5"))
    states = sinch.rcs.watch(sender_id, polling=Polling(first_pause=pause, longest_pause=60.0))
    return StreamingResponse(events(states), media_type="text/event-stream")


@router.get("/senders")
async def all_senders(sinch: Project) -> dict[str, list[RcsSenderResponse] | list[SenderResponse]]:
    """List the project's senders on all channels, asked for at once."""
    async with asyncio.TaskGroup() as group:
        rcs = group.create_task(sinch.rcs.list())
        channels = {
            channel.name: group.create_task(channel.list())
            for channel in (sinch.kakaotalk, sinch.line, sinch.telegram)
        }
    return {"RCS": rcs.result(), **{name: task.result() for name, task in channels.items()}}


@app.get("/vitals")
async def vitals(sinch: Sinch) -> dict[str, int]:
    """Say how busy this worker is; the load test looks here for what should be gone."""
    return {"pid": os.getpid(), "tasks": len(asyncio.all_tasks()), "inFlight": sinch.in_flight}


app.include_router(router)
