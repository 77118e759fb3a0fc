"""Compares the operations of two documents."""

from __future__ import annotations

from attrs import frozen

from tools.differ.changes import REQUEST, RESPONSE, Changes
from tools.differ.matching import Call, Matching
from tools.differ.schema_changes import SchemaDiff
from tools.openapi.document import Document, Node, as_node, as_nodes

_REQUEST, _RESPONSE = frozenset({REQUEST}), frozenset({RESPONSE})


@frozen
class OperationDiff:
    """Compares the operations of an old document with those of a new one."""

    old: Document
    new: Document
    changes: Changes
    schemas: SchemaDiff

    def compare(self, matching: Matching, *, stable_names: bool) -> None:
        """Compare operations; with stable names an operationId may change without breaking anyone."""
        for one in matching.removed:
            self.changes.add(one.name, f"operation removed ({one.method.upper()} {one.path})", breaking=True)
        for one, other in matching.pairs:
            if one.name != other.name and ("operationId" in one.node or "operationId" in other.node):
                self.changes.add(one.name, f"operationId changed to {other.name}", breaking=not stable_names)
            self._compare(one, other)
        for one in matching.added:
            self.changes.add(one.name, f"operation added ({one.method.upper()} {one.path})", breaking=False)

    def _compare(self, old: Call, new: Call) -> None:
        if old.place[1] != new.place[1]:
            self.changes.add(old.name, f"path moved from {old.path} to {new.path}", breaking=True)
        elif old.path != new.path:
            self.changes.add(old.name, f"path parameter renamed: {old.path} to {new.path}", breaking=False)
        if old.method != new.method:
            words = f"method changed from {old.method.upper()} to {new.method.upper()}"
            self.changes.add(old.name, words, breaking=True)
        if new.node.get("deprecated") is True and old.node.get("deprecated") is not True:
            self.changes.add(old.name, "operation deprecated", breaking=False, minor=False)
        self._tags(old, new)
        self._parameters(old, new)
        self._body(old, new)
        self._responses(old, new)

    def _tags(self, old: Call, new: Call) -> None:
        before, after = (one.node.get("tags") or ["default"] for one in (old, new))
        if isinstance(before, list) and isinstance(after, list) and before[0] != after[0]:
            # The coroutine is imported from the package of its tag.
            self.changes.add(old.name, f"tag changed from {before[0]} to {after[0]}", breaking=True)

    def _parameters(self, old: Call, new: Call) -> None:
        before, after = _parameters(self.old, old), _parameters(self.new, new)
        for key, one in before.items():
            other = after.get(key)
            words = f"{key[0]} parameter {key[1]}"
            if other is None:
                if key[0] != "path" or old.place[1] != new.place[1]:
                    self.changes.add(old.name, f"{words} removed", breaking=True)
                continue
            needed, needs = one.get("required") is True, other.get("required") is True
            if needed != needs and key[0] != "path":
                made = "made required" if needs else "made optional"
                self.changes.add(old.name, f"{words} {made}", breaking=needs)
            for field in ("style", "explode", "allowReserved"):
                if one.get(field) != other.get(field):
                    text = f"{words} {field} changed from {one.get(field)} to {other.get(field)}"
                    self.changes.add(old.name, text, breaking=True)
            self.schemas.compare(_schema(one), _schema(other), old.name, _REQUEST, words)
        for key, other in after.items():
            if key not in before and (key[0] != "path" or old.place[1] != new.place[1]):
                needs = other.get("required") is True
                words = (
                    f"{'required ' if needs and key[0] != 'path' else ''}{key[0]} parameter {key[1]} added"
                )
                self.changes.add(old.name, words, breaking=needs)

    def _body(self, old: Call, new: Call) -> None:
        before, after = (
            self.old.follow(old.node.get("requestBody")),
            self.new.follow(new.node.get("requestBody")),
        )
        needed, needs = before.get("required") is True, after.get("required") is True
        if not before and after:
            self.changes.add(old.name, f"{'required ' if needs else ''}request body added", breaking=needs)
        elif before and not after:
            self.changes.add(old.name, "request body removed", breaking=True)
        elif needed != needs:
            made = "made required" if needs else "made optional"
            self.changes.add(old.name, f"request body {made}", breaking=needs)
        if before and after:
            self._content(before, after, old.name, _REQUEST, "request body")

    def _responses(self, old: Call, new: Call) -> None:
        before, after = as_node(old.node.get("responses")), as_node(new.node.get("responses"))
        for code in before:
            success = code.startswith("2")
            if code not in after:
                self.changes.add(old.name, f"response status {code} removed", breaking=success)
                continue
            one, other = self.old.follow(before[code]), self.new.follow(after[code])
            self._content(one, other, old.name, _RESPONSE, f"{code} response")
        for code in [code for code in after if code not in before]:
            self.changes.add(old.name, f"response status {code} added", breaking=False)

    def _content(self, old: Node, new: Node, name: str, directions: frozenset[str], what: str) -> None:
        before, after = as_node(old.get("content")), as_node(new.get("content"))
        for media in before:
            if media not in after:
                self.changes.add(name, f"{what} media type {media} removed", breaking=True)
            else:
                one, other = as_node(before[media]).get("schema"), as_node(after[media]).get("schema")
                self.schemas.compare(one, other, name, directions, what)
        for media in [media for media in after if media not in before]:
            # A response without content may now be decoded to a model.
            self.changes.add(name, f"{what} media type {media} added", breaking=False)


def _parameters(document: Document, call: Call) -> dict[tuple[str, str], Node]:
    listed = [*as_nodes(call.item.get("parameters")), *as_nodes(call.node.get("parameters"))]
    followed = [document.follow(one) for one in listed]
    return {(str(one.get("in")), str(one.get("name"))): one for one in followed}


def _schema(parameter: Node) -> object:
    media = next(iter(as_node(parameter.get("content")).values()), None)
    return parameter.get("schema", as_node(media).get("schema"))
