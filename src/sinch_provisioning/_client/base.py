"""A client of either API: its settings, its views, and calls that no channel has."""

from __future__ import annotations

import copy
import os
import random
import ssl
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, ClassVar, Concatenate, Final, ParamSpec, Self, TypeVar

import httpx
from attrs import evolve

from .. import config
from .._arguments import check_hook, check_http_client, check_kind, check_methods, check_text
from .._calls import raw_requests
from .._calls.call_options import Additions, Params, encoded
from .._calls.low_level import LowLevel
from .._http.transport import AttemptTimeout
from .._retries.call import Limits
from .._retries.observers import Observers
from .._retries.retry_policy import RetryPolicy
from ..channels.project import Project
from ..clock import Clock, SystemClock
from ..credentials import Credentials
from ..events import AttemptEvent, RetryEvent, TokenEvent
from ..lifecycle.keyed_locks import Locks
from ..rate_limit import RateLimit
from ..telemetry import Telemetry
from ..token_store import TokenStore
from .session import Session, make_transport

_P = ParamSpec("_P")
_R = TypeVar("_R")
_Client = TypeVar("_Client", bound="BaseClient")

DEFAULT_TIMEOUT: Final = httpx.Timeout(30.0, connect=10.0, pool=None)
# Seconds that a token fetch may take at least, however short the deadlines of the calls that wait for it.
LEAST_TOKEN_BUDGET: Final = 30.0
MAX_RESPONSE_BYTES: Final = 16 * 2**20
MAX_TOKEN_RESPONSE_BYTES: Final = 64 * 2**10


