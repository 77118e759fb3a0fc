"""A second differ beside ours: what Redocly's finds breaking and ours has no line for is said as well."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from tools.changes import Change
from tools.document import METHODS, Document, as_node, as_nodes

_COMMAND = Path("node_modules", "@redocly", "cli", "bin", "cli.js")
_TIMEOUT = 60.0
_QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


@frozen
class Verdict:
    """One breaking change as Redocly puts it, with the place our lines would name."""

    subject: str
    message: str


def is_available(root: Path) -> bool:
    """Whether Node and the pinned differ are there."""
    return shutil.which("node") is not None and (root / _COMMAND).is_file()


def verdicts(root: Path, old: Path, new: Path, document: Document) -> list[Verdict]:
    """Run the differ; none where it fails, which is no reason to hold back what we found."""
    command = [
        "node",
        str(root / _COMMAND),
        "diff",
        str(old),
        str(new),
        "--format",
        "json",
        "--fail-on",
        "none",
    ]
    environment = {**os.environ, **_QUIET}
    try:
        # The pinned differ, on two files that the caller named.
        done = subprocess.run(  # noqa: S603 - see above
            command, capture_output=True, env=environment, timeout=_TIMEOUT, check=False
        )
        report = as_node(json.loads(done.stdout))
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return []
    return list(_breaking(report, document))


def _breaking(report: dict[str, object], document: Document) -> Iterator[Verdict]:
    for change in as_nodes(report.get("changes")):
        if change.get("impact") != "major":
            continue
        side = as_node(change.get("base")) or as_node(change.get("revision"))
        subject = _subject(str(side.get("pointer", "")), document)
        for verdict in as_nodes(change.get("verdicts")):
            yield Verdict(subject, str(verdict.get("message")))


def _subject(pointer: str, document: Document) -> str:
    """Name the operation or the schema's property that a pointer leads to."""
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


def missed(found: list[Change], others: list[Verdict]) -> list[Change]:
    """Give the changes that are breaking to Redocly and at a place where we found none at all."""
    known = [one.subject for one in found]
    return [
        Change(one.subject, f"{one.message} (found by Redocly)", breaking=True)
        for one in others
        if not any(subject == one.subject or subject.startswith(f"{one.subject}.") for subject in known)
    ]
