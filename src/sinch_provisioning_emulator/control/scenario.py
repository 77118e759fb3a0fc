"""Scenarios: initial senders, verdicts, faults and options, written in YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import attrs
import yaml

from ..api.backend import Backend
from ..api.faults import Fault
from ..api.lifecycle import VERDICTS, known_verdict
from ..api.quirks import Quirks, TotalSize
from ..openapi.document import parse_yaml
from ..openapi.error_replies import EmulatorError
from ..openapi.messages import Json, JsonObject
from ..openapi.schemas import Schema, as_list, as_object

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
_QUIRKS = _record(
    {
        "list_lag": _SECONDS,
        "normalize_names": _YES,
        "normalize_urls": _YES,
        "shifting_pages": _YES,
        "endless_pages": _YES,
        "numeric_page_tokens": _YES,
        "total_size": {"enum": [*get_args(TotalSize)]},
    }
)
_SCENARIO = _record(
    {
        "review": _SECONDS,
        "approval": _VERDICT,
        "approvals": {"type": "object", "additionalProperties": _VERDICT},
        "page_size": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]},
        "unique_names": _YES,
        "quirks": _QUIRKS,
        "keys": {"type": "array", "items": _KEY},
        "senders": {"type": "array", "items": _SENDER},
        "faults": {"type": "array", "items": _FAULT},
    }
)


def read_scenario(path: str | Path) -> JsonObject:
    """Read a scenario file; EmulatorError if it can't be read."""
    try:
        tree = parse_yaml(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise EmulatorError(f"can't read the scenario {path}: {error.strerror or error}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise EmulatorError(
            f"the scenario {path} is not valid YAML: {' '.join(str(error).split())}"
        ) from error
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise EmulatorError(f"the scenario {path} is not a mapping")
    return tree


def play(backend: Backend, scenario: JsonObject) -> None:
    """Apply a scenario; EmulatorError, without any change, if it is invalid."""
    _refuse(scenario, _SCENARIO, "scenario")
    faults = [described_fault(as_object(each)) for each in as_list(scenario.get("faults"))]
    senders = [as_object(each) for each in as_list(scenario.get("senders"))]
    for fault in faults:
        backend.faults.check(fault)
    for each in senders:
        backend.check_sender(str(each["channel"]), as_object(each["fields"]))
    lifecycle, service = backend.lifecycle, backend.service
    if "review" in scenario:
        lifecycle.review = _float(scenario["review"])
    if "approval" in scenario:
        lifecycle.approval = known_verdict(str(scenario["approval"]))
    if "page_size" in scenario:
        size = scenario["page_size"]
        service.page_size = size if isinstance(size, int) else None
    service.unique_names = scenario.get("unique_names", service.unique_names) is True
    if "quirks" in scenario:
        service.quirks = _quirks(as_object(scenario["quirks"]))
    for key in (as_object(each) for each in as_list(scenario.get("keys"))):
        projects = None if "projects" not in key else [str(each) for each in as_list(key["projects"])]
        backend.auth.add_key(str(key["key_id"]), str(key["key_secret"]), projects)
    for name, verdict in as_object(scenario.get("approvals")).items():
        backend.announce(name, known_verdict(str(verdict)))
    for each in senders:
        project_id, status = each.get("project_id"), each.get("status")
        backend.add(
            str(each["channel"]),
            as_object(each["fields"]),
            None if project_id is None else str(project_id),
            None if status is None else str(status),
        )
    for fault in faults:
        backend.faults.arm(fault)


def _quirks(values: JsonObject) -> Quirks:
    # Any: their types have just been validated.
    options: dict[str, Any] = {**values}
    return Quirks(**options)


def described_fault(description: JsonObject) -> Fault:
    """Build a fault from its description: the arguments of `inject`, and `operation`."""
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
