"""The way of a request through the emulator: route, fault, door, operation, record."""

from __future__ import annotations

import uuid

import attrs

from .access import Access, Caller
from .document import Document
from .faults import TOKEN, Fault, Faults
from .problems import Problem
from .record import Record, RecordedRequest, blanked
from .routes import Match, Routes
from .service import Service
from .wire import Json, Reply, Request, parse


@attrs.define(eq=False)
class _Visit:
    """What is known of one request so far."""

    operation_id: str | None = None
    match: Match | None = None
    caller: Caller | None = None
    key_id: str | None = None
    fault: Fault | None = None


@attrs.define(eq=False)
class Front:
    """Answers every request to the API and to the token endpoint."""

    document: Document
    routes: Routes
    access: Access
    faults: Faults
    service: Service
    record: Record

    def answer(self, request: Request) -> Reply:
        """The reply to one request, faults included; it is on record when this returns."""
        visit = _Visit()
        reply = self._meet(request, visit)
        request_id = str(uuid.uuid4())
        reply = attrs.evolve(reply, headers=(("x-request-id", request_id), *reply.headers))
        self.record.add(
            RecordedRequest(
                at=self.service.now(),
                method=request.method,
                path=request.path,
                operation_id=visit.operation_id,
                project_id=None if visit.match is None else visit.match.project_id,
                sender_id=None if visit.match is None else visit.match.item_id,
                status=None if reply.cut == "unanswered" else reply.status,
                request_id=request_id,
                scheme=None if visit.caller is None else visit.caller.scheme,
                key_id=visit.key_id if visit.caller is None else visit.caller.key_id,
                query={name: str(blanked(value, name=name)) for name, value in request.parameters.items()},
                body=None if visit.operation_id == TOKEN else _body(request),
                fault=None if visit.fault is None else visit.fault.name,
            )
        )
        return reply

    def _meet(self, request: Request, visit: _Visit) -> Reply:
        try:
            if request.path == self.document.token_path:
                visit.operation_id = TOKEN
            else:
                visit.match = self.routes.match(request.method, request.path)
                visit.operation_id = visit.match.operation.operation_id
        except Problem as problem:
            return problem.reply()
        project_id = None if visit.match is None else visit.match.project_id
        fault = visit.fault = self.faults.take(visit.operation_id, project_id)
        if fault is None:
            return self._process(request, visit)
        if fault.expire_token:
            self.access.expire_token_of(request)
        return fault.spoil(Reply(200) if fault.spares_effect else self._process(request, visit))

    def _process(self, request: Request, visit: _Visit) -> Reply:
        match = visit.match
        if match is None:
            reply, visit.key_id = self.access.issue(request)
            return reply
        try:
            if match.operation.schemes:
                visit.caller = self.access.check(request, match.operation.schemes)
                allowed = visit.caller.projects
                if allowed is not None and match.project_id not in allowed:
                    raise Problem(403, "permission_denied", "This key has no access to the project")
            return self.service.process(match, request)
        except Problem as problem:
            return problem.reply()


def _body(request: Request) -> Json:
    if not request.body:
        return None
    try:
        return blanked(parse(request.body))
    except ValueError:
        return None
