"""Routing: finds the operation for a method and path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import unquote

import attrs

from .error_replies import Problem
from .operations import Operation


@attrs.frozen
class Match:
    """An operation, its path parameters, and the collection's path with these filled in."""

    operation: Operation
    parameters: dict[str, str]
    collection: str

    @property
    def project_id(self) -> str | None:
        """Return the project id in the path."""
        return self.parameters.get("project_id") or self.parameters.get("projectId")

    @property
    def item_id(self) -> str | None:
        """Return the item's id in the path, or None for a collection."""
        for segment in reversed(self.operation.path.split("/")):
            if segment.startswith("{") and segment not in self.operation.collection.split("/"):
                return self.parameters[segment[1:-1]]
        return None


class Routes:
    """All paths of the document; literal segments take precedence over parameters."""

    def __init__(self, operations: Iterable[Operation], *, base_path: str = "") -> None:
        """`base_path` is the prefix of every path."""
        self._base = base_path
        self._by_path: dict[str, dict[str, Operation]] = {}
        for operation in operations:
            self._by_path.setdefault(operation.path, {})[operation.method] = operation
        self._templates = sorted(
            ([*path.split("/")] for path in self._by_path),
            key=lambda segments: [segment.startswith("{") for segment in segments],
        )

    def match(self, method: str, path: str) -> Match:
        """Return the match, or raise a 404 or 405 Problem."""
        segments = path.removeprefix(self._base).split("/") if path.startswith(self._base) else []
        for template in self._templates:
            parameters = _fit(template, segments)
            if parameters is None:
                continue
            methods = self._by_path["/".join(template)]
            if method not in methods:
                allowed = ", ".join(sorted(methods))
                raise Problem(
                    405, "method_not_allowed", f"{method} is not allowed here", headers=(("allow", allowed),)
                )
            operation = methods[method]
            return Match(operation, parameters, concrete(operation.collection, parameters))
        raise Problem(404, "not_found", "No resource has this path")


def concrete(template: str, parameters: Mapping[str, str]) -> str:
    """Fill in the parameters of a path template."""
    return "/".join(
        parameters[segment[1:-1]].replace("%", "%25").replace("/", "%2F")
        if segment.startswith("{")
        else segment
        for segment in template.split("/")
    )


def _fit(template: list[str], segments: list[str]) -> dict[str, str] | None:
    if len(template) != len(segments):
        return None
    parameters: dict[str, str] = {}
    for expected, segment in zip(template, segments, strict=True):
        if expected.startswith("{"):
            if not segment:
                return None
            parameters[expected[1:-1]] = unquote(segment, errors="replace")
        elif expected != segment:
            return None
    return parameters
