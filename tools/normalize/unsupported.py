"""Warns about the parts of a document that are not calls to the API."""

from __future__ import annotations

from tools.openapi.document import Document, as_node, operation_place, pointer, walk
from tools.openapi.remarks import Remarks
from tools.openapi.servers import open_variables


def warn_unsupported(document: Document, remarks: Remarks) -> None:
    """Add a remark for every webhook, callback, per-operation server, open server variable and circular reference."""
    for name in as_node(document.data.get("webhooks")):
        remarks.add(
            f"#{pointer('/webhooks', name)}",
            "webhooks are skipped: they are not calls to the API",
            minor=True,
        )
    for path, method, item, operation in document.operations():
        place = operation_place(path, method)
        for name in as_node(operation.get("callbacks")):
            remarks.add(place, "the callback {!r} is skipped: it is not a call to the API", name, minor=True)
        if operation.get("servers") or item.get("servers"):
            remarks.add(place, "servers of a single operation are ignored: the client's base URL is used")
    for name in open_variables(document.data):
        remarks.add(
            "#/servers/0", "the variable {!r} has no default, so SERVER_URL still has it in braces", name
        )
    for node, place in walk(document.data):
        if "$ref" in node and document.is_circular(node):
            remarks.add(place, "it refers to itself and is ignored")
