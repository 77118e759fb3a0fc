"""Compares schemas: requests must stay acceptable to the server, responses readable to the client."""

from __future__ import annotations

import json
from collections.abc import Mapping

from attrs import field, frozen

from tools.differ.changes import REQUEST, RESPONSE, Changes
from tools.differ.constraints import constraint_changes
from tools.differ.matching import SCHEMAS
from tools.openapi.all_of import Merger, types_of
from tools.openapi.document import Document, Node, as_node, as_nodes
from tools.openapi.remarks import Remarks

# Formats that generated models decode to a type other than str.
_TYPED = frozenset({"date-time", "date", "uuid", "binary"})


@frozen
class SchemaDiff:
    """Compares the schemas of an old document with those of a new one."""

    old: Document
    new: Document
    changes: Changes
    renames: Mapping[str, str] = field(factory=dict[str, str])
    _seen: set[tuple[str, str]] = field(factory=set)

    def compare(
        self, old: object, new: object, subject: str, directions: frozenset[str], what: str = ""
    ) -> None:
        """Compare two schemas; references to components of the same name are compared where they are defined."""
        before, after = as_node(old), as_node(new)
        if self._same_component(before.get("$ref"), after.get("$ref")):
            return
        pair = (str(before.get("$ref")), str(after.get("$ref")))
        if "$ref" in before and "$ref" in after:
            # Two names for what may be the same thing: looked at once, or cycles would never end.
            if pair in self._seen:
                return
            self._seen.add(pair)
        self.compare_content(before, after, subject, directions, what)

    def _same_component(self, old: object, new: object) -> bool:
        if not isinstance(old, str) or not old.startswith(SCHEMAS):
            return False
        name = old.removeprefix(SCHEMAS)
        return new == SCHEMAS + self.renames.get(name, name)

    def compare_content(
        self, old: Node, new: Node, subject: str, directions: frozenset[str], what: str = ""
    ) -> None:
        """Compare the content of two schemas."""
        before, was_nullable = _resolved(self.old, old)
        after, is_nullable = _resolved(self.new, new)
        one = _Pair(self, before, after, subject, directions, what or "the schema's")
        if _same(before, after) and was_nullable == is_nullable:
            return
        if one.types():
            one.nullability(was_nullable, is_nullable)
            one.formats()
            one.values()
            one.alternatives()
            one.properties()
            one.items()
            one.extras()
            constraint_changes(self.changes, before, after, subject, directions)
            one.marks()


