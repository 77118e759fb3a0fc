"""What all views of one client share: transport, tokens, retry quota, locks, clock."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable

import httpx
from attrs import evolve

from .. import config
from .._calls.low_level import LowLevel
from .._calls.pipeline import Pipeline
from .._http.connection_pool import ConnectionPool
from .._http.httpx_sender import HttpxSender, StandInSender
from .._http.proxy_settings import check_proxy
from .._http.tls import context_from
from .._http.transport import AttemptTimeout, Transport
from .._retries.authorization import Authorization
from .._retries.call import Limits
from .._retries.observers import Observers
from .._retries.retry_loop import Attempts
from .._retries.retry_policy import RetryPolicy, RetryQuota, backoff
from .._tokens.shared_tokens import SharedTokens, StoreHealth, store_key
from .._tokens.token_endpoint import TokenEndpoint
from .._tokens.token_source import FixedAuth, TokenSource
from ..channels.project import Project
from ..clock import Clock
from ..credentials import Credentials, OAuth2ClientCredentials, Secret
from ..errors import ConfigurationError
from ..lifecycle.keyed_locks import KeyedLocks, Locks
from ..lifecycle.recent_writes import RecentWrites
from ..lifecycle.reconciling_writer import ReconcilingWriter
from ..rate_limit import RateLimit
from ..token_store import TokenStore

_DEFAULT_LIMIT = 100


class Session:
    """Built once by a client; its views hand it on."""

    def __init__(
        self,
        *,
        transport: Transport,
        clock: Clock,
        random: Callable[[], float],
        observers: Observers,
        token_store: TokenStore | None,
        token_limits: Limits,
        rate_limit: RateLimit | None = None,
        locks: Locks | None = None,
        http_hosts: frozenset[str] = frozenset(),
        low_level: LowLevel,
    ) -> None:
        self._low_level = low_level
        self._clock = clock
        self._http_hosts = http_hosts
        self._random = random
        self._observers = observers
        self._token_store = token_store
        self._store_health = StoreHealth()
        self._token_limits = token_limits
        self._rate_limit = rate_limit
        self.transport = transport
        if observers.telemetry is not None:
            observers.telemetry.watch(self.transport)
        self._quota = RetryQuota()
        self._attempts = Attempts(
            self.transport, clock=clock, random=random, observers=observers, quota=self._quota
        )
        self._locks: Locks = KeyedLocks() if locks is None else locks
        self._writes = RecentWrites(clock)
        self._sources: dict[tuple[str, str, Secret], TokenSource] = {}

    def project(self, project_id: str, base_url: str, credentials: Credentials, limits: Limits) -> Project:
        """Open a project on what is shared."""
        pipeline = Pipeline.to(
            base_url,
            authorization=self.auth(credentials),
            limits=limits,
            attempts=self._attempts,
            low_level=self._low_level,
            rate_limits=() if self._rate_limit is None else (self._rate_limit,),
        )
        return Project(project_id, pipeline, self._locks, self._writer(limits.policy), self._writes)

    def with_options(
        self,
        project: Project,
        timeout: httpx.Timeout | float | None,
        retry: RetryPolicy | None,
        rate_limit: RateLimit | None,
    ) -> Project:
        """Return the same project with other limits; None leaves one as it is."""
        limits = project.pipeline.limits
        if timeout is not None:
            limits = evolve(limits, timeout=AttemptTimeout.of(timeout))
        if retry is not None:
            limits = evolve(limits, policy=retry)
        pipeline = project.pipeline.with_limits(limits)
        if rate_limit is not None:
            pipeline = evolve(pipeline, rate_limits=(*pipeline.rate_limits, rate_limit))
        return evolve(project, pipeline=pipeline, writer=self._writer(limits.policy))

    def _writer(self, policy: RetryPolicy) -> ReconcilingWriter:
        return ReconcilingWriter(
            policy.max_attempts,
            lambda retries: backoff(policy, retries, self._random),
            self._quota.spend,
            self._clock.sleep,
        )

    def auth(self, credentials: Credentials) -> Authorization:
        """Return how to authorize with `credentials`; one token source for each key and token URL."""
        if not isinstance(credentials, OAuth2ClientCredentials):
            return FixedAuth(credentials)
        url = config.resolve_token_url(credentials.token_url, self._http_hosts)
        # The secret is part of the key: a rotated one must not live on the old one's token, nor the other way round.
        key = (str(url), credentials.key_id, credentials.key_secret)
        source = self._sources.get(key)
        if source is None:
            endpoint = TokenEndpoint(
                credentials.key_id,
                url,
                authorization=FixedAuth(credentials),
                attempts=self._attempts,
                limits=self._token_limits,
            )
            shared = None
            if self._token_store is not None:
                shared = SharedTokens(
                    self._token_store, store_key(str(url), credentials), self._clock, self._store_health
                )
            source = self._sources[key] = TokenSource(
                endpoint, clock=self._clock, random=self._random, observers=self._observers, shared=shared
            )
        return source

    async def aclose(self, drain: float) -> None:
        """End the calls under way, then token fetches, then the connections."""
        try:
            await self.transport.drain(drain)
            for source in self._sources.values():
                await source.aclose()
        finally:
            await self.transport.aclose()


def make_transport(
    transport: str | httpx.AsyncBaseTransport,
    http_client: httpx.AsyncClient | None,
    max_connections: int | None,
    verify: ssl.SSLContext | str | os.PathLike[str] | None = None,
    proxy: str | None = None,
) -> Transport:
    """Choose how requests travel; a caller's own client keeps its own limit unless one is given."""
    if max_connections is not None and (
        isinstance(max_connections, bool) or not isinstance(max_connections, int) or max_connections < 1
    ):
        raise ConfigurationError("max_connections must be a whole number of at least 1")
    if (verify is not None or proxy is not None) and (http_client is not None or transport != "httpx"):
        raise ConfigurationError(
            "verify and proxy are for the default transport: set them on your own transport or http_client"
        )
    if http_client is not None:
        sender = HttpxSender(http_client)
        return Transport(lambda: sender, limit=max_connections, owned=False)
    limit = _DEFAULT_LIMIT if max_connections is None else max_connections
    if isinstance(transport, httpx.AsyncBaseTransport):
        given = HttpxSender(transport, owned=True)
        return Transport(lambda: given, limit=limit, owned=True)
    if transport == "aiohttp":
        raise ConfigurationError(
            'transport="aiohttp" is gone: pass transport=httpx_aiohttp.AiohttpTransport(client=...), from the package '
            "httpx-aiohttp, or its HttpxAiohttpClient as http_client"
        )
    if transport != "httpx":
        raise ConfigurationError('transport must be "httpx" or an httpx.AsyncBaseTransport')
    context = context_from(verify)
    if proxy is not None:
        check_proxy(proxy)
    return Transport(
        lambda: ConnectionPool(limit, tls=context, proxy=proxy),
        limit=limit,
        owned=True,
        stand_in=lambda: StandInSender(limit, context, proxy),
    )
