"""One token for many processes, through a store that may fail at any time without failing a call."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final, cast

from attrs import define, field, frozen

from ..clock import Clock
from ..credentials import OAuth2ClientCredentials, Secret
from ..token_store import TokenStore
from .token_endpoint import LONGEST_LIFETIME, Grant, GrantFailure, TokenEndpoint

_logger = logging.getLogger("sinch_provisioning.tokens")

# Seconds to wait for a store: one that hangs must cost a call little more than one that is down. A turn at the lock
# is worth waiting for while another process asks for the token.
_PATIENCE: Final = 2.0
_LOCK_PATIENCE: Final = 15.0


@define
class StoreHealth:
    """Whether a client's store works, so that an outage is one line in the log and not one for each key."""

    failing: bool = False

    def failed(self, why: str) -> None:
        """Warn, unless that is known."""
        if not self.failing:
            self.failing = True
            _logger.warning("the token store failed (%s); going on with tokens of this process", why)

    def worked(self) -> None:
        """Take note that it answers (again)."""
        if self.failing:
            self.failing = False
            _logger.info("the token store works again")


@frozen
class Saved:
    """What a store keeps: a token, the wall time of its end, and its whole life in seconds."""

    access_token: str = field(repr=False)
    expires_at: float
    lifetime: float

    @classmethod
    def read(cls, text: str) -> Saved | None:
        """Read a saved value; None for whatever `write` does not write."""
        try:
            value = json.loads(text)
            saved = cast("dict[str, object]", value) if isinstance(value, dict) else {}
            token = saved["access_token"]
            expires_at, lifetime = _seconds(saved["expires_at"]), _seconds(saved["lifetime"])
        except (ValueError, KeyError, RecursionError, OverflowError):
            return None
        if (
            not isinstance(token, str)
            or not token
            or not token.isascii()
            or not token.isprintable()
            or " " in token
            or not 0 < lifetime <= LONGEST_LIFETIME
        ):
            return None
        return cls(token, expires_at, lifetime)

    def write(self) -> str:
        """Return the text to keep."""
        value = {
            "access_token": self.access_token,
            "expires_at": self.expires_at,
            "lifetime": self.lifetime,
        }
        return json.dumps(value)


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("no number of seconds")
    return float(value)


def store_key(endpoint_url: str, credentials: OAuth2ClientCredentials) -> str:
    """Return where the token of a key at a token endpoint is kept.

    The secret takes part in it: who knows a key's id and not its secret must not find its token. It can't be read
    back from the 64 bits of an HMAC that it is the key of.
    """
    name = f"{endpoint_url}\n{credentials.key_id}".encode()
    proof = hmac.new(credentials.key_secret.reveal().encode(), name, hashlib.sha256).hexdigest()[:16]
    return f"sinch-provisioning:token:{hashlib.sha256(name).hexdigest()[:32]}:{proof}"


class SharedTokens:
    """Looks into the store before it asks the token endpoint, and asks under the store's lock."""

    def __init__(self, store: TokenStore, key: str, clock: Clock, health: StoreHealth) -> None:
        self._store = store
        self._key = key
        self._clock = clock
        self._health = health
        self._rejected: str | None = None

    def reject(self, access_token: str) -> None:
        """Never take this token from the store again."""
        self._rejected = access_token

    async def fetch(self, endpoint: TokenEndpoint, *, fresh: bool) -> Grant | GrantFailure:
        """Return the store's token, else fetch one and save it; `fresh` refuses one that is due for renewal."""
        fetched: Grant | GrantFailure | None = None
        try:
            found = await self._load(fresh=fresh)
            if found is None:
                async with self._turn():
                    found = await self._load(fresh=fresh)
                    if found is None:
                        asked = self._clock.time()
                        fetched = await endpoint.fetch()
                        if isinstance(fetched, Grant) and fetched.lifetime > 0:
                            await self._save(fetched, asked)
            self._health.worked()
            if found is not None:
                return found
        # A store is pluggable and fails in its own ways; whatever it raises, a local token serves.
        except Exception as error:
            self._health.failed(type(error).__name__)
        return fetched if fetched is not None else await endpoint.fetch()

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None, None]:
        """Hold the store's lock, neither waiting for it nor giving it back for ever."""
        lock = self._store.lock(self._key)
        async with asyncio.timeout(_LOCK_PATIENCE):
            await lock.__aenter__()
        try:
            yield
        finally:
            async with asyncio.timeout(_PATIENCE):
                await lock.__aexit__(None, None, None)

    async def _save(self, grant: Grant, asked: float) -> None:
        saved = Saved(grant.access_token.reveal(), asked + grant.lifetime, grant.lifetime)
        async with asyncio.timeout(_PATIENCE):
            await self._store.save(self._key, saved.write(), grant.lifetime)

    async def _load(self, *, fresh: bool) -> Grant | None:
        async with asyncio.timeout(_PATIENCE):
            text = await self._store.load(self._key)
        if text is None:
            return None
        saved = Saved.read(text)
        if saved is None:
            self._health.failed("it holds something that is no saved token")
            return None
        if saved.access_token == self._rejected:
            return None
        left = min(saved.expires_at - self._clock.time(), saved.lifetime)
        if left <= 0 or (fresh and left <= min(300.0, saved.lifetime / 4)):
            return None
        return Grant(Secret(saved.access_token), left, shared=True)
