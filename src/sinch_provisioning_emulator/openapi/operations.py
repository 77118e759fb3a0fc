"""The document's operations, each classified by its method and path.

A POST on a collection creates, a GET lists; GET, PATCH, PUT and DELETE on an item read, update, replace and delete
it; a POST below an item is an action on it. No operation is known by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import attrs

from .messages import Json, JsonObject, parse
from .schemas import Schema, as_list, as_object, resolve

Kind = Literal["list", "create", "get", "update", "replace", "delete", "action"]
Scheme = Literal["bearer", "basic"]

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@attrs.frozen(eq=False)
class Parameter:
    """One parameter of an operation; `place` is "path", "query" or "header"."""

    name: str
    place: str
    required: bool
    schema: Schema

    def violation(self, texts: Sequence[str]) -> str | None:
        """Return what is wrong with the values that were sent, or None."""
        if not texts:
            return "is required" if self.required else None
        text = texts[-1]
        value: Json = text
        if self.schema.kind == "array":
            value = [*texts]
        elif self.schema.kind in {"integer", "number", "boolean"}:
            try:
                value = parse(text)
            except ValueError:
                value = text
        return next((each.reason for each in self.schema.violations(value)), None)


@attrs.frozen(eq=False)
class Operation:
    """One operation of the document.

    `channel` is the path segment that distinguishes its collection ("rcs" in `.../rcs/senders`, "webhooks" in
    `.../{projectId}/webhooks`); `schemes` is empty if no credentials are required; `reply` is None if no body is
    described.
    """

    operation_id: str
    method: str
    path: str
    kind: Kind
    collection: str
    channel: str
    schemes: frozenset[Scheme]
    success: int
    body: Schema | None
    body_required: bool
    reply: Schema | None
    parameters: tuple[Parameter, ...]

    @property
    def verb(self) -> str:
        """Return the last segment of an action's path."""
        return self.path.rpartition("/")[2]


def read_operations(tree: JsonObject) -> tuple[Operation, ...]:
    """Return all operations in document order; ValueError if two share an operationId."""
    paths = as_object(tree.get("paths"))
    found: list[Operation] = []
    for path, item in paths.items():
        shared = resolve(tree, as_object(item))
        for method in _METHODS:
            node = as_object(shared.get(method))
            if not node:
                continue
            operation = _operation(tree, path, method, node, as_list(shared.get("parameters")))
            if any(each.operation_id == operation.operation_id for each in found):
                raise ValueError(f"two operations have the operationId {operation.operation_id}")
            found.append(operation)
    return tuple(found)


def _operation(tree: JsonObject, path: str, method: str, node: JsonObject, shared: list[Json]) -> Operation:
    request = resolve(tree, as_object(node.get("requestBody")))
    success, reply = _success(tree, node)
    kind, collection = _pattern(as_object(tree.get("paths")), path, method, reply)
    *_, parent, last = collection.split("/")
    return Operation(
        operation_id=str(node.get("operationId") or f"{method} {path}"),
        method=method.upper(),
        path=path,
        kind=kind,
        collection=collection,
        channel=last if parent == "" or parent.startswith("{") else parent,
        schemes=_schemes(tree, node),
        success=success,
        body=_json_schema(tree, request),
        body_required=request.get("required") is True,
        reply=reply,
        parameters=_parameters(tree, [*shared, *as_list(node.get("parameters"))]),
    )


def _pattern(paths: JsonObject, path: str, method: str, reply: Schema | None) -> tuple[Kind, str]:
    parent, _, last = path.rpartition("/")
    if last.startswith("{"):
        kinds: dict[str, Kind] = {"get": "get", "patch": "update", "put": "replace", "delete": "delete"}
        return kinds.get(method, "action"), parent
    below_item = parent.rpartition("/")[2].startswith("{") and parent in paths
    own_collection = f"{path}/{{" in "\n".join(paths) or _lists(paths, path)
    if below_item and not own_collection:
        kind: Kind = "get" if method == "get" else "action"
        return kind, parent.rpartition("/")[0]
    if method == "get" and (reply is None or reply.list_property() is not None):
        return "list", path
    kinds = {"get": "get", "post": "create", "patch": "update", "put": "replace", "delete": "delete"}
    return kinds.get(method, "action"), path


def _lists(paths: JsonObject, path: str) -> bool:
    """Return whether a path has both a GET and a POST."""
    item = as_object(paths.get(path))
    return "get" in item and "post" in item


def _success(tree: JsonObject, node: JsonObject) -> tuple[int, Schema | None]:
    responses = as_object(node.get("responses"))
    for code in sorted(responses):
        if code.startswith("2"):
            status = int(code) if code.isdigit() else 200
            return status, _json_schema(tree, resolve(tree, as_object(responses[code])))
    return 200, None


def _json_schema(tree: JsonObject, node: JsonObject) -> Schema | None:
    for media_type, content in as_object(node.get("content")).items():
        if media_type.partition(";")[0].strip() == "application/json":
            return Schema(tree, as_object(as_object(content).get("schema")))
    return None


def _parameters(tree: JsonObject, nodes: list[Json]) -> tuple[Parameter, ...]:
    found: dict[tuple[str, str], Parameter] = {}
    for node in nodes:
        described = resolve(tree, as_object(node))
        name, place = str(described.get("name")), str(described.get("in"))
        if place in {"path", "query", "header"}:
            schema = Schema(tree, as_object(described.get("schema")))
            # An operation's own parameter overrides the path's.
            found[place, name] = Parameter(name, place, described.get("required") is True, schema)
    return tuple(found.values())


def _schemes(tree: JsonObject, node: JsonObject) -> frozenset[Scheme]:
    wanted = node.get("security", tree.get("security"))
    known = as_object(as_object(tree.get("components")).get("securitySchemes"))
    found: set[Scheme] = set()
    for requirement in as_list(wanted):
        for name in as_object(requirement):
            scheme = resolve(tree, as_object(known.get(name)))
            found.add("basic" if str(scheme.get("scheme", "")).lower() == "basic" else "bearer")
        if not requirement:
            return frozenset()
    return frozenset(found)
