"""The status page: a read-only view of the emulator, without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from itertools import islice

from ..api.backend import Backend
from ..api.v1_2.service import Service

_ROWS = 200
_REQUESTS = 50
_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0; opacity: .75; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #8884; white-space: nowrap; }
td:first-child, td:nth-child(2) { white-space: normal; overflow-wrap: anywhere; }
th { font-weight: 600; opacity: .7; }
.good { color: #14803c; } .bad { color: #c62828; } .busy { color: #a86400; }
@media (prefers-color-scheme: dark) { .good { color: #5fd38a; } .bad { color: #ff8a80; } .busy { color: #ffca61; } }
"""
_GOOD = frozenset({"LAUNCHED", "ACTIVE", "delivered"})
_BAD = frozenset({"REJECTED", "SUSPENDED", "UNLAUNCHED", "given up", "lost"})
_IDLE = frozenset({"DRAFT"})


def render(backend: Backend, base_url: str) -> str:
    """Render the page, which reloads itself every two seconds."""
    senders = list(islice(reversed(backend.senders), _ROWS))
    requests = list(islice(reversed(backend.requests), _REQUESTS))
    now = _moment(datetime.fromtimestamp(backend.clock.time(), UTC))
    return "".join(
        (
            "<!doctype html><html lang=en><head><meta charset=utf-8>",
            '<meta name=viewport content="width=device-width"><meta http-equiv=refresh content=2>',
            f"<title>Sinch Provisioning emulator</title><style>{_STYLE}</style></head><body>",
            f"<h1>Sinch Provisioning emulator</h1><p>{escape(base_url)} · emulator time {now}</p>",
            _heading("Senders", len(backend.senders), len(senders)),
            _table(
                ("Name", "Channel", "Project", "Status", "Since", "Id"),
                (
                    (
                        escape(sender.name),
                        escape(sender.channel),
                        escape(sender.project_id),
                        _status(sender.status),
                        _moment(sender.update_time),
                        escape(sender.id),
                    )
                    for sender in senders
                ),
                "No senders yet",
            ),
            _heading("Requests", len(backend.requests), len(requests)),
            _table(
                ("Method", "Path", "Operation", "Status", "Fault"),
                (
                    (
                        escape(request.method),
                        escape(request.path),
                        escape(request.operation_id or "-"),
                        _code(request.status),
                        escape(request.fault or ""),
                    )
                    for request in requests
                ),
                "No requests yet",
            ),
            _deliveries(backend.service) if isinstance(backend.service, Service) else "",
            _heading("Active faults", len(backend.faults), len(backend.faults)),
            _table(
                ("Operation", "Fault", "Times", "Probability", "Hits"),
                (
                    (
                        escape(armed.fault.operation_id),
                        escape(armed.fault.name),
                        "always" if armed.fault.times is None else str(armed.fault.times),
                        f"{armed.fault.probability:g}",
                        str(armed.struck),
                    )
                    for armed in backend.faults
                ),
                "None",
            ),
            "</body></html>",
        )
    )


def _deliveries(service: Service) -> str:
    shown = list(islice(reversed([*service.deliveries]), _REQUESTS))
    return _heading("Webhook deliveries", len(service.deliveries), len(shown)) + _table(
        ("Target", "Trigger", "Sender", "Attempts", "Last status", "Outcome"),
        (
            (
                # Without what may be a secret: user, password and query.
                escape(re.sub(r"//[^/]*@", "//", delivery.target.partition("?")[0])),
                escape(delivery.type),
                escape(delivery.sender_id),
                str(delivery.attempts),
                "-" if delivery.status is None else _code(delivery.status),
                _status(delivery.outcome),
            )
            for delivery in shown
        ),
        "No deliveries yet",
    )


def _heading(title: str, count: int, shown: int) -> str:
    rest = "" if shown == count else f", showing the last {shown}"
    return f"<h2>{title} ({count}{rest})</h2>"


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]], empty: str) -> str:
    lines = ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    if not lines:
        return f"<p>{empty}</p>"
    head = "".join(f"<th>{name}</th>" for name in heads)
    return (
        f"<table><thead><tr>{head}</tr></thead><tbody>"
        + "".join(f"<tr>{line}</tr>" for line in lines)
        + "</tbody></table>"
    )


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _status(status: str) -> str:
    colour = "good" if status in _GOOD else "bad" if status in _BAD else "" if status in _IDLE else "busy"
    return f'<span class="{colour}">{escape(status)}</span>'


def _code(status: int | None) -> str:
    if status is None:
        return '<span class="bad">dropped</span>'
    return f'<span class="{"good" if status < 400 else "bad"}">{status}</span>'
