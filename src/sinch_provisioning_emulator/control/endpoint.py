"""The control endpoint: reading and controlling the emulator over HTTP, below `/__emulator__`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from urllib.parse import urlsplit

import attrs

from ..api.backend import Backend
from ..api.lifecycle import VERDICTS, known_verdict
from ..api.sender import timestamp
from ..openapi.error_replies import EmulatorError, Problem
from ..openapi.messages import Json, JsonObject, Reply, Request, json_reply, parse
from ..openapi.schemas import Schema, as_list
from .scenario import described_fault, play
from .status_page import render

ROOT = "/__emulator__"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
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
    "properties": {
        "sender": {"type": "string"},
        "verdict": {"enum": [*VERDICTS]},
        "countries": {"type": "array", "items": {"type": "string"}},
    },
}


class Control:
    """Answers below `/__emulator__`, but not to pages of other sites, which a browser would let reach it.

    The Host must be the emulator's own, so that a foreign name that resolves to this machine (DNS rebinding) is
    refused; so must the Origin, if there is one.
    """

    def __init__(self, backend: Backend, hosts: Collection[str] = ()) -> None:
        """`backend` is what it shows and changes; `hosts` are accepted besides loopback."""
        self._backend = backend
        self._hosts = _LOOPBACK | {host.lower() for host in hosts}
        self._routes: dict[tuple[str, str], Callable[[Request], Reply]] = {
            ("GET", ""): lambda request: _page(self._backend, request),
            ("GET", "/"): lambda request: _page(self._backend, request),
            ("GET", "/state"): lambda _: json_reply(200, self._state()),
            ("POST", "/faults"): self._arm,
            ("DELETE", "/faults"): lambda _: self._disarm(),
            ("POST", "/clock"): self._advance,
            ("POST", "/approvals"): self._decide,
            ("POST", "/scenario"): self._play,
            ("POST", "/tokens/expire"): lambda _: self._expire(),
            ("POST", "/reset"): lambda _: self._reset(),
        }

    def owns(self, path: str) -> bool:
        """Return whether a path is the control endpoint's."""
        return path == ROOT or path.startswith(ROOT + "/")

    def answer(self, request: Request) -> Reply:
        """Return the reply to a request below the root."""
        place = request.path.removeprefix(ROOT)
        try:
            self._check_site(request)
            methods = sorted(method for method, path in self._routes if path == place)
            if not methods:
                raise Problem(404, "not_found", "The control endpoint has no such path")
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

    def _check_site(self, request: Request) -> None:
        host = request.headers.get("host", "").lower()
        if (urlsplit(f"//{host}").hostname or "") not in self._hosts:
            raise Problem(
                403, "host_not_allowed", f"The control endpoint has no host {host!r}; allow it first"
            )
        origin = request.headers.get("origin", "").lower()
        if origin not in {"", f"http://{host}", f"https://{host}"}:
            raise Problem(403, "origin_not_allowed", "The control endpoint does not answer other origins")

    def _arm(self, request: Request) -> Reply:
        self._backend.faults.arm(described_fault(_object(request)))
        return json_reply(201, self._faults())

    def _disarm(self) -> Reply:
        self._backend.faults.clear()
        return Reply(204)

    def _advance(self, request: Request) -> Reply:
        span = {
            unit: value for unit, value in _object(request, _SPAN).items() if isinstance(value, int | float)
        }
        self._backend.advance(**span)
        return json_reply(200, {"now": self._backend.clock.time()})

    def _decide(self, request: Request) -> Reply:
        body = _object(request, _DECISION)
        countries = [str(each) for each in as_list(body["countries"])] if "countries" in body else None
        self._backend.decide(str(body["sender"]), known_verdict(str(body["verdict"])), countries)
        return Reply(204)

    def _play(self, request: Request) -> Reply:
        play(self._backend, _object(request))
        return json_reply(200, self._state())

    def _expire(self) -> Reply:
        self._backend.auth.expire_tokens()
        return Reply(204)

    def _reset(self) -> Reply:
        self._backend.reset()
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
            for armed in self._backend.faults
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
            for sender in self._backend.senders
        ]
        requests: list[Json] = [
            attrs.asdict(request, filter=lambda field, _: field.name not in {"query", "body"})
            for request in self._backend.requests
        ]
        return {
            "now": self._backend.clock.time(),
            "senders": senders,
            "requests": requests,
            "faults": self._faults(),
        }


def _page(backend: Backend, request: Request) -> Reply:
    headers = (
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'"),
        ("cache-control", "no-store"),
    )
    base_url = f"http://{request.headers.get('host', '')}{backend.document.base_path}"
    return Reply(200, render(backend, base_url).encode(errors="replace"), headers)


def _object(request: Request, schema: JsonObject | None = None) -> JsonObject:
    try:
        value = parse(request.body)
    except ValueError as error:
        raise EmulatorError(f"the body is not valid JSON: {error}") from None
    for violation in [] if schema is None else Schema(schema, schema).violations(value):
        raise EmulatorError(f"{violation.property}: {violation.reason}".removeprefix(": "))
    if not isinstance(value, dict):
        raise EmulatorError("the body must be a JSON object")
    return value
