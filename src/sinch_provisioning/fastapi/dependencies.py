"""Dependencies that hand a route the application's client, for the application's project or the request's."""

from collections.abc import Callable
from typing import Annotated, Any, cast

from attrs import frozen
from fastapi import Depends, Header, Path
from starlette.requests import HTTPConnection

from ..client import ProvisioningClient
from ..credentials import Credentials
from ..errors import ConfigurationError
from .lifespan import find_client


def current_client(connection: HTTPConnection) -> ProvisioningClient:
    """Return the application's client; a dependency for requests and WebSockets.

    Where the application opened a client of Sinch's own API, that is what comes:
    `Annotated[v1_2.ProvisioningClient, Depends(current_client)]`.
    """
    client = find_client(connection)
    if client is None:
        raise ConfigurationError(
            "the application has no client: use lifespan() as its lifespan, and make sure that it runs"
        )
    return cast("ProvisioningClient", client)


Sinch = Annotated[ProvisioningClient, Depends(current_client)]
"""The application's client, as the type of a route's parameter."""


@frozen
class ChosenProject:
    """The project of a request; without `credentials` the client's own are used."""

    project_id: str
    credentials: Credentials | None = None


def project(choose: Callable[..., Any]) -> Callable[..., ProvisioningClient]:
    """Return a dependency: the client for the project that `choose` returns, sharing the application's connections.

    `choose` is a dependency itself, plain or async, and returns a project id or a `ChosenProject`::

        Tenant = Annotated[ProvisioningClient, Depends(project(tenant_of_token))]
    """

    def view(sinch: Sinch, chosen: Annotated[Any, Depends(choose)]) -> ProvisioningClient:
        if isinstance(chosen, ChosenProject):
            return sinch.for_project(chosen.project_id, chosen.credentials)
        return sinch.for_project(cast("str", chosen))

    return view


def project_from_path(name: str = "project_id") -> Callable[..., ProvisioningClient]:
    """Return a dependency: the client for the project in the path parameter `name`."""

    def choose(value: Annotated[str, Path(alias=name)]) -> str:
        return value

    return project(choose)


def project_from_header(name: str = "X-Sinch-Project") -> Callable[..., ProvisioningClient]:
    """Return a dependency: the client for the project in the header `name`."""

    def choose(value: Annotated[str, Header(alias=name)]) -> str:
        return value

    return project(choose)
