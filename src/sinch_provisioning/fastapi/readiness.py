"""A readiness probe: whether this service can make calls."""

import asyncio
from collections.abc import Mapping
from typing import Final

from attrs import evolve
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse

from ..errors import ProvisioningError
from .dependencies import current_client
from .lifespan import find_client
from .problem_details import PROBLEM_RESPONSES, ProblemDetails, problem_of
from .problem_middleware import problem_response

_NO_TOKEN_YET: Final = ProblemDetails(
    503, "no-token", "Service unavailable", "The token endpoint has not answered yet.", retryable=True
)


def add_readiness(app: FastAPI, path: str = "/readyz", *, timeout: float = 2.0) -> None:
    """Add a route that says whether calls can be made: 200, or a problem with status 503.

    While a token is valid it sends nothing. It answers 503 when no token can be had within `timeout` seconds and when
    the client is closed. It does not call the API itself: restarting this service would not end an outage there.
    """
    router = APIRouter()

    @router.get(path, tags=["health"], response_model=None, responses={503: PROBLEM_RESPONSES[503]})
    async def readiness(connection: Request) -> Mapping[str, object] | JSONResponse:
        client = find_client(connection)
        try:
            async with asyncio.timeout(timeout):
                await current_client(connection).authenticate()
        except TimeoutError:
            return problem_response(_NO_TOKEN_YET)
        except ProvisioningError as error:
            problem = problem_of(error, closed=client is None or client.is_closed)
            return problem_response(evolve(problem, status=503))
        return {"status": "ready", "inFlight": 0 if client is None else client.in_flight}

    app.include_router(router)
