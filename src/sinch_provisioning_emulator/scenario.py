"""A scenario: senders that are there already, verdicts to come and faults in wait, written down in YAML."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import yaml

from .document import Document, parse_yaml
from .faults import Fault
from .lifecycle import VERDICTS, known_verdict
from .operations import Operation
from .problems import EmulatorError
from .schemas import Schema, as_list, as_object
from .wire import Json, JsonObject

if TYPE_CHECKING:
    from .emulator import Emulator

_TEXT: JsonObject = {"type": "string"}
_COUNT: JsonObject = {"type": "integer", "minimum": 1}
_SECONDS: JsonObject = {"type": "number", "minimum": 0}
_YES: JsonObject = {"type": "boolean"}
_VERDICT: JsonObject = {"enum": [*VERDICTS]}


def _record(properties: JsonObject, *required: str) -> JsonObject:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [*required],
        "properties": properties,
    }


_FAULT = _record(
    {
        "operation": _TEXT,
        "status": {"type": "integer", "minimum": 200, "maximum": 599},
        "headers": {"type": "object", "additionalProperties": _TEXT},
        "body": {},
        "retry_after": {"type": ["number", "string"]},
        "drop": {"enum": [True, "before", "after"]},
        "truncate": _YES,
        "delay": _SECONDS,
        "slow": _SECONDS,
        "expire_token": _YES,
        "applied": _YES,
        "project_id": _TEXT,
        "times": {"anyOf": [_COUNT, {"type": "null"}]},
        "skip": {"type": "integer", "minimum": 0},
        "probability": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        "seed": {"type": "integer"},
    },
    "operation",
)
_SENDER = _record(
    {"channel": _TEXT, "project_id": _TEXT, "status": _TEXT, "fields": {"type": "object"}},
    "channel",
    "fields",
)
_KEY = _record(
    {"key_id": _TEXT, "key_secret": _TEXT, "projects": {"type": "array", "items": _TEXT}},
    "key_id",
    "key_secret",
)
_SCENARIO = _record(
    {
        "review": _SECONDS,
        "approval": _VERDICT,
        "approvals": {"type": "object", "additionalProperties": _VERDICT},
        "page_size": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]},
        "unique_names": _YES,
        "keys": {"type": "array", "items": _KEY},
        "senders": {"type": "array", "items": _SENDER},
        "faults": {"type": "array", "items": _FAULT},
    }
)


def read_scenario(path: str | Path) -> JsonObject:
    """A scenario file's content, or an EmulatorError in one line."""
    try:
        tree = parse_yaml(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise EmulatorError(f"can't read the scenario {path}: {error.strerror or error}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise EmulatorError(f"the scenario {path} is no YAML: {' '.join(str(error).split())}") from error
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise EmulatorError(f"the scenario {path} is no mapping")
    return tree


def play(emulator: Emulator, scenario: JsonObject) -> None:
    """Put an emulator into a scenario, or raise an EmulatorError and leave it as it was."""
    _refuse(scenario, _SCENARIO, "scenario")
    faults = [described_fault(as_object(each)) for each in as_list(scenario.get("faults"))]
    senders = [as_object(each) for each in as_list(scenario.get("senders"))]
    for fault in faults:
        emulator.faults.check(fault)
    for each in senders:
        creating(emulator.document, str(each["channel"]), as_object(each["fields"]))
    lifecycle, service = emulator.lifecycle, emulator.service
    if "review" in scenario:
        lifecycle.review = _float(scenario["review"])
    if "approval" in scenario:
        lifecycle.approval = known_verdict(str(scenario["approval"]))
    if "page_size" in scenario:
        size = scenario["page_size"]
        service.page_size = size if isinstance(size, int) else None
    service.unique_names = scenario.get("unique_names", service.unique_names) is True
    for key in (as_object(each) for each in as_list(scenario.get("keys"))):
        projects = None if "projects" not in key else [str(each) for each in as_list(key["projects"])]
        emulator.add_key(str(key["key_id"]), str(key["key_secret"]), projects=projects)
    for name, verdict in as_object(scenario.get("approvals")).items():
        emulator.announce(name, known_verdict(str(verdict)))
    for each in senders:
        project_id, status = each.get("project_id"), each.get("status")
        emulator.add(
            str(each["channel"]),
            as_object(each["fields"]),
            project_id=None if project_id is None else str(project_id),
            status=None if status is None else str(status),
        )
    for fault in faults:
        emulator.faults.arm(fault)


def creating(document: Document, channel: str, fields: JsonObject) -> Operation:
    """The operation that creates such a sender, or an EmulatorError that says what is wrong with it."""
    creates = {each.channel: each for each in document.operations if each.kind == "create"}
    create = creates.get(channel)
    if create is None:
        raise EmulatorError(f"unknown channel {channel!r}: known are {', '.join(creates)}")
    for violation in [] if create.body is None else create.body.violations(fields):
        raise EmulatorError(f"the {channel} sender can't be: {violation.property}: {violation.reason}")
    return create


def described_fault(description: JsonObject) -> Fault:
    """A fault as scenarios and the control endpoint describe it: the names of `inject`, and `operation`."""
    _refuse(description, _FAULT, "fault")
    fault = Fault(str(description["operation"]))
    status, seed, times = (description.get(name) for name in ("status", "seed", "times"))
    retry_after, project_id = description.get("retry_after"), description.get("project_id")
    drop = description.get("drop")
    return attrs.evolve(
        fault,
        status=status if isinstance(status, int) else None,
        headers={name: str(value) for name, value in as_object(description.get("headers")).items()},
        body=description.get("body"),
        retry_after=retry_after if isinstance(retry_after, int | float | str) else None,
        drop=None if drop is None else "after" if drop == "after" else "before",
        truncate=description.get("truncate") is True,
        delay=_float(description.get("delay", 0)),
        slow=_float(description.get("slow", 0)),
        expire_token=description.get("expire_token") is True,
        applied=description.get("applied") is True,
        project_id=None if project_id is None else str(project_id),
        times=times if isinstance(times, int) else None if "times" in description else 1,
        skip=int(_float(description.get("skip", 0))),
        probability=_float(description.get("probability", 1)),
        seed=seed if isinstance(seed, int) else None,
    )


def _refuse(value: JsonObject, schema: JsonObject, what: str) -> None:
    for violation in Schema(schema, schema).violations(value):
        raise EmulatorError(f"the {what} can't be used: {violation.property or what}: {violation.reason}")


def _float(value: Json) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
