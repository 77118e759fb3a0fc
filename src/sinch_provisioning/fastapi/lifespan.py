"""An application's client, opened when the application starts and closed when it stops."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, Protocol

from fastapi import FastAPI
from starlette.requests import HTTPConnection

from .._client.base import BaseClient
from ..client import ProvisioningClient

_STATE: Final = "sinch_provisioning"

OpenClient = Callable[[], AbstractAsyncContextManager[BaseClient]]


class Lifespan(Protocol):
    """An application's own lifespan."""

    def __call__(self, app: Any, /) -> AbstractAsyncContextManager[Mapping[str, Any] | None]:
        """Open the application's resources, and close them at the end."""
        ...


@asynccontextmanager
async def open_for(
    app: FastAPI, open_client: OpenClient = ProvisioningClient
) -> AsyncGenerator[BaseClient, None]:
    """Open the application's client for the duration of a block, for use inside your own lifespan.

    `open_client` creates the client, of either API (by default the vendored document's, from the environment). A
    `ConfigurationError` keeps the application from starting.
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
    """Return a lifespan that opens one client; `inner`, your own, runs inside it, and its state is kept."""

    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncGenerator[Mapping[str, Any], None]:
        async with open_for(app, open_client) as client:
            if inner is None:
                yield {_STATE: client}
            else:
                async with inner(app) as state:
                    yield {**({} if state is None else state), _STATE: client}

    return run


def find_client(connection: HTTPConnection) -> BaseClient | None:
    """Return the application's client, or None where there is none."""
    # A mounted application sees the lifespan's state; an in-process transport without a lifespan sees the app's.
    found: object = connection.scope.get("state", {}).get(_STATE)
    if found is None:
        found = getattr(connection.app.state, _STATE, None)
    return found if isinstance(found, BaseClient) else None
