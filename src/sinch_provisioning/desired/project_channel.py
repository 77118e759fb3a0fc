"""One channel of one project, through the client that opens it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, Final, TypeVar, cast

from attrs import frozen

from ..errors import ProvisioningError, ResponseDecodeError
from ..lifecycle.next_step import Action
from ..lifecycle.properties import nested
from ..lifecycle.recent_writes import LAUNCH_LAG
from ..lifecycle.status import Progress
from .kinds import AnyClient, Kind, at
from .request_slots import Slot
from .state import DesiredProject, DesiredSender

AnySender = Any
"""A sender of any kind, as replied."""
_PAGE_SIZE: Final = 50
_READ_TRIES: Final = 5
_T = TypeVar("_T")


@frozen
class ProjectChannel:
    """The senders of one kind in one project; with a `slot`, each call is one request."""

    client: AnyClient
    kind: Kind
    slot: Slot | None = None

    @property
    def project_id(self) -> str:
        """The project's id."""
        return self.client.project_id

    @property
    def page_size(self) -> int:
        """Senders in one page of a list, which is one request."""
        return self.kind.page_size or _PAGE_SIZE

    @property
    def _senders(self) -> Any:
        return getattr(self.client, self.kind.channel)

    async def list(self) -> Sequence[AnySender]:
        """Return every sender."""
        if self.slot is None:
            size = self.kind.page_size
            return cast("Sequence[Any]", await self._senders.list(**({"page_size": size} if size else {})))
        found: dict[str, AnySender] = {}
        token: str | None = None
        seen: set[str] = set()
        while True:
            senders, token = await self._read(partial(self._page, token))
            # Pages that shift while they are read may show a sender twice.
            found |= {
                self.kind.id_of(sender) or f"#{len(found) + index}": sender
                for index, sender in enumerate(senders)
            }
            if token is None:
                return [*found.values()]
            if token in seen:
                raise ResponseDecodeError("the same page token came twice", status_code=200, body=b"")
            seen.add(token)

    async def get(self, sender_id: str | None) -> AnySender:
        """Return one sender that can be launched."""
        return await self._read(lambda: self._senders.get(sender_id))

    async def write(
        self, action: Action, wanted: DesiredSender, sender_id: str | None, differing: Sequence[str]
    ) -> AnySender:
        """Create a sender, update its differing fields, or launch it; secrets are read now."""
        # The schema of a file is made from the same models, so a wrong keyword is a TypeError of Python code.
        fields = cast("Mapping[str, Any]", {} if action == "launch" else wanted.arguments())
        async with nullcontext() if self.slot is None else self.slot():
            if action == "launch":
                launched = await self._senders.launch(sender_id)
                key = self._launch_key(sender_id, self.progress(wanted, launched))
                # The id alone: ten thousand senders would be too much to remember.
                self._senders.project.writes.remember(key, launched.id, {}, {}, created=True)
                return launched
            if action == "update":
                told = self.kind.instructions & fields.keys() & self.kind.updatable
                changed = nested({name: at(fields, name) for name in (*differing, *told)})
                return await self._senders.update(sender_id, **changed)
            return await self._senders.create(**fields)

    def progress(self, wanted: DesiredSender, sender: AnySender) -> Progress:
        """Return how far the launch of a sender is, where it is wanted."""
        assert self.kind.progress is not None, "only senders that can be launched get here"
        return self.kind.progress(sender, wanted.fields)

    def has_launched(self, sender: AnySender, progress: Progress) -> bool:
        """Whether this client has launched the sender, and its progress does not tell yet how that ended."""
        writes, key = self._senders.project.writes, self._launch_key(self.kind.id_of(sender), progress)
        if progress.settled and not progress.unsubmitted:
            writes.forget(key)
        return writes.last(key, within=LAUNCH_LAG) is not None

    def _launch_key(self, sender_id: str | None, progress: Progress) -> tuple[str | None, ...]:
        return ("launch", self.project_id, sender_id, *progress.places)

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
        path = f"/v1/projects/{{project_id}}/{self.kind.path}/senders"
        params = {"pageSize": self.kind.page_size, "pageToken": token}
        reply = await self.client.request("GET", path, params=params)
        try:
            data = cast("Mapping[str, Any]", reply.json())
            senders: Sequence[AnySender] = [*(self.kind.listed.from_dict(data).senders or ())]
            following: object = data.get("nextPageToken")
        # Whatever a parser raises, the reply is at fault.
        except Exception as error:
            problem = f"the list of {self.kind.channel} senders is not valid ({type(error).__name__})"
            raise ResponseDecodeError(problem, status_code=reply.status_code, body=reply.content) from None
        return senders, str(following) if following else None


def open_channels(
    client: AnyClient, project: DesiredProject, slot: Slot | None = None
) -> dict[Kind, ProjectChannel]:
    """Open the channels of a project that its senders belong to."""
    view = client
    credentials = project.credentials()
    if credentials is not None or project.project_id not in (None, client.project_id):
        view = client.for_project(project.project_id or client.project_id, credentials)
    kinds = {sender.kind for sender in project.senders}
    # A mock of a client is of its class, and is used as it is.
    views = {kind: view if isinstance(view, kind.client) else view.viewed_as(kind.client) for kind in kinds}
    return {kind: ProjectChannel(views[kind], kind, slot) for kind in kinds}


def by_name(kind: Kind, senders: Sequence[AnySender], names: Collection[str]) -> dict[str, list[AnySender]]:
    """Group the senders that have one of `names`."""
    found: defaultdict[str, list[AnySender]] = defaultdict(list)
    for sender in senders:
        name = kind.name_of(sender)
        if name is not None and name in names:
            found[name].append(sender)
    return found
