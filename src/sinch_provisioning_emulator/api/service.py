"""What each kind of operation does to the senders and what it replies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from ..openapi.error_replies import EmulatorError, Problem
from ..openapi.messages import JsonObject, Reply, Request, dump, json_reply
from ..openapi.operations import Operation
from ..openapi.routes import Match
from ..openapi.schemas import as_object
from .clock import Clock
from .launches import Launches, key_of
from .lifecycle import Verdict
from .pagination import page
from .quirks import Quirks
from .sender import Sender
from .senders import Senders
from .validation import check_parameters, checked_body


@attrs.define(eq=False)
class Service:
    """Carries out operations; `page_size` None sends lists in one reply unless the request asks for pages."""

    clock: Clock
    senders: Senders
    launches: Launches
    page_size: int | None
    unique_names: bool
    quirks: Quirks

    def process(self, match: Match, request: Request) -> Reply:
        """Carry out a request; raise a Problem if it is refused."""
        operation = match.operation
        check_parameters(match, request)
        if operation.kind == "list":
            return self._list(match, request.parameters)
        if operation.kind == "create":
            return self._create(match, self._fields(operation, request))
        # A missing sender is reported before an invalid body, which would be corrected in vain.
        sender = self._find(match)
        body = self._fields(operation, request)
        if operation.kind in {"update", "replace"}:
            self._update(sender, operation, body)
        elif operation.kind == "delete":
            self.senders.remove(sender)
        elif operation.kind == "action":
            self._act(sender, operation, body)
        return _shown(sender, operation)

    def _fields(self, operation: Operation, request: Request) -> JsonObject:
        body = checked_body(operation, request)
        # Properties that the schema does not have are dropped.
        known = () if operation.body is None else operation.body.properties
        return as_object(self.quirks.stored({name: body[name] for name in known if name in body}))

    def _find(self, match: Match) -> Sender:
        sender = self.senders.find(match.collection, match.item_id or "")
        if sender is None:
            raise Problem(404, "sender_not_found", "This project has no such sender")
        return sender

    def _create(self, match: Match, fields: JsonObject) -> Reply:
        if self.unique_names:
            self._refuse_duplicate(match, fields)
        sender = self.add(match.operation, match.project_id or "", match.collection, fields)
        return _shown(sender, match.operation)

    def add(
        self,
        create: Operation,
        project_id: str,
        collection: str,
        fields: JsonObject,
        status: str | None = None,
    ) -> Sender:
        """Create a sender as the operation does; `status` is fixed until it is launched."""
        return self.senders.add(
            fields,
            project_id=project_id,
            channel=create.channel,
            collection=collection,
            status=status,
        )

    def _refuse_duplicate(self, match: Match, fields: JsonObject) -> None:
        key = key_of(fields)
        for sender in self.senders.within(match.collection) if key is not None else ():
            if sender.fields.get(str(key)) == fields.get(str(key)):
                raise Problem(409, "already_exists", f"A sender with this {key} already exists")

    def _update(self, sender: Sender, operation: Operation, fields: JsonObject) -> None:
        if operation.kind == "replace":
            sender.fields.clear()
        self._change(sender, fields)

    def decide(self, sender: Sender, verdict: Verdict, countries: Iterable[str] | None) -> None:
        """Decide about a launch now."""
        if countries is not None or verdict == "suspended":
            raise EmulatorError("only launches in Sinch's own API (1.2) are decided by country, or suspended")
        sender.history.verdict, sender.history.decided = verdict, self.now()
        self.senders.save(sender)

    def now(self) -> float:
        """Return the emulator's time in seconds since the epoch."""
        return self.clock.time()

    def _act(self, sender: Sender, operation: Operation, fields: JsonObject) -> None:
        launches = operation.verb == "launch" and self.launches.launchable(sender)
        if launches and not self.launches.launch(sender):
            return
        self._change(sender, fields)

    def _change(self, sender: Sender, fields: JsonObject) -> None:
        sender.fields.update(fields)
        sender.history.changed = self.now()
        self.senders.save(sender)

    def _list(self, match: Match, query: dict[str, str]) -> Reply:
        newest = self.now() - self.quirks.list_lag
        senders: Sequence[Sender] = [
            each for each in self.senders.within(match.collection) if each.history.created <= newest
        ]
        shape = match.operation.reply
        listed = None if shape is None else shape.list_property()
        if shape is None or listed is None:
            return Reply(match.operation.success)
        name, item = listed
        rest: JsonObject = {}
        if self.page_size is not None or self.quirks.paged or "pageSize" in query or "pageToken" in query:
            shown = page(senders, query, default=self.page_size, quirks=self.quirks)
            senders, rest = shown.senders, shown.about
        rest = {**{key: value for key, value in shape.completed({}).items() if key != name}, **rest}
        head = dump(rest)[1:-1] + b"," if rest else b""
        # Joined from the senders' cached JSON, so that listing ten thousand of them stays cheap.
        items = b",".join(sender.rendered(item) for sender in senders)
        body = b"{" + head + dump(name) + b":[" + items + b"]}" if name else b"[" + items + b"]"
        return Reply(match.operation.success, body, (("content-type", "application/json"),))


def _shown(sender: Sender, operation: Operation) -> Reply:
    if operation.reply is None:
        return Reply(operation.success)
    return json_reply(operation.success, operation.reply.completed(sender.rules.properties(sender)))
