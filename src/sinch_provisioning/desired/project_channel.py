"""One channel of one project, through the client that opens it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, Final, TypeVar, cast

from attrs import frozen

from sinch_provisioning_api.models import RcsSender, RcsSenderList, Sender, SenderList

from ..client import ProvisioningClient
from ..errors import ProvisioningError, ResponseDecodeError
from ..lifecycle.next_step import Action
from ..lifecycle.recent_writes import LAUNCH_LAG
from ..lifecycle.status import progress_of
from .request_slots import Slot
from .state import Channel, DesiredProject, DesiredSender

AnySender = RcsSender | Sender
PAGE_SIZE: Final = 50
"""Senders in one page of a list, which is one request."""
_PATHS: Final[Mapping[Channel, str]] = {
    "rcs": "rcs",
    "kakaotalk": "kakaoTalk",
    "line": "line",
    "telegram": "telegram",
}
_READ_TRIES: Final = 5
_T = TypeVar("_T")


@frozen
class ProjectChannel:
    """The senders of one kind in one project; with a `slot`, each call is one request."""

    client: ProvisioningClient
    channel: Channel
    slot: Slot | None = None

    @property
    def project_id(self) -> str:
        """The project's id."""
        return self.client.project_id

    async def list(self) -> Sequence[AnySender]:
        """Return every sender."""
        if self.slot is None:
            return cast("Sequence[AnySender]", await getattr(self.client, self.channel).list())
        found: dict[str, AnySender] = {}
        token: str | None = None
        seen: set[str] = set()
        while True:
            senders, token = await self._read(partial(self._page, token))
            # Pages that shift while they are read may show a sender twice.
            found |= {sender.id or f"#{len(found) + index}": sender for index, sender in enumerate(senders)}
            if token is None:
                return [*found.values()]
            if token in seen:
                raise ResponseDecodeError("the same page token came twice", status_code=200, body=b"")
            seen.add(token)

    async def get(self, sender_id: str | None) -> AnySender:
        """Return one RCS sender."""
        return await self._read(lambda: self.client.rcs.get(sender_id))

    async def write(
        self, action: Action, wanted: DesiredSender, sender_id: str | None, differing: Sequence[str]
    ) -> AnySender:
        """Create a sender, update its differing fields, or launch it; secrets are read now."""
        # The schema of a file is made from the same models, so a wrong keyword is a TypeError of Python code.
        fields = cast("Mapping[str, Any]", {} if action == "launch" else wanted.arguments())
        async with nullcontext() if self.slot is None else self.slot():
            if action == "launch":
                launched = await self.client.rcs.launch(sender_id)
                writes = self.client.rcs.project.writes
                # The id alone: ten thousand senders would be too much to remember.
                writes.remember(self._launch_key(sender_id), launched.id, {}, {}, created=True)
                return launched
            if action == "update":
                return await self.client.rcs.update(sender_id, **{name: fields[name] for name in differing})
            created = await getattr(self.client, self.channel).create(**fields)
            return cast("AnySender", created)

    def has_launched(self, sender: AnySender) -> bool:
        """Whether this client has launched the sender, and its status does not tell yet how that ended."""
        writes, key = self.client.rcs.project.writes, self._launch_key(sender.id)
        if progress_of(sender).settled:
            writes.forget(key)
        return writes.last(key, within=LAUNCH_LAG) is not None

    def _launch_key(self, sender_id: str | None) -> tuple[str | None, ...]:
        return ("rcs", self.project_id, "id", sender_id)

    async def _read(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """Make a call that changes nothing; with a slot, make it again where the client would."""
        if self.slot is None:
            return await call()
        for tried in range(1, _READ_TRIES):
            try:
                async with self.slot():
                    return await call()
            except ProvisioningError as error:
                if not error.retryable or getattr(error, "retry_after", None) is not None:
                    raise
            # A quarter of a second to two: a page is small, and the order waits.
            await asyncio.sleep(2.0**tried / 8)
        async with self.slot():
            return await call()

    async def _page(self, token: str | None) -> tuple[Sequence[AnySender], str | None]:
        path = f"/v1/projects/{{project_id}}/{_PATHS[self.channel]}/senders"
        reply = await self.client.request("GET", path, params=None if token is None else {"pageToken": token})
        try:
            data = cast("Mapping[str, Any]", reply.json())
            model = RcsSenderList if self.channel == "rcs" else SenderList
            senders: Sequence[AnySender] = [*(model.from_dict(data).senders or ())]
            following: object = data.get("nextPageToken")
        # Whatever a parser raises, the reply is at fault.
        except Exception as error:
            problem = f"the list of {self.channel} senders is not valid ({type(error).__name__})"
            raise ResponseDecodeError(problem, status_code=reply.status_code, body=reply.content) from None
        return senders, str(following) if following else None


def open_channels(
    client: ProvisioningClient, project: DesiredProject, slot: Slot | None = None
) -> dict[Channel, ProjectChannel]:
    """Open the channels of a project that its senders belong to."""
    view = client
    credentials = project.credentials()
    if credentials is not None or project.project_id not in (None, client.project_id):
        view = client.for_project(project.project_id or client.project_id, credentials)
    return {sender.channel: ProjectChannel(view, sender.channel, slot) for sender in project.senders}


def name_of(sender: AnySender) -> str | None:
    """Return a sender's natural key."""
    return sender.display_name if isinstance(sender, RcsSender) else sender.name


def by_name(senders: Sequence[AnySender], names: Collection[str]) -> dict[str, list[AnySender]]:
    """Group the senders that have one of `names`."""
    found: defaultdict[str, list[AnySender]] = defaultdict(list)
    for sender in senders:
        name = name_of(sender)
        if name is not None and name in names:
            found[name].append(sender)
    return found
