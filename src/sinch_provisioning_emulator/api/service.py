"""What each kind of operation does to the senders and what it replies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from ..openapi.document import Document
from ..openapi.error_replies import Problem
from ..openapi.messages import MAX_BODY, Json, JsonObject, Reply, Request, dump, json_reply, parse
from ..openapi.operations import Operation
from ..openapi.routes import Match
from ..openapi.schemas import Violation
from .lifecycle import UNDER_WAY
from .pagination import page
from .senders import NAMES, Sender, Senders

_LAUNCH_NEEDS = (
    ("displayName",),
    ("description",),
    ("logoUrl",),
    ("heroImageUrl", "bannerUrl"),
    ("phoneNumber", "website", "email"),
    ("privacyPolicy",),
    ("termsOfService",),
)
"""Required at launch, by the live API's documentation: one property of each line that the document has."""


@attrs.define(eq=False)
class Service:
    """Carries out operations; `page_size` None sends lists in one reply unless the request asks for pages."""

    document: Document
    senders: Senders
    page_size: int | None
    unique_names: bool

    def process(self, match: Match, request: Request) -> Reply:
        """Carry out a request; raise a Problem if it is refused."""
        operation = match.operation
        self._check_parameters(match, request)
        if operation.kind == "list":
            return self._list(match, request.parameters)
        if operation.kind == "create":
            return self._create(match, self._body(operation, request))
        # A missing sender is reported before an invalid body, which would be corrected in vain.
        sender = self._find(match)
        body = self._body(operation, request)
        if operation.kind in {"update", "replace"}:
            self._update(sender, operation, body)
        elif operation.kind == "delete":
            self.senders.remove(sender)
        elif operation.kind == "action":
            self._act(sender, operation, body)
        return _shown(sender, operation)

    def _body(self, operation: Operation, request: Request) -> JsonObject:
        if operation.body is None or (not request.body and not operation.body_required):
            return {}
        if len(request.body) > MAX_BODY:
            raise Problem(413, "payload_too_large", f"The body is larger than {MAX_BODY} bytes")
        if not request.body:
            raise _bad_request([Violation("", "A JSON body is required")])
        if request.media_type != "application/json":
            raise Problem(415, "unsupported_media_type", "The body must be application/json")
        try:
            value = parse(request.body)
        except ValueError as error:
            raise _bad_request([Violation("", f"The body is not valid JSON: {error}")]) from None
        violations = operation.body.violations(value)
        if violations or not isinstance(value, dict):
            raise _bad_request(violations or [Violation("", "The body must be a JSON object")])
        # Properties that the schema does not have are dropped.
        return {name: value[name] for name in operation.body.properties if name in value}

    def _check_parameters(self, match: Match, request: Request) -> None:
        sent: dict[str, Mapping[str, str]] = {
            "path": match.parameters,
            "query": request.parameters,
            "header": request.headers,
        }
        for each in match.operation.parameters:
            name = each.name.lower() if each.place == "header" else each.name
            reason = each.violation(sent[each.place].get(name))
            if reason is not None:
                raise _bad_request([Violation(each.name, reason)])

    def _find(self, match: Match) -> Sender:
        sender = self.senders.find(match.collection, match.item_id or "")
        if sender is None:
            information: JsonObject = {"id": match.item_id}
            raise Problem(404, "not_found", "This project has no such sender", information)
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
            launchable=self.launchable(create.collection),
            status=status,
        )

    def launchable(self, collection: str) -> bool:
        """Return whether the document has a launch operation for a collection."""
        return any(
            each.kind == "action" and each.verb == "launch" and each.collection == collection
            for each in self.document.operations
        )

    def _refuse_duplicate(self, match: Match, fields: JsonObject) -> None:
        key = next((name for name in NAMES if name in fields), None)
        for sender in self.senders.within(match.collection) if key is not None else ():
            if sender.fields.get(str(key)) == fields.get(str(key)):
                information: JsonObject = {"property": key, "id": sender.id}
                raise Problem(409, "already_exists", f"A sender with this {key} already exists", information)

    def _update(self, sender: Sender, operation: Operation, fields: JsonObject) -> None:
        if operation.kind == "replace":
            sender.fields.clear()
        sender.fields.update(fields)
        sender.history.changed = self.now()
        self.senders.save(sender)

    def now(self) -> float:
        """Return the emulator's time in seconds since the epoch."""
        return self.senders.lifecycle.clock.time()

    def _act(self, sender: Sender, operation: Operation, fields: JsonObject) -> None:
        if operation.verb == "launch" and sender.launchable:
            if sender.status == "IN_TEST" and sender.history.launched is not None:
                return  # a launch in progress
            self._check_launch(sender)
            sender.history.launched = self.now()
            sender.history.pinned = None
        sender.fields.update(fields)
        sender.history.changed = self.now()
        self.senders.save(sender)

    def _check_launch(self, sender: Sender) -> None:
        status = sender.status
        if status in UNDER_WAY:
            raise Problem(409, "already_launched", f"The sender is {status}", {"status": status})
        known = {
            name
            for each in self.document.operations
            if each.kind == "create" and each.body is not None and sender.belongs_to(each.collection)
            for name in each.body.properties
        }
        required = [[name for name in names if name in known] for names in _LAUNCH_NEEDS]
        missing_groups = [
            names for names in required if names and not any(sender.fields.get(name) for name in names)
        ]
        if missing_groups:
            wording = ", ".join(" or ".join(names) for names in missing_groups)
            missing: list[Json] = [name for names in missing_groups for name in names]
            raise Problem(
                412, "launch_preconditions_failed", f"Required for a launch: {wording}", {"missing": missing}
            )

    def _list(self, match: Match, query: dict[str, str]) -> Reply:
        senders: Sequence[Sender] = self.senders.within(match.collection)
        shape = match.operation.reply
        listed = None if shape is None else shape.list_property()
        if shape is None or listed is None:
            return Reply(match.operation.success)
        name, item = listed
        rest: JsonObject = {}
        if self.page_size is not None or "pageSize" in query or "pageToken" in query:
            shown = page(senders, query, self.page_size)
            senders = shown.senders
            rest["totalSize"] = shown.total
            if shown.next_token is not None:
                rest["nextPageToken"] = shown.next_token
        rest = {**{key: value for key, value in shape.completed({}).items() if key != name}, **rest}
        head = dump(rest)[1:-1] + b"," if rest else b""
        # Joined from the senders' cached JSON, so that listing ten thousand of them stays cheap.
        items = b",".join(sender.rendered(item) for sender in senders)
        body = b"{" + head + dump(name) + b":[" + items + b"]}" if name else b"[" + items + b"]"
        return Reply(match.operation.success, body, (("content-type", "application/json"),))


def _shown(sender: Sender, operation: Operation) -> Reply:
    if operation.reply is None:
        return Reply(operation.success)
    return json_reply(operation.success, operation.reply.completed(sender.properties()))


def _bad_request(violations: list[Violation]) -> Problem:
    first = violations[0]
    details: list[Json] = [{"property": each.property, "reason": each.reason} for each in violations[:20]]
    where = f"{first.property}: " if first.property else ""
    return Problem(
        400, "invalid_request", f"{where}{first.reason}", {"property": first.property, "violations": details}
    )