class BaseClient(ABC):
    """What the clients of both APIs have in common; see their own documentation."""

    _low_level: ClassVar[LowLevel]

    def __init__(
        self,
        *,
        project_id: config.Id | None = None,
        credentials: Credentials | None = None,
        base_url: str | httpx.URL | None = None,
        timeout: httpx.Timeout | float = DEFAULT_TIMEOUT,
        retry: RetryPolicy | None = None,
        max_connections: int | None = None,
        transport: str | httpx.AsyncBaseTransport = "httpx",
        http_client: httpx.AsyncClient | None = None,
        token_store: TokenStore | None = None,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        max_token_response_bytes: int = MAX_TOKEN_RESPONSE_BYTES,
        on_attempt: Callable[[AttemptEvent], None] | None = None,
        on_retry: Callable[[RetryEvent], None] | None = None,
        on_token: Callable[[TokenEvent], None] | None = None,
        telemetry: Telemetry | None = None,
        rate_limit: RateLimit | None = None,
        verify: ssl.SSLContext | str | os.PathLike[str] | None = None,
        proxy: str | None = None,
        http_hosts: Iterable[str] = (),
        locks: Locks | None = None,
        clock: Clock | None = None,
    ) -> None:
        hosts = config.check_http_hosts(http_hosts)
        project_id = config.resolve_project_id(project_id)
        credentials = config.resolve_credentials(credentials)
        base_url = config.resolve_base_url(base_url, hosts)
        check_kind("retry", retry, RetryPolicy)
        check_http_client(http_client, transport)
        for name, hook in (("on_attempt", on_attempt), ("on_retry", on_retry), ("on_token", on_token)):
            check_hook(name, hook)
        check_methods("telemetry", telemetry)
        check_methods("token_store", token_store)
        check_methods("rate_limit", rate_limit)
        check_methods("locks", locks)
        check_methods("clock", clock)
        policy = RetryPolicy() if retry is None else retry
        attempt_timeout = AttemptTimeout.of(timeout)
        self._session = Session(
            transport=make_transport(transport, http_client, max_connections, verify, proxy),
            clock=SystemClock() if clock is None else clock,
            random=random.random,
            observers=Observers(on_attempt, on_retry, on_token, telemetry),
            token_store=token_store,
            token_limits=Limits(
                evolve(policy, deadline=max(policy.deadline, LEAST_TOKEN_BUDGET)),
                attempt_timeout,
                config.check_size(max_token_response_bytes),
            ),
            rate_limit=rate_limit,
            locks=locks,
            http_hosts=hosts,
            low_level=self._low_level,
        )
        limits = Limits(policy, attempt_timeout, config.check_size(max_response_bytes))
        self._open(self._session.project(project_id, base_url, credentials, limits), owns=True)

    def _open(self, project: Project, *, owns: bool) -> None:
        """Show `project`'s channels; a view (`owns` false) closes nothing."""
        self._project = project
        self._owns = owns
        self._open_channels(project)

    @abstractmethod
    def _open_channels(self, project: Project) -> None:
        """Set the channels of the client."""

    def __repr__(self) -> str:
        if not hasattr(self, "_project"):
            # Shown by a traceback of what went wrong in the constructor.
            return f"<{type(self).__name__}, not opened>"
        return f"<{type(self).__name__} project {self.project_id!r} at {self._project.pipeline.base_url}>"

    @property
    def project_id(self) -> str:
        """The project that this client's calls are for."""
        return self._project.project_id

    @property
    def is_closed(self) -> bool:
        """Whether `aclose` has begun, so that no call can be made."""
        return self._session.transport.closed

    @property
    def in_flight(self) -> int:
        """How many requests are under way now, over all views of the client."""
        return self._session.transport.in_flight

    async def authenticate(self) -> None:
        """Have a token ready; sends nothing while one lives, or none is needed. Raises `ProvisioningError`."""
        await self._project.pipeline.authenticate()

    def for_project(self, project_id: config.Id, credentials: Credentials | None = None) -> Self:
        """Return a client for another project on the same connections and token cache.

        It costs microseconds, so make one per request; closing it closes nothing.
        """
        project_id = config.resolve_project_id(project_id)
        pipeline = self._project.pipeline
        if credentials is not None:
            pipeline = pipeline.with_auth(self._session.auth(config.resolve_credentials(credentials)))
        return self._view(evolve(self._project, project_id=project_id, pipeline=pipeline))

    def with_options(
        self,
        *,
        timeout: httpx.Timeout | float | None = None,
        retry: RetryPolicy | None = None,
        rate_limit: RateLimit | None = None,
    ) -> Self:
        """Return the same client with other limits; this one is unchanged, and closing the new one closes nothing.

        `rate_limit` is asked in addition to the client's own, and after it.
        """
        check_kind("retry", retry, RetryPolicy)
        check_methods("rate_limit", rate_limit)
        return self._view(self._session.with_options(self._project, timeout, retry, rate_limit))

    def viewed_as(self, client: type[_Client]) -> _Client:
        """Return a client of the API that the class `client` is for, on the same connections and token cache."""
        view = client.__new__(client)
        view._session = self._session
        pipeline = evolve(self._project.pipeline, low_level=client._low_level)
        view._open(evolve(self._project, pipeline=pipeline), owns=False)
        return view

    def _view(self, project: Project) -> Self:
        # A copy, so that a subclass finds its own attributes in a view too.
        view = copy.copy(self)
        view._open(project, owns=False)
        return view

    async def call(
        self,
        function: Callable[Concatenate[Any, str, _P], Awaitable[_R]],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _R:
        """Await a coroutine of the low-level package's `api` for this project, as any other call.

        For operations that no channel has: `await sinch.call(get_rcs_sender, "sender-id")`.
        """
        return await self._project.invoke(function, *args, **kwargs)

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
    ) -> httpx.Response:
        """Send a request to any path of the API, with the token, the retries and the errors of any other call.

        `{project_id}` in `path` is filled in. In `params` a list repeats its parameter, and None leaves it out.
        `repeatable`: whether sending it twice does no harm; by default true for all methods but POST. Returns the
        response with its body read. Raises `ConfigurationError` for an absolute URL, for dotted or empty segments, and
        for headers that the client sets itself (Authorization, Host, framing).
        """
        check_text("method", method)
        check_text("path", path)
        content = encoded(json)
        # It may hold secrets, and error trackers show the variables of frames.
        json = None
        sent = raw_requests.raw_request(method, path, self.project_id, content, repeatable=repeatable)
        content = None
        pipeline = self._project.pipeline
        if params is not None or headers is not None:
            pipeline = pipeline.adding(Additions.of(query=params, headers=headers))
        return await raw_requests.send(pipeline, sent)

    async def aclose(self, *, drain: float = 5.0) -> None:
        """Refuse new calls, give those under way `drain` seconds to end, and close the connections.

        May be called twice; a call afterwards is a `ConfigurationError`.
        """
        if self._owns:
            await self._session.aclose(drain)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()
