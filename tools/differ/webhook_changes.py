"""Compares webhooks and callbacks: requests that the server sends, so the SDK's user reads their bodies."""

from __future__ import annotations

from collections.abc import Iterator

from tools.differ.changes import RESPONSE, Changes
from tools.differ.comparison import Comparison
from tools.differ.matching import Matching
from tools.differ.schema_changes import SchemaDiff
from tools.openapi.document import METHODS, Document, Node, as_node

_READ = frozenset({RESPONSE})


def webhook_changes(
    old: Document, new: Document, matching: Matching, schemas: SchemaDiff, changes: Changes
) -> None:
    """Compare the webhooks of the documents, and the callbacks of operations that both have."""
    before = dict(_webhooks(old))
    after = dict(_webhooks(new))
    for one, other in matching.pairs:
        before.update(_callbacks(old, one.node, one.name))
        after.update(_callbacks(new, other.node, one.name))
    for subject in [*before, *(subject for subject in after if subject not in before)]:
        if subject not in after or subject not in before:
            removed = subject in before
            changes.note(subject, f"webhook {'removed' if removed else 'added'}", RESPONSE, breaking=removed)
            continue
        bodies = _bodies(old, before[subject]), _bodies(new, after[subject])
        for media, schema in bodies[0].items():
            if media in bodies[1]:
                schemas.compare(Comparison(schema, bodies[1][media], subject, _READ, "webhook body"))


def _webhooks(document: Document) -> Iterator[tuple[str, Node]]:
    for name, item in as_node(document.data.get("webhooks")).items():
        yield from _operations(document, item, f"webhooks.{name}")


def _callbacks(document: Document, operation: Node, owner: str) -> Iterator[tuple[str, Node]]:
    for name, callback in as_node(operation.get("callbacks")).items():
        for item in document.follow(callback).values():
            yield from _operations(document, item, f"{owner}.callbacks.{name}")


def _operations(document: Document, item: object, subject: str) -> Iterator[tuple[str, Node]]:
    followed = document.follow(item)
    for method in METHODS:
        if isinstance(followed.get(method), dict):
            yield f"{subject}.{method}", as_node(followed[method])


def _bodies(document: Document, operation: Node) -> dict[str, object]:
    content = as_node(document.follow(operation.get("requestBody")).get("content"))
    return {media: as_node(one).get("schema") for media, one in content.items()}
