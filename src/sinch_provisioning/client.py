"""The client of the vendored document's API: one object for an application, its projects and all their channels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Unpack, overload

from sinch_provisioning_api import InvalidArgumentError, SchemaMismatchError, SecretMapping
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
from ._calls.low_level import LowLevel
from ._client.base import BaseClient
from .channels.mocks import mockable
from .channels.project import Project
from .channels.rcs import RcsSenders
from .channels.senders import SenderChannel
from .channels.signatures import listing_fields
from .lifecycle.polling import EventSource
from .lifecycle.status import LAUNCHED


@listing_fields
class ProvisioningClient(BaseClient):
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

    _low_level: ClassVar = LowLevel(InvalidArgumentError, SchemaMismatchError, SecretMapping)

    def _open_channels(self, project: Project) -> None:
        self.rcs = RcsSenders(project)
        self.kakaotalk = SenderChannel(
            project, "KakaoTalk", list_kakao_talk_senders, create_kakao_talk_sender
        )
        self.line = SenderChannel(project, "LINE", list_line_senders, create_line_sender)
        self.telegram = SenderChannel(project, "Telegram", list_telegram_senders, create_telegram_sender)

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