@frozen
class _Pair:
    diff: SchemaDiff
    old: Node
    new: Node
    subject: str
    directions: frozenset[str]
    what: str

    def _add(self, what: str, *, request: bool, response: bool, minor: bool = True) -> None:
        breaking = (request and REQUEST in self.directions) or (response and RESPONSE in self.directions)
        self.diff.changes.add(self.subject, f"{self.what} {what}", breaking=breaking, minor=minor)

    def types(self) -> bool:
        """Compare types; False if they differ, so that the rest cannot be compared."""
        before, after = _types(self.old), _types(self.new)
        if before == after:
            return True
        words = f"type changed from {_words(before)} to {_words(after)}"
        self._add(words, request=not _holds(after, before), response=not _holds(before, after))
        return False

    def nullability(self, before: bool, after: bool) -> None:
        """Compare whether null is allowed."""
        if before != after:
            words = "value may be null now" if after else "value may no longer be null"
            self._add(words, request=before, response=after)

    def formats(self) -> None:
        """Compare formats: one that is read as another type breaks both directions."""
        before, after = self.old.get("format"), self.new.get("format")
        if before != after:
            typed = bool({before, after} & _TYPED)
            words = f"format changed from {before or 'none'} to {after or 'none'}"
            self._add(words, request=typed or after is not None, response=typed or before is not None)

    def values(self) -> None:
        """Compare enum values; models keep new ones in responses as they are."""
        before, after = _values(self.old), _values(self.new)
        if before is None and after is not None:
            self._add(f"values are restricted to {_words(after)}", request=True, response=False)
        elif after is None and before is not None:
            self._add("values are no longer restricted", request=False, response=False)
        elif before is not None and after is not None:
            for value in after:
                if value not in before:
                    self._add(f"enum value {value} added", request=False, response=False)
            for value in before:
                if value not in after:
                    self._add(f"enum value {value} removed", request=True, response=False)

    def alternatives(self) -> None:
        """Compare oneOf and anyOf."""
        for key in ("oneOf", "anyOf"):
            before, after = as_nodes(self.old.get(key)), as_nodes(self.new.get(key))
            old, new = {_label(one): one for one in before}, {_label(one): one for one in after}
            for name in new.keys() - old.keys() if before else ():
                self._add(f"alternative {name} added", request=False, response=True)
            for name in old.keys() - new.keys() if after else ():
                self._add(f"alternative {name} removed", request=True, response=False)
            if bool(before) != bool(after):
                self._add(
                    f"alternatives ({key}) {'added' if after else 'removed'}", request=True, response=True
                )

    def properties(self) -> None:
        """Compare properties."""
        before, after = as_node(self.old.get("properties")), as_node(self.new.get("properties"))
        needed, needs = _required(self.old), _required(self.new)
        kind = "/".join(sorted(self.directions))
        for name in before:
            subject = f"{self.subject}.{name}"
            if name not in after:
                self.diff.changes.add(subject, f"{kind} property removed", breaking=True)
                continue
            if (name in needed) != (name in needs):
                way = REQUEST if name in needs else RESPONSE
                words = "made required" if name in needs else "made optional"
                self.diff.changes.add(subject, f"{kind} property {words}", breaking=way in self.directions)
            self.diff.compare(before[name], after[name], subject, self.directions, f"{kind} property")
        for name in [name for name in after if name not in before]:
            word = "required " if name in needs else ""
            breaking = name in needs and REQUEST in self.directions
            self.diff.changes.add(f"{self.subject}.{name}", f"{word}{kind} property added", breaking=breaking)

    def items(self) -> None:
        """Compare the items of arrays."""
        if "items" in self.old or "items" in self.new:
            what = f"{self.what} items'"
            self.diff.compare(
                self.old.get("items"), self.new.get("items"), self.subject, self.directions, what
            )

    def extras(self) -> None:
        """Compare additionalProperties."""
        before, after = (one.get("additionalProperties", True) for one in (self.old, self.new))
        if isinstance(before, dict) and isinstance(after, dict):
            what = f"{self.what} additional properties'"
            self.diff.compare(before, after, self.subject, self.directions, what)
        elif before != after:
            closed = after is not True
            self._add(
                f"additional properties {'restricted' if closed else 'opened'}",
                request=closed,
                response=False,
            )

    def marks(self) -> None:
        """Compare annotations."""
        if self.new.get("deprecated") is True and self.old.get("deprecated") is not True:
            self._add("use is deprecated", request=False, response=False, minor=False)
        if self.old.get("default") != self.new.get("default"):
            self._add("default changed", request=False, response=False, minor=False)


def _resolved(document: Document, schema: Node) -> tuple[Node, bool]:
    """Resolve references and allOf."""
    merger = Merger(document, Remarks())
    node, nullable = merger.flatten(schema, "#")
    while "$ref" in node:
        followed = document.follow(node)
        node, more = merger.flatten(followed, "#")
        nullable = nullable or more
    return node, nullable


def _types(node: Node) -> list[str]:
    types, _ = types_of(node)
    if not types and "properties" in node:
        return ["object"]
    return sorted(types)


def _holds(wide: list[str], narrow: list[str]) -> bool:
    """Whether every value of the narrow types is one of the wide ones; no types means any type."""
    if not wide:
        return True
    return bool(narrow) and all(one in wide or (one == "integer" and "number" in wide) for one in narrow)


def _values(node: Node) -> list[str] | None:
    values = [node["const"]] if "const" in node else node.get("enum")
    return [json.dumps(one) for one in values] if isinstance(values, list) else None


def _words(values: list[str]) -> str:
    return ", ".join(values) or "any"


def _label(schema: Node) -> str:
    ref = schema.get("$ref")
    return (
        ref.rsplit("/", 1)[-1] if isinstance(ref, str) else str(schema.get("title") or _words(_types(schema)))
    )


def _required(node: Node) -> set[str]:
    listed = node.get("required")
    return {str(name) for name in listed} if isinstance(listed, list) else set()


def _same(one: object, other: object) -> bool:
    return json.dumps(one, sort_keys=True, default=str) == json.dumps(other, sort_keys=True, default=str)
