"""Compares two documents: servers, security, operations, webhooks and components."""

from __future__ import annotations

from tools.differ.changes import NAMES, REQUEST, Change, Changes
from tools.differ.comparison import Comparison, listed_names
from tools.differ.matching import Matching
from tools.differ.operation_changes import OperationDiff, directions_of, server_places
from tools.differ.schema_changes import SchemaDiff
from tools.differ.security_changes import security_changes
from tools.differ.webhook_changes import webhook_changes
from tools.openapi.document import Document, as_node, as_nodes


def compare(old: Document, new: Document, *, stable_names: bool = False) -> list[Change]:
    """Return the changes, breaking ones first.

    `stable_names`: a names file keeps the Python names of renamed operations and schemas.
    """
    changes = Changes()
    matching = Matching.of(old, new)
    schemas = SchemaDiff.of(old, new, changes, matching.schemas)
    _servers(old, new, changes)
    security_changes(old, new, matching, changes)
    operations = OperationDiff(old, new, changes, schemas)
    operations.compare(matching, stable_names=stable_names)
    webhook_changes(old, new, matching, operations, changes)
    _components(old, new, schemas, stable_names)
    return changes.ordered()


def _components(old: Document, new: Document, schemas: SchemaDiff, stable_names: bool) -> None:
    before, after = (as_node(as_node(one.data.get("components")).get("schemas")) for one in (old, new))
    was, now = directions_of(old), directions_of(new)
    nowhere = frozenset[str]()
    for name, schema in before.items():
        present = schemas.renames.get(name, name)
        if present != name:
            words = f"schema renamed from {name} to {present}"
            schemas.changes.note(name, words, NAMES, breaking=not stable_names)
        if present not in after:
            # The low level exports a class of this name, used or not.
            schemas.changes.note(name, "schema removed", NAMES, breaking=True)
        else:
            directions = was.get(name, nowhere) | now.get(present, nowhere)
            schemas.compare_content(Comparison(schema, after[present], name, directions))
    renamed = set(schemas.renames.values())
    for name in [name for name in after if name not in before and name not in renamed]:
        schemas.changes.note(name, "schema added", NAMES)


def _servers(old: Document, new: Document, changes: Changes) -> None:
    # Without servers there is one, at the root.
    before, after = (server_places(one.data) or ["/"] for one in (old, new))
    if before[0] != after[0]:
        # The first server is the default of the client.
        words = f"server changed from {before[0]} to {after[0]}"
        changes.note("servers", words, REQUEST, breaking=True)
    for url in [url for url in before[1:] if url not in after]:
        changes.note("servers", f"server removed: {url}", REQUEST, breaking=True)
    for url in [url for url in after[1:] if url not in before]:
        changes.note("servers", f"server added: {url}", REQUEST)
    values, new_values = _server_values(old), _server_values(new)
    for url, name, value in sorted(values ^ new_values):
        if any((url, name) == key[:2] for key in values) and any(
            (url, name) == key[:2] for key in new_values
        ):
            gone = (url, name, value) in values
            words = f"server variable {name} of {url}: value {value} {'removed' if gone else 'added'}"
            changes.note("servers", words, REQUEST, breaking=gone)


def _server_values(document: Document) -> set[tuple[str, str, str]]:
    return {
        (str(server.get("url")), name, value)
        for server in as_nodes(document.data.get("servers"))
        for name, variable in as_node(server.get("variables")).items()
        for value in listed_names(as_node(variable).get("enum"))
    }
