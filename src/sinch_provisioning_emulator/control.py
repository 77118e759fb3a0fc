"""The control endpoint: what can be asked and told of an emulator over HTTP, below `/__emulator__`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

from .page import render
from .problems import EmulatorError, Problem
from .scenario import described_fault, play
from .schemas import Schema
from .senders import timestamp
from .wire import Json, JsonObject, Reply, Request, json_reply, parse

if TYPE_CHECKING:
    from .emulator import Emulator

ROOT = "/__emulator__"
_SPAN: JsonObject = {
    "type": "object",
    "additionalProperties": False,
    "minProperties": 1,
    "properties": {
        unit: {"type": "number", "minimum": 0} for unit in ("days", "hours", "minutes", "seconds")
    },
}
_DECISION: JsonObject = {
    "type": "object",
    "required": ["sender", "verdict"],
    "properties": {"sender": {"type": "string"}, "verdict": {"enum": ["accepted", "rejected", "pending"]}},
}


class Control:
    """Answers below `/__emulator__`; what changes something takes JSON alone, which no foreign page can send."""

    def __init__(self, emulator: Emulator) -> None:
        """`emulator` is the one looked at and changed."""
        self._emulator = emulator
        self._routes: dict[tuple[str, str], Callable[[Request], Reply]] = {
            ("GET", ""): lambda _: _page(self._emulator),
            ("GET", "/"): lambda _: _page(self._emulator),
            ("GET", "/state"): lambda _: json_reply(200, self._state()),
            ("POST", "/faults"): self._arm,
            ("DELETE", "/faults"): lambda _: self._disarm(),
            ("POST", "/clock"): self._advance,
            ("POST", "/approvals"): self._decide,
            ("POST", "/scenario"): self._play,
            ("POST", "/tokens/expire"): lambda _: self._expire(),
            ("POST", "/reset"): lambda _: self._reset(),
        }

    def answer(self, request: Request) -> Reply:
        """The reply to a request below the root."""
        place = request.path.removeprefix(ROOT)
        try:
            methods = sorted(method for method, path in self._routes if path == place)
            if not methods:
                raise Problem(404, "not_found", "The emulator has no such control")
            if request.method not in methods:
                raise Problem(
                    405,
                    "method_not_allowed",
                    f"{request.method} is not allowed here",
                    headers=(("allow", ", ".join(methods)),),
                )
            if request.method == "POST" and request.media_type != "application/json":
                raise Problem(415, "unsupported_media_type", "The body must be application/json")
            return self._routes[request.method, place](request)
        except EmulatorError as error:
            return Problem(400, "invalid_request", str(error)).reply()
        except Problem as problem:
            return problem.reply()

    def _arm(self, request: Request) -> Reply:
        self._emulator.faults.arm(described_fault(_object(request)))
        return json_reply(201, self._faults())

    def _disarm(self) -> Reply:
        self._emulator.faults.clear()
        return Reply(204)

    def _advance(self, request: Request) -> Reply:
        span = {
            unit: value for unit, value in _object(request, _SPAN).items() if isinstance(value, int | float)
        }
        self._emulator.advance(**span)
        return json_reply(200, {"now": self._emulator.clock.time()})

    def _decide(self, request: Request) -> Reply:
        told = _object(request, _DECISION)
        decide = {
            "accepted": self._emulator.approve,
            "rejected": self._emulator.reject,
            "pending": self._emulator.hold,
        }
        decide[str(told["verdict"])](str(told["sender"]))
        return Reply(204)

    def _play(self, request: Request) -> Reply:
        play(self._emulator, _object(request))
        return json_reply(200, self._state())

    def _expire(self) -> Reply:
        self._emulator.expire_tokens()
        return Reply(204)

    def _reset(self) -> Reply:
        self._emulator.reset()
        return Reply(204)

    def _faults(self) -> list[Json]:
        return [
            {
                "operation": armed.fault.operation_id,
                "fault": armed.fault.name,
                "times": armed.fault.times,
                "probability": armed.fault.probability,
                "struck": armed.struck,
            }
            for armed in self._emulator.faults
        ]

    def _state(self) -> JsonObject:
        senders: list[Json] = [
            {
                "id": sender.id,
                "projectId": sender.project_id,
                "channel": sender.channel,
                "name": sender.name,
                "status": sender.status,
                "updateTime": timestamp(sender.update_time),
            }
            for sender in self._emulator.senders
        ]
        requests: list[Json] = [
            attrs.asdict(request, filter=lambda field, _: field.name not in {"query", "body"})
            for request in self._emulator.requests
        ]
        return {
            "now": self._emulator.clock.time(),
            "senders": senders,
            "requests": requests,
            "faults": self._faults(),
        }


def _page(emulator: Emulator) -> Reply:
    headers = (
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'"),
        ("cache-control", "no-store"),
    )
    return Reply(200, render(emulator).encode(errors="replace"), headers)


def _object(request: Request, schema: JsonObject | None = None) -> JsonObject:
    try:
        value = parse(request.body)
    except ValueError as error:
        raise EmulatorError(f"the body is no JSON: {error}") from None
    for violation in [] if schema is None else Schema(schema, schema).violations(value):
        raise EmulatorError(f"{violation.property}: {violation.reason}".removeprefix(": "))
    if not isinstance(value, dict):
        raise EmulatorError("the body must be a JSON object")
    return value
