"""The client of an application: its lifespan, the dependency of its routes, its error handlers."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, Any, Final, Protocol, cast

from attrs import evolve, frozen
from fastapi import APIRouter, Depends, FastAPI, Header, Path, Request
from fastapi.responses import JSONResponse
from starlette.requests import HTTPConnection

from sinch_provisioning_api.models import RcsSender, Sender

from ..client import ProvisioningClient
from ..credentials import Credentials
from ..errors import ConfigurationError, ProvisioningError
from .disconnect import CancelOnDisconnect
from .problem_details import MEDIA_TYPE, PROBLEM_RESPONSES, ProblemDetails, problem_of
from .response_models import Documented

__all__ = [
    "PROBLEM_RESPONSES",
    "CancelOnDisconnect",
    "ChosenProject",
    "Documented",
    "RcsSenderResponse",
    "SenderResponse",
    "Sinch",
    "add_problem_handlers",
    "add_readiness",
    "current_client",
    "install",
    "lifespan",
    "open_for",
    "project",
    "project_from_header",
    "project_from_path",
]

_logger = logging.getLogger("sinch_provisioning.fastapi")

_STATE: Final = "sinch_provisioning"

OpenClient = Callable[[], AbstractAsyncContextManager[ProvisioningClient]]

RcsSenderResponse = Annotated[RcsSender, Documented(RcsSender)]
"""An RCS sender that FastAPI can return and describe, without what the API's document does not know."""

SenderResponse = Annotated[Sender, Documented(Sender)]
"""A sender of another channel, without its credentials."""


class Lifespan(Protocol):
    """An application's own lifespan."""

    def __call__(self, app: Any, /) -> AbstractAsyncContextManager[Mapping[str, Any] | None]:
        """Open what the application needs, and close it."""
        ...


@asynccontextmanager
async def open_for(
    app: FastAPI, open_client: OpenClient = ProvisioningClient
) -> AsyncGenerator[ProvisioningClient, None]:
    """Open the application's client for the length of a block, inside a lifespan of your own.

    `open_client` makes the client: by default from the environment. A `ConfigurationError` stops the start.
    """
    async with open_client() as client:
        setattr(app.state, _STATE, client)
        try:
            yield client
        finally:
            delattr(app.state, _STATE)


def lifespan(
    open_client: OpenClient = ProvisioningClient, inner: Lifespan | None = None
) -> Callable[[FastAPI], AbstractAsyncContextManager[Mapping[str, Any]]]:
    """Return a lifespan that opens one client; `inner` is your own, run inside of it, its state kept."""

    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncGenerator[Mapping[str, Any], None]:
        async with open_for(app, open_client) as client:
            if inner is None:
                yield {_STATE: client}
            else:
                async with inner(app) as state:
                    yield {**({} if state is None else state), _STATE: client}

    return run


def _find(connection: HTTPConnection) -> ProvisioningClient | None:
    # A mounted application sees the lifespan's state, and an in-process transport that runs none sees the app's.
    found: object = connection.scope.get("state", {}).get(_STATE)
    if found is None:
        found = getattr(connection.app.state, _STATE, None)
    return found if isinstance(found, ProvisioningClient) else None


def current_client(connection: HTTPConnection) -> ProvisioningClient:
    """Return the application's client; a dependency for requests and for WebSockets."""
    client = _find(connection)
    if client is None:
        raise ConfigurationError("the application has no client: its lifespan must be lifespan(), and run")
    return client


Sinch = Annotated[ProvisioningClient, Depends(current_client)]
"""The application's client, as a parameter's type."""


@frozen
class ChosenProject:
    """What a request is for; `credentials` of None are the client's own."""

    project_id: str
    credentials: Credentials | None = None


def project(choose: Callable[..., Any]) -> Callable[..., ProvisioningClient]:
    """Return a dependency: the client for the project that `choose` names, on the connections of all.

    `choose` is a dependency itself, plain or async, and returns a project id or a `ChosenProject`::

        Tenant = Annotated[ProvisioningClient, Depends(project(tenant_of_token))]
    """

    def view(sinch: Sinch, chosen: Annotated[Any, Depends(choose)]) -> ProvisioningClient:
        if isinstance(chosen, ChosenProject):
            return sinch.for_project(chosen.project_id, chosen.credentials)
        return sinch.for_project(cast("str", chosen))

    return view


def project_from_path(name: str = "project_id") -> Callable[..., ProvisioningClient]:
    """Return a dependency: the client for the project that the path parameter `name` names."""

    def choose(value: Annotated[str, Path(alias=name)]) -> str:
        return value

    return project(choose)


def project_from_header(name: str = "X-Sinch-Project") -> Callable[..., ProvisioningClient]:
    """Return a dependency: the client for the project that the header `name` names."""

    def choose(value: Annotated[str, Header(alias=name)]) -> str:
        return value

    return project(choose)


def _response(problem: ProblemDetails) -> JSONResponse:
    return JSONResponse(problem.body(), problem.status, problem.headers(), MEDIA_TYPE)


def add_problem_handlers(app: FastAPI, *, upstream: bool = False) -> None:
    """Answer our errors with `application/problem+json` (RFC 9457) in words of our own.

    With `upstream`, a problem repeats the API's error code, message and resolution too, secrets masked.
    """

    def handle(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, ProvisioningError)
        client = _find(request)
        problem = problem_of(error, upstream=upstream, closed=client is None or client.is_closed)
        _logger.log(
            logging.WARNING if problem.status >= 500 else logging.INFO,
            "%s answered with %d (%s)",
            error.operation_id,
            problem.status,
            type(error).__name__,
            extra={
                "operation_id": error.operation_id,
                "status": problem.status,
                "error_type": type(error).__name__,
                "request_id": problem.extensions.get("requestId"),
            },
        )
        return _response(problem)

    app.add_exception_handler(ProvisioningError, handle)


_NO_TOKEN_YET: Final = ProblemDetails(
    503, "no-token", "Service unavailable", "The token endpoint has not answered yet."
)


def add_readiness(app: FastAPI, path: str = "/readyz", *, timeout: float = 2.0) -> None:
    """Answer at `path` whether calls can be made: 200, or a problem with 503.

    Cheap: it sends nothing while a token is live. Honest: without a token, or one in `timeout` seconds, or when the
    client is closed, it says so. It does not ask the API itself, whose outage no restart of this service would cure.
    """
    router = APIRouter()

    @router.get(path, tags=["health"], response_model=None, responses={503: PROBLEM_RESPONSES[503]})
    async def readiness(connection: Request) -> Mapping[str, object] | JSONResponse:
        client = _find(connection)
        try:
            async with asyncio.timeout(timeout):
                await current_client(connection).authenticate()
        except TimeoutError:
            return _response(_NO_TOKEN_YET)
        except ProvisioningError as error:
            problem = problem_of(error, closed=client is None or client.is_closed)
            return _response(evolve(problem, status=503))
        return {"status": "ready", "inFlight": 0 if client is None else client.in_flight}

    app.include_router(router)


def install(
    app: FastAPI, *, upstream: bool = False, readiness: str | None = "/readyz", cancel: bool = True
) -> None:
    """Add all that is not the client: problems for errors, readiness, calls that end when their client goes."""
    add_problem_handlers(app, upstream=upstream)
    if readiness is not None:
        add_readiness(app, readiness)
    if cancel:
        app.add_middleware(cast("Any", CancelOnDisconnect))
