"""Two schemas at one place of the old and the new document."""

from __future__ import annotations

from attrs import evolve, frozen

from tools.differ.changes import NAMES, REQUEST, RESPONSE, Change
from tools.openapi.all_of import Merger, types_of
from tools.openapi.document import Document, Node, as_node, as_nodes
from tools.openapi.remarks import Remarks

SCHEMAS = "#/components/schemas/"
_MARKS = ("readOnly", "writeOnly")


@frozen
class Comparison:
    """Two schemas to compare: `subject` and `what` name the place, `directions` say how they are used.

    A request must stay acceptable, so narrowing breaks it; a response must stay readable, so widening breaks it.
    """

    old: object
    new: object
    subject: str
    directions: frozenset[str]
    what: str = "the schema's"

    def change(
        self,
        words: str,
        *,
        narrowed: bool = False,
        widened: bool = False,
        names: bool = False,
        minor: bool = True,
    ) -> Change:
        """Return a change at this place."""
        hits = {side for side, hit in ((REQUEST, narrowed), (RESPONSE, widened)) if hit} & self.directions
        return Change(
            self.subject,
            " ".join(words.split()),
            frozenset(hits | ({NAMES} if names else set())),
            self.directions or frozenset({NAMES}),
            minor,
        )

    def inner(self, old: object, new: object, what: str) -> Comparison:
        """Return a comparison of parts of both schemas."""
        return evolve(self, old=old, new=new, what=what)


@frozen
class Resolver:
    """Resolves references and allOf of one document, keeping constraints."""

    document: Document

    def shallow(self, raw: object) -> tuple[Node, bool]:
        """Merge allOf; return a bare reference as it is, and whether null is allowed."""
        node, nullable = Merger(self.document, Remarks(), strict=True).flatten(as_node(raw), "#")
        return _with_numeric_bounds(node), nullable

    def resolve(self, raw: object) -> tuple[Node, bool]:
        """Resolve references as well."""
        node, nullable = self.shallow(raw)
        for _ in range(100):
            if not isinstance(node.get("$ref"), str):
                break
            node, more = self.shallow(self.document.follow(node))
            nullable = nullable or more
        return node, nullable

    def marks(self, raw: object) -> frozenset[str]:
        """Return which of readOnly and writeOnly a property has, itself or by what it refers to."""
        node, found = as_node(raw), set[str]()
        stack, seen = [node], set[int]()
        while stack:
            one = stack.pop()
            if id(one) in seen:
                continue
            seen.add(id(one))
            found.update(mark for mark in _MARKS if one.get(mark) is True)
            stack += as_nodes(one.get("allOf"))
            stack += [self.document.follow(one)] if "$ref" in one else []
        return frozenset(found)


def listed_names(value: object) -> set[str]:
    """Return the names that a list gives."""
    return set(map(str, value)) if isinstance(value, list) else set()


def types(node: Node) -> list[str]:
    """Return the types of a resolved schema, inferred if it states none; [] is any type."""
    stated, _ = types_of(node)
    if stated or "type" in node:
        return sorted(set(stated))
    if "properties" in node or "required" in node:
        return ["object"]
    if "items" in node or "prefixItems" in node:
        return ["array"]
    values = [node["const"]] if "const" in node else node.get("enum")
    return sorted({_type_of(one) for one in values if one is not None}) if isinstance(values, list) else []


def _type_of(value: object) -> str:
    names = {"bool": "boolean", "int": "integer", "float": "number", "str": "string", "list": "array"}
    return names.get(type(value).__name__, "object")


def _with_numeric_bounds(node: Node) -> Node:
    """Rewrite the boolean exclusiveMinimum and exclusiveMaximum of 3.0 to the numbers of 3.1."""
    for exclusive, inclusive in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        stated = node.get(exclusive)
        if isinstance(stated, bool):
            node = {key: value for key, value in node.items() if key != exclusive}
            if stated and inclusive in node:
                node[exclusive] = node.pop(inclusive)
    return node
