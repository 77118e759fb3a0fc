"""Parts of a document that are no calls to the API: named, since nothing is dropped in silence."""

from __future__ import annotations

from tools.document import Document, as_node, pointer
from tools.facts import Remarks


def note_leftovers(document: Document, remarks: Remarks) -> None:
    """Note webhooks, callbacks and the like, which no coroutine stands for."""
    for name in as_node(document.data.get("webhooks")):
        remarks.add(f"#{pointer('/webhooks', name)}", "a webhook is left out: it is no call to the API")
    for path, method, item, operation in document.operations():
        place = f"#{pointer('/paths', path)}/{method}"
        for name in as_node(operation.get("callbacks")):
            remarks.add(place, f"the callback {name!r} is left out: it is no call to the API")
        if operation.get("servers") or item.get("servers"):
            remarks.add(place, "its own servers are left out: the client's base URL counts")
    for path, raw in as_node(document.data.get("paths")).items():
        for method in as_node(raw):
            if method in {"query", "connect"}:
                remarks.add(f"#{pointer('/paths', path)}", f"the method {method} is left out")
