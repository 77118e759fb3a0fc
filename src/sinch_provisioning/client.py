"""The client: one object for an application, its projects and all their channels."""

from __future__ import annotations

import copy
import os
import random
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, Self, TypeVar, Unpack, overload

import httpx
from attrs import evolve

from sinch_provisioning_api import Caller
from sinch_provisioning_api.api import (
    CreateRcsSenderArguments,
    create_kakao_talk_sender,
    create_line_sender,
    create_telegram_sender,
    list_kakao_talk_senders,
    list_line_senders,
    list_telegram_senders,
)
from sinch_provisioning_api.models import RcsSender

from . import config
from ._arguments import check_hook, check_http_client, check_kind, check_methods, check_text
from ._calls import raw_requests
from ._http.transport import AttemptTimeout
from ._retries.call import Limits
from ._retries.observers import Observers
from ._retries.retry_policy import RetryPolicy
from ._session import Session, make_transport
from .channels.mocks import mockable
from .channels.project import Project
from .channels.rcs import RcsSenders
from .channels.senders import SenderChannel
from .clock import Clock, SystemClock
from .credentials import Credentials
from .events import AttemptEvent, RetryEvent, TokenEvent
from .lifecycle.keyed_locks import Locks
from .lifecycle.polling import EventSource
from .lifecycle.status import LAUNCHED
from .rate_limit import RateLimit
from .telemetry import Telemetry
from .token_store import TokenStore

_P = ParamSpec("_P")
_R = TypeVar("_R")

DEFAULT_TIMEOUT: Final = httpx.Timeout(30.0, connect=10.0, pool=None)
# Seconds that a token fetch may take at least, however short the deadlines of the calls that wait for it.
LEAST_TOKEN_BUDGET: Final = 30.0
MAX_RESPONSE_BYTES: Final = 16 * 2**20
MAX_TOKEN_RESPONSE_BYTES: Final = 64 * 2**10


