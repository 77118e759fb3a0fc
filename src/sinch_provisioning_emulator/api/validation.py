"""Checks a request against its operation: parameters and body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..openapi.error_replies import Problem
from ..openapi.messages import MAX_BODY, Json, JsonObject, Request, parse
from ..openapi.operations import Operation
from ..openapi.routes import Match
from ..openapi.schemas import Violation

_REPORTED = 20


def checked_body(operation: Operation, request: Request) -> JsonObject:
    """Return the JSON object sent, empty if none is required; raise a Problem if it is invalid."""
    if operation.body is None or (not request.body and not operation.body_required):
        return {}
    if len(request.body) > MAX_BODY:
        raise Problem(413, "payload_too_large", f"The body is larger than {MAX_BODY} bytes")
    if not request.body:
        raise invalid_input("", "A JSON body is required", "invalid_payload")
    if request.media_type != "application/json":
        raise Problem(415, "unsupported_media_type", "The body must be application/json")
    try:
        value = parse(request.body)
    except ValueError as error:
        raise invalid_input("", f"The body is not valid JSON: {error}", "invalid_payload") from None
    violations = operation.body.violations(value)
    if violations or not isinstance(value, dict):
        raise invalid(violations or [Violation("", "The body must be a JSON object")])
    return value


def check_parameters(match: Match, request: Request) -> None:
    """Raise a Problem if a path, query or header parameter is missing or invalid."""
    sent: dict[str, Mapping[str, Sequence[str]]] = {
        "path": {name: [value] for name, value in match.parameters.items()},
        "query": request.values,
        "header": {name: [value] for name, value in request.headers.items()},
    }
    for each in match.operation.parameters:
        name = each.name.lower() if each.place == "header" else each.name
        reason = each.violation(sent[each.place].get(name, ()))
        if reason is not None:
            raise invalid_input(each.name, reason)


def invalid_input(name: str, reason: str, code: str = "invalid_input") -> Problem:
    """Return the 400 Problem for one parameter or property."""
    return invalid([Violation(name, reason)], code)


def invalid(violations: Sequence[Violation], code: str = "invalid_input") -> Problem:
    """Return the 400 Problem for some violations; it names the first of them."""
    lines = [f"{each.property}: {each.reason}" if each.property else each.reason for each in violations]
    listed: list[Json] = [*lines[:_REPORTED]]
    return Problem(400, code, lines[0], {"validationErrors": listed})
