"""The simulated API as one object: its document, state, clock and faults, and the switches that change them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from ..openapi.document import Document
from ..openapi.error_replies import EmulatorError
from ..openapi.messages import JsonObject, as_json
from ..openapi.operations import Operation
from ..openapi.routes import concrete
from ..openapi.schemas import as_object
from .auth import Authenticator
from .clock import Clock
from .faults import Faults
from .lifecycle import Lifecycle, Verdict, known_verdict
from .request_log import RequestLog
from .sender import Sender
from .senders import Senders
from .service import Service
from .v1_2 import service as v1_2


@attrs.define(eq=False)
class Backend:
    """What the emulator, its control endpoint and its scenarios share."""

    document: Document
    project_id: str
    clock: Clock
    auth: Authenticator
    faults: Faults
    lifecycle: Lifecycle
    requests: RequestLog
    senders: Senders
    service: Service | v1_2.Service

    def add(
        self, channel: str, fields: Mapping[str, object], project_id: str | None, status: str | None
    ) -> Sender:
        """Create a sender without a request."""
        values = as_object(as_json(fields))
        create = self.check_sender(channel, values)
        project = self.project_id if project_id is None else project_id
        collection = concrete(create.collection, {"project_id": project, "projectId": project})
        return self.service.add(create, project, collection, values, status)

    def check_sender(self, channel: str, fields: JsonObject) -> Operation:
        """Return the operation that creates such a sender; EmulatorError if the fields are invalid."""
        # What is created below a sender, such as a test number, is none.
        creates = {
            each.channel: each
            for each in self.document.operations
            if each.kind == "create" and each.collection.count("{") < 2
        }
        create = creates.get(channel)
        if create is None:
            raise EmulatorError(f"unknown channel {channel!r}: use one of {', '.join(creates)}")
        for violation in [] if create.body is None else create.body.violations(fields):
            raise EmulatorError(f"invalid {channel} sender: {violation.property}: {violation.reason}")
        return create

    def decide(self, sender: str, verdict: Verdict, countries: Iterable[str] | None = None) -> None:
        """Set the verdict on a launch, by sender id, or by name where it is the same in all countries."""
        found = self.senders.get(sender)
        if found is None and countries is not None:
            found = next((each for each in self.senders if each.name == sender), None)
            if found is None:
                raise EmulatorError(f"no sender has the id or name {sender!r}")
        if found is None:
            self.announce(sender, verdict)
        else:
            self.service.decide(found, known_verdict(verdict), countries)

    def announce(self, name: str, verdict: Verdict) -> None:
        """Set the verdict for every sender of that name, existing or future."""
        self.lifecycle.announce(name, verdict)
        if self.senders.journal is not None:
            self.senders.journal.verdict(name, verdict)

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Move the clock forward."""
        self.clock.advance(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if self.senders.journal is not None:
            self.senders.journal.clock()

    def reset(self) -> None:
        """Delete senders, webhooks, logged requests and faults; keys, verdicts and the clock stay."""
        self.senders.clear()
        if isinstance(self.service, v1_2.Service):
            self.service.webhooks.clear()
            self.service.deliveries.clear()
        self.requests.clear()
        self.faults.clear()
        if self.senders.journal is not None:
            self.senders.journal.emptied()