class ProvisioningClient:
    """A client of the Sinch Provisioning API for one project, and through `for_project` for all others.

    Omitted settings are read from the environment (SINCH_PROJECT_ID, SINCH_KEY_ID, SINCH_KEY_SECRET,
    SINCH_PROVISIONING_URL, SINCH_TOKEN_URL); URLs default to those of the API's document. Raises `ConfigurationError`
    if a setting is missing or unusable; nothing is sent before the first call.

    - `timeout`: seconds for one attempt as a whole, or an `httpx.Timeout` for its phases (30 s, 10 s to connect).
    - `retry`: how often and how long a call tries; its `deadline` covers everything the call does.
    - `max_connections`: requests in flight at once; further ones wait their turn.
    - `transport`: "httpx" (our own connections) or any `httpx.AsyncBaseTransport`, which `aclose` closes.
    - `http_client`: your own `httpx.AsyncClient`, used as it is (its own connection limit, too) and never closed.
    - `verify`: an `ssl.SSLContext` or the path of a CA file, instead of SSL_CERT_FILE and certifi's authorities.
    - `proxy`: the URL of an HTTP proxy, instead of those that HTTPS_PROXY and its like name; never used for loopback.
    - `token_store`: where several processes share one token.
    - `rate_limit`: your own limit on requests, for a whole fleet with `sinch_provisioning.redis`.
    - `locks`: keeps `ensure` calls for one sender from overlapping in a whole fleet, with `sinch_provisioning.redis`.
    - `max_response_bytes`, `max_token_response_bytes`: the largest reply read, on the wire and decoded.
    - `on_attempt`, `on_retry`, `on_token`: plain callables that are told what happens; they must not block.
    - `telemetry`: spans and metrics, with `sinch_provisioning.otel`.
    - `http_hosts`: names of hosts that plain http may be used with, besides this machine: an emulator in a container
      network, for example.
    - `clock`: where time comes from; for tests.
    """

    if TYPE_CHECKING:
        rcs: RcsSenders
        kakaotalk: SenderChannel
        line: SenderChannel
        telegram: SenderChannel
    else:
        # For mocks that are made from this class; a client sets its own channels.
        rcs = mockable(RcsSenders)
        kakaotalk = line = telegram = mockable(SenderChannel)

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
        )
        limits = Limits(policy, attempt_timeout, config.check_size(max_response_bytes))
        self._open(self._session.project(project_id, base_url, credentials, limits), owns=True)

    def _open(self, project: Project, *, owns: bool) -> None:
        """Show `project`'s channels; a view (`owns` false) closes nothing."""
        self._project = project
        self._owns = owns
        self.rcs = RcsSenders(project)
        self.kakaotalk = SenderChannel(
            project, "KakaoTalk", list_kakao_talk_senders, create_kakao_talk_sender
        )
        self.line = SenderChannel(project, "LINE", list_line_senders, create_line_sender)
        self.telegram = SenderChannel(project, "Telegram", list_telegram_senders, create_telegram_sender)

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
        self, *, timeout: httpx.Timeout | float | None = None, retry: RetryPolicy | None = None
    ) -> Self:
        """Return the same client with other limits; this one is unchanged, and closing the new one closes nothing."""
        check_kind("retry", retry, RetryPolicy)
        return self._view(self._session.with_options(self._project, timeout, retry))

    def _view(self, project: Project) -> Self:
        # A copy, so that a subclass finds its own attributes in a view too.
        view = copy.copy(self)
        view._open(project, owns=False)
        return view

    @overload
    async def launch_rcs_sender(
        self,
        sender_id: config.Id | None,
        *,
        wait: bool = False,
        until: str | Iterable[str] = (LAUNCHED,),
        timeout: float | None = None,
        events: EventSource | None = None,
    ) -> RcsSender: ...

    @overload
    async def launch_rcs_sender(
        self,
        *,
        wait: bool = False,
        until: str | Iterable[str] = (LAUNCHED,),
        timeout: float | None = None,
        events: EventSource | None = None,
        **fields: Unpack[CreateRcsSenderArguments],
    ) -> RcsSender: ...

    async def launch_rcs_sender(
        self,
        sender_id: config.Id | None = None,
        *,
        wait: bool = False,
        until: str | Iterable[str] = (LAUNCHED,),
        timeout: float | None = None,
        events: EventSource | None = None,
        **fields: Any,
    ) -> RcsSender:
        """Launch the sender of that id, or the one these fields describe, which is ensured first.

        Safe to run twice: what is launching or launched already is not launched again. With `wait`, polls until
        its status is one of `until`, for at most `timeout` seconds (None: for ever), or hears it from `events`, an
        `EventHub` that webhooks are published to. Raises `ProvisioningError`;
        `LaunchNotReadyError` names missing brand fields, `LaunchRejectedError` and `WaitTimeoutError` carry the
        last state seen.
        """
        return await self.rcs.ensure_launched(
            sender_id, wait=wait, until=until, timeout=timeout, events=events, **fields
        )

    async def call(
        self,
        function: Callable[Concatenate[Caller, str, _P], Awaitable[_R]],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _R:
        """Await a coroutine of `sinch_provisioning_api.api` for this project, as any other call.

        For operations that no channel has: `await sinch.call(get_rcs_sender, "sender-id")`.
        """
        return await self._project.invoke(function, *args, **kwargs)

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        params: Mapping[str, raw_requests.Param | Sequence[raw_requests.Param]] | None = None,
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
        content = raw_requests.encoded(json)
        # It may hold secrets, and error trackers show the variables of frames.
        json = None
        sent = raw_requests.raw_request(
            method,
            path,
            self.project_id,
            content,
            params=params,
            headers=headers,
            repeatable=repeatable,
        )
        content = None
        return await raw_requests.send(self._project.pipeline, sent)

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
