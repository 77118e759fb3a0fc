"""Finds which operation and which schema of a new document stands for which one of the old document."""

from __future__ import annotations

from collections import Counter

from attrs import field, frozen

from tools.differ.comparison import SCHEMAS
from tools.openapi.document import Document, Node, as_node, as_nodes
from tools.openapi.names_file import Place, place_of


@frozen
class Call:
    """One operation and its place in a document."""

    name: str
    path: str
    method: str
    item: Node
    node: Node

    @property
    def place(self) -> Place:
        """Method and path as sent, which the names of path parameters are no part of."""
        return place_of(self.method, self.path)


def calls(document: Document) -> list[Call]:
    """Return the operations of a document; one without operationId is named by method and path."""
    return [
        Call(str(node.get("operationId") or f"{method.upper()} {path}"), path, method, item, node)
        for path, method, item, node in document.operations()
    ]


@frozen
class Matching:
    """Pairs of operations, operations without a counterpart, and old names of schemas mapped to new ones."""

    pairs: list[tuple[Call, Call]]
    removed: list[Call]
    added: list[Call]
    schemas: dict[str, str] = field(factory=dict[str, str])

    @classmethod
    def of(cls, old: Document, new: Document) -> Matching:
        """Match operations at the same place, then those of the same unique name."""
        before, after = calls(old), calls(new)
        by_place = {one.place: one for one in after}
        pairs = {one.place: by_place[one.place] for one in before if one.place in by_place}
        names, new_names = Counter(one.name for one in before), Counter(one.name for one in after)
        free = {one.name: one for one in after if one.place not in {call.place for call in before}}
        for one in before:
            moved = free.get(one.name)
            if one.place not in pairs and moved is not None and names[one.name] == new_names[one.name] == 1:
                pairs[one.place] = moved
        matched = {one.place for one in pairs.values()}
        return cls(
            [(one, pairs[one.place]) for one in before if one.place in pairs],
            [one for one in before if one.place not in pairs],
            [one for one in after if one.place not in matched],
            _Renames(old, new).of(
                [(one.node, pairs[one.place].node) for one in before if one.place in pairs]
            ),
        )


@frozen
class _Renames:
    """Walks both documents in parallel, and notes where a reference leads to a schema of another name."""

    old: Document
    new: Document
    found: dict[str, str] = field(factory=dict[str, str])
    _seen: set[tuple[str, str]] = field(factory=set[tuple[str, str]])

    def of(self, pairs: list[tuple[Node, Node]]) -> dict[str, str]:
        before, after = _schemas(self.old), _schemas(self.new)
        for one, other in pairs:
            self._walk(one, other)
        taken: set[str] = set()
        renames: dict[str, str] = {}
        for name, other_name in self.found.items():
            if name not in after and other_name not in before and other_name not in taken:
                taken.add(other_name)
                renames[name] = other_name
        return renames

    def _walk(self, one: object, other: object) -> None:
        stack: list[tuple[object, object]] = [(one, other)]
        while stack:
            left, right = stack.pop()
            if isinstance(left, list) and isinstance(right, list):
                stack += zip(left, right, strict=False) if not as_nodes(left) else _by_name(left, right)
            elif isinstance(left, dict) and isinstance(right, dict):
                refs = str(left.get("$ref", "")), str(right.get("$ref", ""))
                if "$ref" in left or "$ref" in right:
                    if all(refs):
                        if refs in self._seen:
                            continue
                        self._seen.add(refs)
                    if all(ref.startswith(SCHEMAS) for ref in refs):
                        self.found.setdefault(refs[0].removeprefix(SCHEMAS), refs[1].removeprefix(SCHEMAS))
                    stack.append((self.old.follow(left), self.new.follow(right)))
                else:
                    stack += [(left[key], right[key]) for key in left if key in right]


def _by_name(one: list[object], other: list[object]) -> list[tuple[object, object]]:
    """Pair parameters by name, and anything else by position."""
    named = {str(node["name"]): node for node in as_nodes(other) if "name" in node}
    pairs: list[tuple[object, object]] = []
    for left, right in zip(one, [*other, *[None] * len(one)], strict=False):
        name = as_node(left).get("name")
        pairs.append((left, named.get(str(name)) if name is not None else right))
    return pairs


def _schemas(document: Document) -> set[str]:
    return set(as_node(as_node(document.data.get("components")).get("schemas")))
