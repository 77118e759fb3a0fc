"""Compares webhooks and callbacks: requests that the server sends, so the SDK's user reads their bodies."""

from __future__ import annotations

from collections.abc import Iterator

from tools.differ.changes import RESPONSE, Changes
from tools.differ.matching import Matching
from tools.differ.operation_changes import OperationDiff
from tools.openapi.document import METHODS, Document, Node, as_node

_READ = frozenset({RESPONSE})


def webhook_changes(
    old: Document, new: Document, matching: Matching, operations: OperationDiff, changes: Changes
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
        body, new_body = (node.get("requestBody") for node in (before[subject], after[subject]))
        operations.content(old.follow(body), new.follow(new_body), subject, _READ, "webhook body")


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
