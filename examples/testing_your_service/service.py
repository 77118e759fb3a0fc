"""An onboarding service: brands come in over HTTP, RCS senders come out at Sinch."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from sinch_provisioning import (
    LaunchNotReadyError,
    NotFoundError,
    ProvisioningClient,
    ProvisioningError,
    RateLimitError,
)

SAYINGS = {"LAUNCHED": "live", "REJECTED": "refused by the carriers", "DRAFT": "not launched yet"}


class Brand(BaseModel):
    """What a customer fills in."""

    name: str
    description: str
    website: str
    logo: str
    picture: str
    privacy: str
    terms: str


class Progress(BaseModel):
    """What a customer sees."""

    id: str
    progress: str


async def client(request: Request) -> ProvisioningClient:
    """The application's one client."""
    found: ProvisioningClient = request.app.state.sinch
    return found


Sinch = Annotated[ProvisioningClient, Depends(client)]


def create_app(connect: Callable[[], ProvisioningClient] = ProvisioningClient) -> FastAPI:
    """The application; `connect` makes its client, by default from the environment."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with connect() as sinch:
            app.state.sinch = sinch
            yield

    app = FastAPI(lifespan=lifespan)
    app.add_api_route("/brands", onboard, methods=["POST"], status_code=202)
    app.add_api_route("/brands/{sender_id}", progress)
    app.add_exception_handler(ProvisioningError, apologize)
    return app


async def onboard(brand: Brand, sinch: Sinch) -> Progress:
    """Create and launch the brand's sender; safe to send twice."""
    try:
        sender = await sinch.launch_rcs_sender(
            display_name=brand.name,
            description=brand.description,
            website=brand.website,
            logo_url=brand.logo,
            hero_image_url=brand.picture,
            privacy_policy=brand.privacy,
            terms_of_service=brand.terms,
        )
    except LaunchNotReadyError as error:
        raise HTTPException(422, {"missing": error.missing}) from error
    return Progress(id=sender.id or "", progress=SAYINGS.get(sender.status or "", "under review"))


async def progress(sender_id: str, sinch: Sinch) -> Progress:
    """How far a brand has come."""
    try:
        sender = await sinch.rcs.get(sender_id)
    except NotFoundError as error:
        raise HTTPException(404, "no such brand") from error
    return Progress(id=sender_id, progress=SAYINGS.get(sender.status or "", "under review"))


async def apologize(request: Request, error: Exception) -> JSONResponse:
    """Whatever else goes wrong at Sinch is a 503 here, with the time to come back where it is known."""
    headers: dict[str, str] = {}
    if isinstance(error, RateLimitError) and error.retry_after is not None:
        headers["Retry-After"] = f"{error.retry_after:.0f}"
    return JSONResponse({"detail": "Sinch is not available right now"}, 503, headers=headers)
