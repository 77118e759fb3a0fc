"""Finds the schemas used in requests, in responses and in form fields, which decides how to read `readOnly`."""

from __future__ import annotations

from attrs import frozen

from tools.openapi.document import Document, Node, as_node, as_nodes


@frozen
class Usage:
    """Where schemas are used; they are identified by `id()`, and the document keeps them alive."""

    requests: frozenset[int]
    replies: frozenset[int]
    form_fields: frozenset[int]

    @classmethod
    def of(cls, document: Document) -> Usage:
        """Walk the operations of a document."""
        requests: set[int] = set()
        replies: set[int] = set()
        fields: set[int] = set()
        for _, _, _, operation in document.operations():
            body = document.follow(operation.get("requestBody"))
            _walk(document, body, requests)
            for kind, media in as_node(body.get("content")).items():
                if kind.startswith("multipart/"):
                    _fields(document, as_node(as_node(media).get("schema")), fields, set())
            for response in as_node(operation.get("responses")).values():
                _walk(document, document.follow(response), replies)
        return cls(frozenset(requests), frozenset(replies), frozenset(fields))

    def one_way(self, schema: Node) -> bool:
        """Whether a property is absent in one of the directions its model is used in, even if required."""
        if schema.get("readOnly") is True:
            return id(schema) in self.requests
        return schema.get("writeOnly") is True and id(schema) in self.replies

    def is_form_field(self, schema: Node) -> bool:
        """Whether a schema describes a part of a multipart body."""
        return id(schema) in self.form_fields


def _walk(document: Document, start: Node, seen: set[int]) -> None:
    stack: list[object] = [start]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict) and id(node) not in seen:
            seen.add(id(node))
            stack.extend(node.values())
            if isinstance(node.get("$ref"), str):
                stack.append(document.follow(node))


def _fields(document: Document, schema: Node, found: set[int], seen: set[int]) -> None:
    followed = document.follow(schema)
    if id(followed) in seen:
        return
    seen.add(id(followed))
    for part in _parts(followed):
        _fields(document, part, found, seen)
    for raw in as_node(followed.get("properties")).values():
        _mark(document, as_node(raw), found)


def _mark(document: Document, field: Node, found: set[int]) -> None:
    # as_node returns a new empty object for a missing one, whose id() would be reused.
    for one in (field, document.follow(field)):
        if one and id(one) not in found:
            found.add(id(one))
            for inner in [*_parts(one), as_node(one.get("items"))]:
                _mark(document, inner, found)


def _parts(schema: Node) -> list[Node]:
    return [part for key in ("allOf", "oneOf", "anyOf") for part in as_nodes(schema.get(key))]
