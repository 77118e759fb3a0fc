"""Telling Sinch's deliveries from anybody else's."""

from __future__ import annotations

import datetime as dt
import hmac
import logging
import math
from collections.abc import Awaitable, Sequence
from typing import cast

from ..clock import Clock, SystemClock
from ..errors import ConfigurationError, ProvisioningError, WebhookSignatureError
from .event import WebhookEvent
from .replays import MemoryReplays, Replays
from .signature import Headers, Signature, SignatureHeaders, sinch_signature

_logger = logging.getLogger("sinch_provisioning.webhooks")


class WebhookVerifier:
    """Accepts what was signed with one of `secrets`, at most `tolerance` seconds ago or ahead, and only once.

    - `secrets`: the secret that the webhook was registered with, or several while one replaces another.
    - `replays`: where nonces are remembered: in memory, or for a fleet in `sinch_provisioning.redis.RedisReplays`.
    - `signature`: the formula, should Sinch's differ from `sinch_signature`.
    """

    def __init__(
        self,
        secrets: str | Sequence[str],
        *,
        tolerance: float = 300.0,
        clock: Clock | None = None,
        replays: Replays | None = None,
        signature: Signature = sinch_signature,
    ) -> None:
        self._secrets = (secrets,) if isinstance(secrets, str) else tuple(secrets)
        if not self._secrets or not all(isinstance(secret, str) and secret for secret in self._secrets):
            raise ConfigurationError("secrets must be at least one string that is not empty")
        if not 0 < tolerance < math.inf:
            raise ConfigurationError("tolerance must be a positive number of seconds")
        self._tolerance = tolerance
        self._clock = SystemClock() if clock is None else clock
        self._replays = MemoryReplays(clock=self._clock) if replays is None else replays
        self._signature = signature
        self._replays_failing = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} with {len(self._secrets)} secret(s)>"

    def verify(self, headers: Headers, body: bytes) -> WebhookEvent:
        """Return the event of a delivery; `body` is what came over the wire, not JSON written anew.

        Replays that wait for something, as `RedisReplays` do, make it awaitable: `await verifier.verify(...)` is
        right with any replays, and needless with those in memory. Raises WebhookSignatureError, whose `reason` says
        why; neither its message nor the variables of its traceback hold a header, the body or a secret.
        """
        try:
            return self._verify(headers, body)
        except ProvisioningError as error:
            refusal = error.with_traceback(None)
        # Error trackers report the variables of the frames that an error went through.
        del headers, body
        raise refusal

    def _verify(self, headers: Headers, body: bytes) -> WebhookEvent:
        if not isinstance(body, bytes | bytearray | memoryview):
            raise ConfigurationError(
                "body must be the request's bytes: decoded or parsed, its signature is lost"
            )
        found = SignatureHeaders.read(headers)
        if not self._is_signed(found, body):
            raise WebhookSignatureError(
                "webhook delivery refused: the signature does not match; compare the secret with the registered "
                "one, and check that no proxy rewrites the body",
                reason="signature",
            )
        now = self._clock.time()
        sent = int(found.timestamp)
        if abs(now - sent) > self._tolerance:
            raise WebhookSignatureError(
                f"webhook delivery refused: signed {abs(now - sent):.0f} s {'ago' if sent < now else 'ahead'}, "
                f"where {self._tolerance:.0f} s are allowed; check this machine's clock",
                reason="timestamp",
            )
        event = WebhookEvent.parse(
            body,
            received=dt.datetime.fromtimestamp(now, dt.UTC),
            sent=dt.datetime.fromtimestamp(sent, dt.UTC),
        )
        # A second longer than its timestamp is accepted.
        lifetime = sent + self._tolerance - now + 1
        try:
            claimed = self._replays.claim(found.nonce, lifetime)
        # Pluggable, and it fails in its own ways.
        except Exception as error:
            self._failed(error)
            return event
        if isinstance(claimed, Awaitable):
            return cast("WebhookEvent", self._admit_later(event, claimed))
        return self._admit(event, claimed)

    async def _admit_later(self, event: WebhookEvent, claiming: Awaitable[bool]) -> WebhookEvent:
        try:
            claimed = await claiming
        except Exception as error:
            self._failed(error)
            return event
        return self._admit(event, claimed)

    def _admit(self, event: WebhookEvent, claimed: bool) -> WebhookEvent:
        self._replays_failing = False
        if not claimed:
            raise WebhookSignatureError(
                "webhook delivery refused: its nonce was seen before, so it is repeated or replayed",
                reason="replay",
            )
        return event

    async def release(self, headers: Headers) -> None:
        """Let a verified delivery in once more: call it where its event could not be handed over."""
        nonce = SignatureHeaders.read(headers).nonce
        try:
            released = self._replays.release(nonce)
            if released is not None:
                await released
        # Pluggable, and it fails in its own ways.
        except Exception as error:
            self._failed(error)

    def _is_signed(self, found: SignatureHeaders, body: bytes) -> bool:
        given = found.signature.encode()
        # Every secret is tried, so that the time taken does not tell which one fits.
        matches = [
            hmac.compare_digest(self._signature(secret, body, found.nonce, found.timestamp).encode(), given)
            for secret in self._secrets
        ]
        return any(matches)

    def _failed(self, error: Exception) -> None:
        if not self._replays_failing:
            self._replays_failing = True
            _logger.warning(
                "the memory of nonces failed (%s); deliveries are accepted, repeated ones too",
                type(error).__name__,
            )
