"""The emulator: the API in memory, with a clock to advance and faults to inject."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from threading import RLock
from typing import Any

import httpx

from .api.auth import Authenticator
from .api.backend import Backend
from .api.clock import Clock, VirtualClock
from .api.dispatcher import Dispatcher
from .api.faults import Armed, Drop, Fault, Faults
from .api.launches import Launches
from .api.lifecycle import Lifecycle, Verdict
from .api.quirks import Quirks
from .api.request_log import RequestLog
from .api.sender import Sender
from .api.senders import Senders
from .api.service import Service
from .api.v1_2 import service as v1_2
from .api.v1_2.deliveries import Deliveries, DeliveryOptions
from .api.v1_2.rules import States
from .control.endpoint import Control
from .control.scenario import play, read_scenario
from .openapi.document import read_document
from .openapi.error_replies import EmulatorError
from .openapi.messages import JsonObject, Reply, Request
from .openapi.routes import Routes
from .persistence.snapshots import Snapshots
from .server.asgi import App
from .server.httpx_transport import EmulatorTransport
from .server.uvicorn_server import serving
from .server.webhook_sender import Receiver, WebhookSender

_DELIVERY_PAUSE = 0.05  # seconds of real time between two looks for due deliveries
_NOWHERE = "http://127.0.0.1:1"  # for in-process URLs; nothing listens on port 1


class Emulator:
    """One simulated API with its own state, clock, keys and faults.

    `key_id` and `key_secret` are valid for every project; `add_key` adds keys for some. `review` is the time from a
    launch to its verdict, `approval` the default verdict. With `page_size`, lists are paged even if the request does
    not ask for pages; `unique_names` answers 409 to a second sender with the same name; `quirks` are ways in which the
    server differs from the simplest one. `spec` is another OpenAPI document to serve.

    `api` is "1.0" for the API of the vendored document, "1.2" for Sinch's own, which has webhooks: `delivery` says how
    their events are delivered.
    """

    def __init__(
        self,
        *,
        api: str = "1.0",
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
        quirks: Quirks | None = None,
        history: int = 10_000,
        control: bool = False,
        control_hosts: Collection[str] = (),
        scenario: str | Path | None = None,
        state: str | Path | None = None,
        delivery: DeliveryOptions | None = None,
    ) -> None:
        """Times are seconds or a timedelta; `history` is how many requests are logged.

        `control` serves `/__emulator__` to requests whose Host is loopback or one of `control_hosts`; `scenario` is a
        YAML file to start from, `state` a file that keeps senders and webhooks over restarts (`close` releases it).
        """
        if page_size is not None and page_size < 1:
            raise EmulatorError("page_size must be at least 1, or None to send lists in one reply")
        self.clock: Clock = VirtualClock() if clock is None else clock
        self.key_id, self.key_secret, self.project_id = key_id, key_secret, project_id
        self.document = read_document(spec, api)
        seconds = review.total_seconds() if isinstance(review, timedelta) else review
        self.lifecycle = Lifecycle(self.clock, review=seconds, approval=approval)
        launches = (Launches if api == "1.0" else States)(self.document, self.lifecycle)
        self.senders = Senders(launches, self.clock)
        self.webhooks = Senders(launches, self.clock)
        self.requests = RequestLog(history)
        self.faults = Faults(each.operation_id for each in self.document.operations)
        self._auth = Authenticator(self.clock, lifetime=token_lifetime)
        self._auth.add_key(key_id, key_secret)
        quirks = Quirks() if quirks is None else quirks
        self._lock = RLock()  # clients in several threads may share the emulator
        self._sender: WebhookSender | None = None
        self.service: Service | v1_2.Service
        if isinstance(launches, States):
            options = DeliveryOptions() if delivery is None else delivery
            self.deliveries = Deliveries(self.clock, self.senders, self.webhooks, launches, options)
            self._sender = WebhookSender(self.deliveries, self._lock)
            self.service = v1_2.Service(
                clock=self.clock,
                senders=self.senders,
                webhooks=self.webhooks,
                states=launches,
                deliveries=self.deliveries,
                page_size=page_size,
                unique_names=unique_names,
                quirks=quirks,
            )
        else:
            self.service = Service(
                clock=self.clock,
                senders=self.senders,
                launches=launches,
                page_size=page_size,
                unique_names=unique_names,
                quirks=quirks,
            )
        self._backend = Backend(
            document=self.document,
            project_id=project_id,
            clock=self.clock,
            auth=self._auth,
            faults=self.faults,
            lifecycle=self.lifecycle,
            requests=self.requests,
            senders=self.senders,
            service=self.service,
        )
        self._dispatcher = Dispatcher(
            document=self.document,
            routes=Routes(self.document.operations, base_path=self.document.base_path),
            auth=self._auth,
            faults=self.faults,
            service=self.service,
            requests=self.requests,
        )
        self._control = Control(self._backend, control_hosts) if control else None
        self._snapshots: Snapshots | None = None
        if state is not None:
            self._snapshots = Snapshots(
                Path(state),
                api=api,
                senders=self.senders,
                lifecycle=self.lifecycle,
                webhooks=self.webhooks,
                deliveries=self.service.deliveries if isinstance(self.service, v1_2.Service) else None,
            )
        self._journal(self._snapshots)
        self.app = App(self._answer)
        self._origin = _NOWHERE
        if scenario is not None:
            initial = read_scenario(scenario)
            if len(self.senders) > 0:
                initial.pop("senders", None)  # restored from the state file
            self.play(initial)

    @property
    def base_url(self) -> str:
        """Return the API's URL: host and port are real only inside `serve()`."""
        return self._origin + self.document.base_path

    @property
    def token_url(self) -> str:
        """Return the token endpoint's URL."""
        return self._origin + self.document.token_path

    def transport(self, *, any_host: bool = True) -> httpx.AsyncBaseTransport:
        """Return an httpx transport that answers in process.

        It answers whatever host a request names, or with `any_host=False` raises ConnectError for every other than
        the emulator's own.
        """
        return EmulatorTransport(self._answer, self.clock, origin=None if any_host else self._origin)

    @asynccontextmanager
    async def serve(self, *, host: str = "127.0.0.1", port: int = 0) -> AsyncGenerator[Emulator]:
        """Serve on a socket in the running loop for the duration of the block; port 0 picks a free one."""
        before = self._origin
        async with serving(self.app, host=host, port=port) as origin:
            self._origin = origin
            delivering = None if self._sender is None else asyncio.ensure_future(self._deliver_always())
            try:
                yield self
            finally:
                self._origin = before
                if delivering is not None:
                    delivering.cancel()

    def add_key(self, key_id: str, key_secret: str, *, projects: Iterable[str] | None = None) -> None:
        """Accept another key; with `projects`, only for those (403 elsewhere)."""
        self._auth.add_key(key_id, key_secret, projects)

    def expire_tokens(self) -> None:
        """Expire every token issued so far."""
        self._auth.expire_tokens()

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
        """Inject a fault into an operation of the document, the "token" endpoint, or "*", every operation.

        `times=None` has no limit; the first `skip` requests are not affected. `drop` closes the connection "before"
        (True) or "after" the request is processed. With `status` the request is not processed unless `applied` is
        set. `body` is bytes, text or a JSON value. `retry_after` without a status is a 429. `delay` and `slow` are
        seconds, on the emulator's clock in process and real over a socket.
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

    async def deliver(self) -> int:
        """Send the webhook deliveries that are due; returns how many were accepted. `serve` does so by itself."""
        return await self._webhook_sender().send_due()

    def receive(
        self, target: str, receiver: Receiver | None = None, *, app: Callable[..., Any] | None = None
    ) -> None:
        """Let `receiver`, or the ASGI application `app`, stand for a webhook's target in this process.

        A receiver is a coroutine function that takes the headers and the body of a delivery, and returns the status
        of its answer.
        """
        self._webhook_sender().receive(target, receiver, app)

    def _webhook_sender(self) -> WebhookSender:
        if self._sender is None:
            raise EmulatorError('only Sinch\'s own API has webhooks: use Emulator(api="1.2")')
        return self._sender

    async def _deliver_always(self) -> None:
        while True:
            await self.deliver()
            await asyncio.sleep(_DELIVERY_PAUSE)

    def approve(self, sender: str, countries: Iterable[str] | None = None) -> None:
        """Accept launches: of one sender by id, ending its review now, or of all senders with a name.

        In Sinch's own API, `countries` are the ones that decide; without them all do.
        """
        self._backend.decide(sender, "accepted", countries)

    def reject(self, sender: str, countries: Iterable[str] | None = None) -> None:
        """Reject launches: of one sender by id, ending its review now, or of all senders with a name."""
        self._backend.decide(sender, "rejected", countries)

    def suspend(self, sender: str, countries: Iterable[str] | None = None) -> None:
        """Suspend a sender of Sinch's own API, in some countries or in all, by id or name."""
        self._backend.decide(sender, "suspended", countries)

    def hold(self, sender: str) -> None:
        """Keep launches pending until they are approved or rejected; by sender id or name."""
        self._backend.decide(sender, "pending")

    def announce(self, name: str, verdict: Verdict) -> None:
        """Set the verdict for every sender of that name, existing or future."""
        self._backend.announce(name, verdict)

    def add(
        self,
        channel: str,
        fields: Mapping[str, object],
        *,
        project_id: str | None = None,
        status: str | None = None,
    ) -> Sender:
        """Create a sender without a request, by default in `project_id`; `status` is fixed until a launch."""
        return self._backend.add(channel, fields, project_id, status)

    def play(self, scenario: str | Path | JsonObject) -> None:
        """Apply a scenario: a YAML file, or the content of one."""
        play(self._backend, scenario if isinstance(scenario, dict) else read_scenario(scenario))

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Move the clock forward, and record that in the state file."""
        self._backend.advance(days=days, hours=hours, minutes=minutes, seconds=seconds)

    def reset(self) -> None:
        """Delete senders, webhooks, logged requests and faults; keys, verdicts and the clock stay."""
        self._backend.reset()

    def close(self) -> None:
        """Release the state file, if there is one."""
        if self._snapshots is not None:
            self._snapshots.close()
            self._snapshots = None
            self._journal(None)

    def _journal(self, journal: Snapshots | None) -> None:
        self.senders.journal = self.webhooks.journal = journal
        if isinstance(self.service, v1_2.Service):
            self.service.deliveries.journal = journal

    def _answer(self, request: Request) -> Reply:
        with self._lock:
            if self._control is not None and self._control.owns(request.path):
                return self._control.answer(request)
            return self._dispatcher.answer(request)
