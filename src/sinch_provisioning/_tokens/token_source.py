"""Tokens: fetched once for all callers that wait, renewed before they expire, dropped when the server refuses them."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from contextvars import Context
from typing import Final

from .._http.per_loop import PerLoop
from .._retries.authorization import Token
from .._retries.observers import Observers
from ..clock import Clock
from ..credentials import BasicCredentials, BearerToken, OAuth2ClientCredentials
from ..events import TokenEvent
from .shared_tokens import SharedTokens
from .token_endpoint import Grant, GrantFailure, TokenEndpoint

_LONGEST_MARGIN: Final = 300.0
_FAILED_RENEWAL_PAUSE: Final = 30.0
_JITTER: Final = 0.1


class FixedAuth:
    """A header that never changes: Basic authentication, or a bearer token from elsewhere."""

    def __init__(self, credentials: BasicCredentials | BearerToken | OAuth2ClientCredentials) -> None:
        if isinstance(credentials, BearerToken):
            self._token = Token("Bearer", credentials.token.reveal())
            self.secrets: tuple[str, ...] = (self._token.value,)
        else:
            secret = credentials.key_secret.reveal()
            pair = base64.b64encode(f"{credentials.key_id}:{secret}".encode()).decode()
            self._token = Token("Basic", pair)
            self.secrets = (secret, pair)

    def ready(self) -> Token:
        """Return the header."""
        return self._token

    async def obtain(self, operation_id: str) -> Token:
        """Return the header."""
        return self._token

    def reject(self, token: Token) -> bool:
        """Say that there is no other."""
        return False


class _Fetch:
    """The fetch under way in one event loop."""

    def __init__(self) -> None:
        self.task: asyncio.Task[Token | GrantFailure] | None = None


class TokenSource:
    """The token of one key at one token URL, for every call that needs it.

    A fetch runs in a task of its own: callers wait for it with their own deadlines, and one that gives up neither
    fails the others nor loses the token. A token is renewed in the background `min(300 s, a quarter of its life)`
    before it expires, and until then no call waits.
    """

    def __init__(
        self,
        endpoint: TokenEndpoint,
        *,
        clock: Clock,
        random: Callable[[], float],
        observers: Observers,
        shared: SharedTokens | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._random = random
        self._observers = observers
        self._shared = shared
        self._token: Token | None = None
        self._not_before = 0.0
        self._fetches = PerLoop(_Fetch)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The key secret and the token in use."""
        token = self._token
        return self._endpoint.secrets + (() if token is None else (token.value,))

    def ready(self) -> Token | None:
        """Return the live token, starting its renewal where it is due."""
        token = self._token
        if token is None:
            return None
        now = self._clock.monotonic()
        if now < token.renew_at:
            return token
        if now >= token.expires_at:
            return None
        if now >= self._not_before:
            self._fetching(early=True)
        return token

    async def obtain(self, operation_id: str) -> Token:
        """Wait for the fetch under way, or for a new one."""
        while True:
            task = self._fetching(early=False)
            await asyncio.wait([task])
            if not task.cancelled():
                break
        outcome = task.result()
        if isinstance(outcome, GrantFailure):
            raise outcome.error(operation_id)
        return outcome

    def reject(self, token: Token) -> bool:
        """Discard `token`, unless a newer one has taken its place already."""
        if self._token is token:
            self._token = None
            if self._shared is not None:
                self._shared.reject(token.value)
        return True

    async def aclose(self) -> None:
        """End a fetch that is under way in this loop."""
        fetch = self._fetches.existing()
        if fetch is not None and fetch.task is not None:
            task, fetch.task = fetch.task, None
            task.cancel()
            await asyncio.wait([task])

    def _fetching(self, *, early: bool) -> asyncio.Task[Token | GrantFailure]:
        fetch = self._fetches.current()
        if fetch.task is None or fetch.task.done():
            # An empty context: the task outlives the call that starts it, and must not carry its trace or scopes.
            fetch.task = asyncio.get_running_loop().create_task(
                self._fetch(early=early), name="sinch_provisioning token", context=Context()
            )
        return fetch.task

    async def _fetch(self, *, early: bool) -> Token | GrantFailure:
        started = self._clock.monotonic()
        if self._shared is None:
            grant = await self._endpoint.fetch()
        else:
            grant = await self._shared.fetch(self._endpoint, fresh=early)
        now = self._clock.monotonic()
        outcome: Token | GrantFailure
        if isinstance(grant, Grant):
            outcome = self._keep(grant, started)
        else:
            outcome = grant
            if self._token is not None:
                self._not_before = now + min(_FAILED_RENEWAL_PAUSE, self._token.lifetime / 10)
        self._observers.token(
            TokenEvent(
                self._endpoint.key_id,
                isinstance(grant, Grant),
                early,
                grant.lifetime if isinstance(grant, Grant) else None,
                now - started,
                isinstance(grant, Grant) and grant.shared,
            )
        )
        return outcome

    def _keep(self, grant: Grant, started: float) -> Token:
        expires_at = started + grant.lifetime
        margin = min(_LONGEST_MARGIN, grant.lifetime / 4)
        token = Token(
            "Bearer",
            grant.access_token.reveal(),
            renew_at=expires_at - margin * (1 - _JITTER * self._random()),
            expires_at=expires_at,
            lifetime=grant.lifetime,
        )
        if grant.lifetime > 0:
            self._token = token
            self._not_before = 0.0
        return token
