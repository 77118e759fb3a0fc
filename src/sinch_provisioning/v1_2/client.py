"""The client of Sinch's own API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Unpack, overload

from sinch_provisioning_v1_2_api import InvalidArgumentError, SchemaMismatchError, SecretMapping
from sinch_provisioning_v1_2_api.api import CreateRcsSenderArguments
from sinch_provisioning_v1_2_api.models import RcsSender

from .._calls.low_level import LowLevel
from .._client.base import BaseClient
from ..channels.mocks import mockable
from ..channels.project import Project
from ..channels.signatures import listing_fields
from ..config import Id
from ..lifecycle.polling import EventSource
from ..lifecycle.status import LAUNCHED
from .kakaotalk import KakaoTalkSenders
from .rcs import RcsSenders
from .webhooks import Webhooks


@listing_fields
class ProvisioningClient(BaseClient):
    """A client of Sinch's own Provisioning API, version 1.2, for one project; `for_project` is for others.

    It is made as `sinch_provisioning.ProvisioningClient` is, whose documentation explains every argument, and raises
    the same errors. LINE and Telegram have no senders in this API: they are set up as channels of a Conversation API
    app. Deleting an RCS sender is a matter for Sinch's console or support.
    """

    _low_level: ClassVar = LowLevel(InvalidArgumentError, SchemaMismatchError, SecretMapping)

    if TYPE_CHECKING:
        rcs: RcsSenders
        kakaotalk: KakaoTalkSenders
        webhooks: Webhooks
    else:
        # For mocks that are made from this class; a client sets its own channels.
        rcs = mockable(RcsSenders)
        kakaotalk = mockable(KakaoTalkSenders)
        webhooks = mockable(Webhooks)

    def _open_channels(self, project: Project) -> None:
        self.rcs = RcsSenders(project)
        self.kakaotalk = KakaoTalkSenders(project)
        self.webhooks = Webhooks(project)

    @overload
    async def launch_rcs_sender(
        self,
        sender_id: Id,
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
        sender_id: Id | None = None,
        *,
        wait: bool = False,
        until: str | Iterable[str] = (LAUNCHED,),
        timeout: float | None = None,
        events: EventSource | None = None,
        **fields: Any,
    ) -> RcsSender:
        """Launch the sender of that id, or the one these fields describe, which is ensured first.

        Safe to run twice: what is launching is not launched again, and a LAUNCHED sender only where a wanted country
        (`details["countries"]`, or the sender's own) is neither launched nor pending. With `wait`, polls until its
        state is one of `until`, for at most `timeout` seconds (None: for ever), or hears it from `events`. Where some
        countries accept and others reject, that is success, and `country_status` says so. Raises `ProvisioningError`;
        `LaunchNotReadyError.missing` is the server's own list, `LaunchRejectedError.rejections` the carriers' remarks.
        """
        return await self.rcs.ensure_launched(
            sender_id, wait=wait, until=until, timeout=timeout, events=events, **fields
        )
