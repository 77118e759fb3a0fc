"""The path of a request: route, fault, authentication, operation, log."""

from __future__ import annotations

import uuid

import attrs

from ..openapi.document import Document
from ..openapi.error_replies import Problem
from ..openapi.messages import Json, Reply, Request, parse
from ..openapi.routes import Match, Routes
from .auth import Authenticator, Caller
from .faults import TOKEN, Fault, Faults
from .request_log import RecordedRequest, RequestLog, redacted
from .service import Service
from .v1_2 import service as v1_2


@attrs.define(eq=False)
class _Exchange:
    """What is known about one request so far."""

    operation_id: str | None = None
    match: Match | None = None
    caller: Caller | None = None
    key_id: str | None = None
    fault: Fault | None = None


@attrs.define(eq=False)
class Dispatcher:
    """Answers requests to the API and to the token endpoint."""

    document: Document
    routes: Routes
    auth: Authenticator
    faults: Faults
    service: Service | v1_2.Service
    requests: RequestLog

    def answer(self, request: Request) -> Reply:
        """Return the reply to one request, after faults; the request is logged by then."""
        exchange = _Exchange()
        reply = self._with_faults(request, exchange)
        request_id = str(uuid.uuid4())
        reply = attrs.evolve(reply, headers=(("x-request-id", request_id), *reply.headers))
        self.requests.add(
            RecordedRequest(
                at=self.service.now(),
                method=request.method,
                path=request.path,
                operation_id=exchange.operation_id,
                project_id=None if exchange.match is None else exchange.match.project_id,
                sender_id=None if exchange.match is None else exchange.match.item_id,
                status=None if reply.cut == "unanswered" else reply.status,
                request_id=request_id,
                scheme=None if exchange.caller is None else exchange.caller.scheme,
                key_id=exchange.key_id if exchange.caller is None else exchange.caller.key_id,
                query={name: str(redacted(value, name=name)) for name, value in request.parameters.items()},
                body=None if exchange.operation_id == TOKEN else _body(request),
                fault=None if exchange.fault is None else exchange.fault.name,
            )
        )
        return reply

    def _with_faults(self, request: Request, exchange: _Exchange) -> Reply:
        try:
            if request.path == self.document.token_path:
                exchange.operation_id = TOKEN
            else:
                exchange.match = self.routes.match(request.method, request.path)
                exchange.operation_id = exchange.match.operation.operation_id
        except Problem as problem:
            return problem.reply()
        project_id = None if exchange.match is None else exchange.match.project_id
        fault = exchange.fault = self.faults.take(exchange.operation_id, project_id)
        if fault is None:
            return self._process(request, exchange)
        if fault.expire_token:
            self.auth.expire_token_of(request)
        return fault.alter(Reply(200) if fault.skips_processing else self._process(request, exchange))

    def _process(self, request: Request, exchange: _Exchange) -> Reply:
        match = exchange.match
        if match is None:
            reply, exchange.key_id = self.auth.issue(request)
            return reply
        try:
            if match.operation.schemes:
                exchange.caller = self.auth.check(request, match.operation.schemes)
                allowed = exchange.caller.projects
                if allowed is not None and match.project_id not in allowed:
                    raise Problem(403, "permission_denied", "This key has no access to this project")
            return self.service.process(match, request)
        except Problem as problem:
            return problem.reply()


def _body(request: Request) -> Json:
    if not request.body:
        return None
    try:
        return redacted(parse(request.body))
    except ValueError:
        return None
