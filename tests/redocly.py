"""Redocly's differ, as a judge of ours."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen
from tools.differ.changes import Change
from tools.openapi.document import METHODS, Document, as_node, as_nodes
from tools.openapi.vendored import ROOT

_COMMAND = ROOT / "node_modules" / "@redocly" / "cli" / "bin" / "cli.js"
_QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


@frozen
class Verdict:
    """A breaking change found by Redocly, with the subject that our report would name."""

    subject: str
    message: str


def is_available() -> bool:
    """Whether Node and the pinned Redocly are installed."""
    return shutil.which("node") is not None and _COMMAND.is_file()


def breaking_changes(old: Path, new: Path) -> list[Verdict]:
    """Run the differ on two files and return its breaking changes."""
    command = ["node", str(_COMMAND), "diff", str(old), str(new), "--format", "json", "--fail-on", "none"]
    done = subprocess.run(command, capture_output=True, env={**os.environ, **_QUIET}, timeout=60, check=True)
    return list(_breaking(as_node(json.loads(done.stdout)), Document.load(old)))


def missed(found: list[Change], others: list[Verdict]) -> list[Verdict]:
    """Return the breaking changes of Redocly at places where ours found no breaking change."""
    subjects = [one.subject for one in found if one.breaking]
    return [
        one
        for one in others
        if not any(subject == one.subject or subject.startswith(f"{one.subject}.") for subject in subjects)
    ]


def _breaking(report: dict[str, object], document: Document) -> Iterator[Verdict]:
    for change in as_nodes(report.get("changes")):
        if change.get("impact") != "major":
            continue
        side = as_node(change.get("base")) or as_node(change.get("revision"))
        subject = _subject(str(side.get("pointer", "")), document)
        for verdict in as_nodes(change.get("verdicts")):
            yield Verdict(subject, str(verdict.get("message")))


def _subject(pointer: str, document: Document) -> str:
    """Return the operation or the property that a JSON pointer refers to."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.removeprefix("#/").split("/")]
    if parts[:2] == ["components", "schemas"] and len(parts) > 2:
        names = [parts[2]]
        names += [parts[at + 1] for at in range(3, len(parts) - 1) if parts[at] == "properties"]
        return ".".join(names)
    if parts[0] == "paths" and len(parts) > 2:
        operation = as_node(as_node(as_node(document.data.get("paths")).get(parts[1])).get(parts[2]))
        return str(operation.get("operationId") or f"{parts[2].upper()} {parts[1]}")
    if parts[0] == "paths" and len(parts) == 2:
        item = as_node(as_node(document.data.get("paths")).get(parts[1]))
        named = [as_node(item[method]).get("operationId") for method in METHODS if method in item]
        return str(named[0]) if named else parts[1]
    return f"securitySchemes.{parts[2]}" if parts[1:2] == ["securitySchemes"] and len(parts) > 2 else parts[0]
