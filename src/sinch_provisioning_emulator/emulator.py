"""The emulator: the whole API in memory, with a clock that can be moved and faults that can be armed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx

from .access import Access
from .app import App
from .clock import Clock, VirtualClock
from .control import ROOT, Control
from .document import read_document
from .faults import Armed, Drop, Fault, Faults
from .front import Front
from .keeper import Keeper
from .lifecycle import Lifecycle, Verdict
from .problems import EmulatorError
from .record import Record
from .routes import Routes, concrete
from .scenario import creating, play, read_scenario
from .schemas import as_object
from .senders import Sender, Senders
from .service import Service
from .serving import serving
from .transport import EmulatorTransport
from .wire import JsonObject, Reply, Request, as_json

_NOWHERE = "http://127.0.0.1:1"
"""Base of the URLs that only the in-process transport answers; on port 1 nobody listens."""


class Emulator:
    """An API of its own: empty at first, alone with its clock, its keys and its faults.

    `key_id` and `key_secret` open every project; `add_key` adds keys for some. `review` is the time from a
    launch to its verdict, `approval` the verdict where none is given. With `page_size`, lists come in pages
    without being asked to; `unique_names` answers 409 to a second sender of a name. `spec` is another OpenAPI
    document to serve.
    """

    def __init__(
        self,
        *,
        spec: str | Path | None = None,
        clock: Clock | None = None,
        key_id: str = "emulator-key-id",
        key_secret: str = "emulator-key-secret",  # noqa: S107 - opens nothing but this emulator
        project_id: str = "emulator-project",
        review: timedelta | float = timedelta(minutes=30),
        approval: Verdict = "accepted",
        token_lifetime: float = 3600,
        page_size: int | None = None,
        unique_names: bool = False,
        history: int = 10_000,
        control: bool = False,
        scenario: str | Path | None = None,
        state: str | Path | None = None,
    ) -> None:
        """Times are seconds or a timedelta; `history` is how many requests are remembered.

        `control` opens `/__emulator__`; `scenario` is a YAML file to begin with, `state` a file that keeps the
        senders over restarts (`close` lets go of it).
        """
        if page_size is not None and page_size < 1:
            raise EmulatorError("page_size must be at least 1, or None for everything in one reply")
        self.clock: Clock = VirtualClock() if clock is None else clock
        self.key_id, self.key_secret, self.project_id = key_id, key_secret, project_id
        self.document = read_document(spec)
        seconds = review.total_seconds() if isinstance(review, timedelta) else review
        self.lifecycle = Lifecycle(self.clock, review=seconds, approval=approval)
        self.senders = Senders(self.lifecycle)
        self.requests = Record(history)
        self.faults = Faults(each.operation_id for each in self.document.operations)
        self._access = Access(self.clock, lifetime=token_lifetime)
        self._access.add_key(key_id, key_secret)
        self.service = Service(
            document=self.document,
            senders=self.senders,
            page_size=page_size,
            unique_names=unique_names,
            changed=self._changed,
        )
        self._front = Front(
            document=self.document,
            routes=Routes(self.document.operations, base_path=self.document.base_path),
            access=self._access,
            faults=self.faults,
            service=self.service,
            record=self.requests,
        )
        self._control = Control(self) if control else None
        self._keeper = None if state is None else Keeper(Path(state), self.senders, self.lifecycle)
        self.app = App(self._answer)
        self._origin = _NOWHERE
        if scenario is not None:
            opening = read_scenario(scenario)
            if len(self.senders) > 0:
                opening.pop("senders", None)  # they are among those the state file kept, as they are now
            self.play(opening)

    @property
    def base_url(self) -> str:
        """Where the API is: for `transport()` only, or the real host and port while served."""
        return self._origin + self.document.base_path

    @property
    def token_url(self) -> str:
        """Where tokens are asked for."""
        return self._origin + self.document.token_path

    def transport(self) -> httpx.AsyncBaseTransport:
        """A transport for an httpx client that never leaves the process, whatever host its requests name."""
        return EmulatorTransport(self._answer, self.clock)

    @asynccontextmanager
    async def serve(self, *, host: str = "127.0.0.1", port: int = 0) -> AsyncGenerator[Emulator]:
        """Serve on a real socket of this event loop for as long as the block lasts; port 0 is a free one."""
        before = self._origin
        async with serving(self.app, host=host, port=port) as origin:
            self._origin = origin
            try:
                yield self
            finally:
                self._origin = before

    def add_key(self, key_id: str, key_secret: str, *, projects: Iterable[str] | None = None) -> None:
        """Let one more key in; with `projects`, to those alone (403 elsewhere)."""
        self._access.add_key(key_id, key_secret, projects)

    def expire_tokens(self) -> None:
        """Make every token issued so far an expired one."""
        self._access.expire_tokens()

    def inject(
        self,
        operation_id: str,
        *,
        status: int | None = None,
        times: int | None = 1,
        retry_after: float | str | None = None,
        drop: bool | Drop | None = None,
        delay: float = 0.0,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        truncate: bool = False,
        slow: float = 0.0,
        expire_token: bool = False,
        applied: bool = False,
        project_id: str | None = None,
        skip: int = 0,
        probability: float = 1.0,
        seed: int | None = None,
    ) -> Armed:
        """Arm a fault for an operation of the document, for "token", or for "*": all of them but the token.

        `times=None` is for as long as it is armed, the first `skip` requests go by unharmed. `drop=True` is
        `"before"`: nothing was done; `"after"`: it was, and nobody learns of it. `applied` does what was asked and
        answers `status` all the same. `body` is bytes, text or a JSON value. `retry_after` without a status is a 429.
        `delay` and `slow` are seconds: of the emulator's clock in process, real ones over a socket.
        """
        where: Drop | None = "before" if drop is True else None if drop is False else drop
        return self.faults.arm(
            Fault(
                operation_id=operation_id,
                status=status,
                headers=headers or {},
                body=body,
                retry_after=retry_after,
                drop=where,
                truncate=truncate,
                delay=delay,
                slow=slow,
                expire_token=expire_token,
                applied=applied,
                project_id=project_id,
                times=times,
                skip=skip,
                probability=probability,
                seed=seed,
            )
        )

    def approve(self, sender: str) -> None:
        """Accept a launch, by a sender's id (a review under way ends now) or by name, also of later ones."""
        self._decide(sender, "accepted")

    def reject(self, sender: str) -> None:
        """Reject a launch, by a sender's id (a review under way ends now) or by name, also of later ones."""
        self._decide(sender, "rejected")

    def hold(self, sender: str) -> None:
        """Leave a launch pending until it is approved or rejected; by a sender's id or by name."""
        self._decide(sender, "pending")

    def announce(self, name: str, verdict: Verdict) -> None:
        """Set the verdict for all senders of a name, there or not."""
        self.lifecycle.announce(name, verdict)
        if self._keeper is not None:
            self._keeper.verdict(name, verdict)

    def add(
        self,
        channel: str,
        fields: Mapping[str, object],
        *,
        project_id: str | None = None,
        status: str | None = None,
    ) -> Sender:
        """Create a sender without a request, in `emulator.project_id` by default; `status` pins it to one."""
        values = as_object(as_json(fields))
        create = creating(self.document, channel, values)
        project = self.project_id if project_id is None else project_id
        collection = concrete(create.collection, {"project_id": project})
        return self.service.add(create, project, collection, values, status)

    def play(self, scenario: str | Path | JsonObject) -> None:
        """Put the emulator into a scenario: a YAML file, or what such a file holds."""
        play(self, scenario if isinstance(scenario, dict) else read_scenario(scenario))

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Move the clock forward, and have the state file know."""
        self.clock.advance(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if self._keeper is not None:
            self._keeper.clock()

    def reset(self) -> None:
        """Forget senders, requests and faults; keys, verdicts and the clock stay."""
        self.senders.clear()
        self.requests.clear()
        self.faults.clear()
        if self._keeper is not None:
            self._keeper.emptied()

    def close(self) -> None:
        """Let go of the state file, if there is one."""
        if self._keeper is not None:
            self._keeper.close()
            self._keeper = None

    def _decide(self, sender: str, verdict: Verdict) -> None:
        found = self.senders.get(sender)
        if found is None:
            self.announce(sender, verdict)
            return
        self.lifecycle.decide(found.life, verdict)
        self._changed(found, False)

    def _changed(self, sender: Sender, deleted: bool) -> None:
        if self._keeper is not None:
            self._keeper.sender(sender, deleted)

    def _answer(self, request: Request) -> Reply:
        path = request.path
        if self._control is not None and (path == ROOT or path.startswith(ROOT + "/")):
            return self._control.answer(request)
        return self._front.answer(request)
