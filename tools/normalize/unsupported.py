"""Warns about the parts of a document that are not calls to the API."""

from __future__ import annotations

from tools.openapi.document import Document, as_node, pointer
from tools.openapi.remarks import Remarks


def warn_unsupported(document: Document, remarks: Remarks) -> None:
    """Add a remark for every webhook, callback, per-operation server and unknown method."""
    for name in as_node(document.data.get("webhooks")):
        remarks.add(f"#{pointer('/webhooks', name)}", "webhooks are skipped: they are not calls to the API")
    for path, method, item, operation in document.operations():
        place = f"#{pointer('/paths', path)}/{method}"
        for name in as_node(operation.get("callbacks")):
            remarks.add(place, f"the callback {name!r} is skipped: it is not a call to the API")
        if operation.get("servers") or item.get("servers"):
            remarks.add(place, "servers of a single operation are ignored: the client's base URL is used")
    for path, raw in as_node(document.data.get("paths")).items():
        for method in as_node(raw):
            if method in {"query", "connect"}:
                remarks.add(f"#{pointer('/paths', path)}", f"the method {method} is skipped")
