"""Compares two documents: operations, components, security and servers."""

from __future__ import annotations

import json

from attrs import frozen

from tools.differ.changes import REQUEST, RESPONSE, Change, Changes
from tools.differ.matching import SCHEMAS, Matching
from tools.differ.operation_changes import OperationDiff
from tools.differ.schema_changes import SchemaDiff
from tools.openapi.document import Document, Node, as_node, as_nodes


@frozen
class Directions:
    """Which components of a document are used in requests, and which in responses."""

    requests: set[str]
    responses: set[str]

    @classmethod
    def of(cls, document: Document) -> Directions:
        """Walk the operations of a document."""
        requests: set[str] = set()
        responses: set[str] = set()
        for _, _, item, operation in document.operations():
            for node in (item.get("parameters"), operation.get("parameters"), operation.get("requestBody")):
                _walk(document, node, requests)
            _walk(document, operation.get("responses"), responses)
        return cls(requests, responses)

    def get(self, name: str) -> set[str]:
        """Return the directions in which a component is used."""
        request = {REQUEST} if name in self.requests else set()
        return request | ({RESPONSE} if name in self.responses else set())


def _walk(document: Document, start: object, names: set[str]) -> None:
    seen: set[int] = set()
    stack = [start]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict) and id(node) not in seen:
            seen.add(id(node))
            ref = node.get("$ref")
            if isinstance(ref, str):
                if ref.startswith(SCHEMAS):
                    names.add(ref.removeprefix(SCHEMAS))
                stack.append(document.follow(node))
            stack.extend(node.values())


def compare(old: Document, new: Document, *, stable_names: bool = False) -> list[Change]:
    """Return the changes, breaking ones first.

    `stable_names`: a names file keeps the Python names of renamed operations and schemas.
    """
    changes = Changes()
    matching = Matching.of(old, new)
    schemas = SchemaDiff(old, new, changes, matching.schemas)
    _servers(old, new, changes)
    _security(old, new, changes)
    OperationDiff(old, new, changes, schemas).compare(matching, stable_names=stable_names)
    _components(old, new, schemas, stable_names)
    return changes.ordered()


def _components(old: Document, new: Document, schemas: SchemaDiff, stable_names: bool) -> None:
    before, after = (as_node(as_node(one.data.get("components")).get("schemas")) for one in (old, new))
    was, now = Directions.of(old), Directions.of(new)
    for name, schema in before.items():
        present = schemas.renames.get(name, name)
        if present != name:
            schemas.changes.add(name, f"schema renamed to {present}", breaking=not stable_names)
        if present not in after:
            # The low level exports a class of this name, used or not.
            schemas.changes.add(name, "schema removed", breaking=True)
        else:
            directions = frozenset(was.get(name) | now.get(present)) or frozenset({RESPONSE})
            schemas.compare_content(as_node(schema), as_node(after[present]), name, directions)
    renamed = set(schemas.renames.values())
    for name in [name for name in after if name not in before and name not in renamed]:
        schemas.changes.add(name, "schema added", breaking=False)


def _servers(old: Document, new: Document, changes: Changes) -> None:
    before, after = ([str(one.get("url")) for one in as_nodes(doc.data.get("servers"))] for doc in (old, new))
    if before[:1] != after[:1]:
        # The first server is the default of the client.
        words = f"server changed from {', '.join(before[:1]) or 'none'} to {', '.join(after[:1]) or 'none'}"
        changes.add("servers", words, breaking=True)
    for url in [url for url in before[1:] if url not in after]:
        changes.add("servers", f"server removed: {url}", breaking=True)
    for url in [url for url in after[1:] if url not in before]:
        changes.add("servers", f"server added: {url}", breaking=False)


def _security(old: Document, new: Document, changes: Changes) -> None:
    _requirements("security", _needs(old.data), _needs(new.data), changes)
    after_calls = {(path, method): node for path, method, _, node in new.operations()}
    for path, method, _, node in old.operations():
        other = after_calls.get((path, method), {})
        if other and ("security" in node or "security" in other):
            name = str(node.get("operationId") or f"{method.upper()} {path}")
            _requirements(name, _needs({**old.data, **node}), _needs({**new.data, **other}), changes)
    before, after = (
        as_node(as_node(one.data.get("components")).get("securitySchemes")) for one in (old, new)
    )
    for name, scheme in before.items():
        subject = f"securitySchemes.{name}"
        if name not in after:
            changes.add(subject, "security scheme removed", breaking=True)
        else:
            _scheme(subject, old.follow(scheme), new.follow(after[name]), changes)
    for name in [name for name in after if name not in before]:
        changes.add(f"securitySchemes.{name}", "security scheme added", breaking=False)


def _needs(node: Node) -> list[str]:
    """Return the alternative ways to authenticate; no list, or an empty requirement, means none is needed."""
    return [_way(one) for one in as_nodes(node.get("security"))] or ["none"]


def _way(requirement: Node) -> str:
    parts = []
    for name, scopes in sorted(requirement.items()):
        listed = ", ".join(map(str, scopes)) if isinstance(scopes, list) else ""
        parts.append(f"{name}({listed})" if listed else name)
    return " with ".join(parts) or "none"


def _requirements(subject: str, before: list[str], after: list[str], changes: Changes) -> None:
    for way in [way for way in before if way not in after]:
        changes.add(subject, f"security no longer accepted: {way}", breaking=True)
    for way in [way for way in after if way not in before]:
        changes.add(subject, f"security accepted: {way}", breaking=False)


def _scheme(subject: str, old: Node, new: Node, changes: Changes) -> None:
    for key in sorted({*old, *new} - {"description", "flows"}):
        if old.get(key) != new.get(key):
            words = f"security scheme's {key} changed from {old.get(key)} to {new.get(key)}"
            changes.add(subject, words, breaking=True)
    before, after = as_node(old.get("flows")), as_node(new.get("flows"))
    for flow in sorted({*before, *after}):
        one, other = as_node(before.get(flow)), as_node(after.get(flow))
        if not one or not other:
            word = "added" if other else "removed"
            changes.add(subject, f"flow {flow} {word}", breaking=not other)
            continue
        for key in sorted({*one, *other}):
            if one.get(key) != other.get(key):
                said = json.dumps(other.get(key), sort_keys=True)
                changes.add(subject, f"{flow} {key} changed to {said}", breaking=key != "scopes")
