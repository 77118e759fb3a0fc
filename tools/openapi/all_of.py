"""Merges `allOf` into a single schema, together with the keywords beside a `$ref`."""

from __future__ import annotations

from attrs import frozen

from tools.openapi.document import Document, Node, as_node, as_nodes, pointer
from tools.openapi.remarks import Remarks

# Annotations change nothing about the data, constraints nothing about its Python type.
_ANNOTATIONS = frozenset(
    [
        *("title", "description", "default", "example", "examples", "deprecated", "readOnly", "writeOnly"),
        *("externalDocs", "xml", "nullable", "$comment", "$schema", "$id", "$anchor", "$defs"),
    ]
)
_LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains")
_UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains")
_CONSTRAINTS = frozenset(
    [
        *_LOWER_BOUNDS,
        *_UPPER_BOUNDS,
        *("pattern", "multipleOf", "uniqueItems", "contains", "not", "if", "then", "else", "discriminator"),
        *(
            "dependentRequired",
            "dependentSchemas",
            "unevaluatedProperties",
            "unevaluatedItems",
            "propertyNames",
        ),
    ]
)
_MOST_ALTERNATIVES = 64


def says_something(schema: Node, *, strict: bool = False) -> bool:
    """Whether a schema has a keyword that determines the type of the data, or a constraint if `strict`."""
    ignored = _ANNOTATIONS if strict else _ANNOTATIONS | _CONSTRAINTS
    return any(key not in ignored and not key.startswith("x-") for key in schema)


def types_of(schema: Node) -> tuple[list[str], bool]:
    """Return the types other than null, and whether `type` or `nullable` allows null."""
    stated = schema.get("type")
    names = stated if isinstance(stated, list) else [] if stated is None else [stated]
    texts = [str(name) for name in names]
    return [name for name in texts if name != "null"], schema.get("nullable") is True or "null" in texts


@frozen
class Merger:
    """Merges the parts of `allOf`, and the keywords beside a reference; constraints only if `strict`."""

    document: Document
    remarks: Remarks
    strict: bool = False

    def flatten(self, raw: Node, place: str, trail: tuple[str, ...] = ()) -> tuple[Node, bool]:
        """Return an equivalent schema without `allOf`, or a bare reference, and whether null is allowed."""
        own = {key: value for key, value in raw.items() if key not in {"allOf", "$ref"}}
        types, nullable = types_of(own)
        parts: list[Node] = [{"$ref": raw["$ref"]}] if isinstance(raw.get("$ref"), str) else []
        parts += as_nodes(raw.get("allOf"))
        if not parts:
            return self._without_null(own, types, nullable)
        # A lone {type: object} beside other parts adds nothing.
        if types not in ([], ["object"]) or says_something(_without(own, "type"), strict=self.strict):
            parts.append(own)
        parts = [part for part in parts if says_something(part, strict=self.strict)] or [own]
        if len(parts) == 1:
            if "$ref" in parts[0] and set(parts[0]) == {"$ref"}:
                return {"$ref": parts[0]["$ref"]}, nullable
            inner, inner_nullable = (
                self._without_null(own, types, nullable)
                if parts[0] is own
                else self.flatten(parts[0], place, trail)
            )
            return {**_annotations(own), **inner}, nullable or inner_nullable
        return self._merge(parts, own, place, trail, nullable)

    @staticmethod
    def _without_null(own: Node, types: list[str], nullable: bool) -> tuple[Node, bool]:
        settled = _without(own, "type", "nullable")
        if types:
            settled["type"] = types
        elif "type" in own and nullable:
            settled["type"] = ["null"]
        values = own.get("enum")
        if isinstance(values, list) and None in values:
            settled["enum"] = [value for value in values if value is not None]
            nullable = True
        return settled, nullable

    def _merge(
        self, parts: list[Node], own: Node, place: str, trail: tuple[str, ...], nullable: bool
    ) -> tuple[Node, bool]:
        merged: Node = {}
        all_nullable = True
        for part in parts:
            node, part_nullable = (
                self._resolved(part, place, trail) if part is not own else self.flatten(own, place)
            )
            all_nullable = all_nullable and part_nullable
            merged = self._combine(merged, node, place)
        return {**merged, **_annotations(own)}, nullable or all_nullable

    def _resolved(self, part: Node, place: str, trail: tuple[str, ...]) -> tuple[Node, bool]:
        nullable = False
        node = part
        while True:
            if set(node) == {"$ref"}:
                ref = str(node["$ref"])
                if ref in trail:
                    self.remarks.add(
                        place, "allOf includes {} in itself, the inner reference is ignored", ref
                    )
                    return {}, nullable
                trail = (*trail, ref)
                node = self.document.follow(node)
            node, inner = self.flatten(node, place, trail)
            nullable = nullable or inner
            if set(node) != {"$ref"}:
                return node, nullable

    def _combine(self, one: Node, other: Node, place: str) -> Node:
        result = dict(one)
        for key, value in other.items():
            known = one.get(key)
            if key not in one or known == value:
                result[key] = value
            elif key == "type":
                result[key] = self._common_types(known, value, place)
            elif key == "properties":
                result[key] = _joined(as_node(known), as_node(value))
            elif key in {"required", "enum"} and isinstance(known, list) and isinstance(value, list):
                result[key] = _listed(key, known, value)
            elif key in {"oneOf", "anyOf"}:
                result[key] = self._crossed(as_nodes(known), as_nodes(value), pointer(place, key))
            elif key in _LOWER_BOUNDS or key in _UPPER_BOUNDS:
                result[key] = _tighter(key, known, value)
            elif key == "patternProperties":
                result[key] = _joined(as_node(known), as_node(value))
            elif key == "dependentRequired":
                result[key] = _joined_lists(as_node(known), as_node(value))
            elif key in {"items", "additionalProperties"} and isinstance(value, dict):
                result[key] = {"allOf": [known, value]} if isinstance(known, dict) else value
        return result

    def _common_types(self, one: object, other: object, place: str) -> object:
        ours, theirs = (
            set(one if isinstance(one, list) else []),
            set(other if isinstance(other, list) else []),
        )
        common = ours & theirs
        if "integer" in ours | theirs and "number" in ours | theirs:
            common |= {"integer"}
        if common:
            return sorted(common)
        self.remarks.add(
            place, "allOf combines the types {} and {}, the first is used", _words(ours), _words(theirs)
        )
        return one

    def _crossed(self, one: list[Node], other: list[Node], place: str) -> list[Node]:
        if len(one) * len(other) > _MOST_ALTERNATIVES:
            self.remarks.add(place, "too many combinations of alternatives, the second set is ignored")
            return one
        return [{"allOf": [left, right]} for left in one for right in other]


def _tighter(key: str, one: object, other: object) -> object:
    if not isinstance(one, int | float) or not isinstance(other, int | float):
        return other
    return max(one, other) if key in _LOWER_BOUNDS else min(one, other)


def _words(names: set[object]) -> str:
    return "/".join(sorted(map(str, names)))


def _without(node: Node, *keys: str) -> Node:
    return {key: value for key, value in node.items() if key not in keys}


def _annotations(own: Node) -> Node:
    return {
        key: own[key] for key in ("description", "title", "readOnly", "writeOnly", "deprecated") if key in own
    }


def _joined(one: Node, other: Node) -> Node:
    """Combine two sets of properties; a property in both must satisfy both schemas."""
    both = {key: {"allOf": [one[key], other[key]]} for key in one if key in other and one[key] != other[key]}
    return {**one, **other, **both}


def _joined_lists(one: Node, other: Node) -> Node:
    joined = {**one, **other}
    for key in one.keys() & other.keys():
        known, more = one[key], other[key]
        if isinstance(known, list) and isinstance(more, list):
            joined[key] = _listed("required", known, more)
    return joined


def _listed(key: str, one: list[object], other: list[object]) -> list[object]:
    if key == "required":
        return [*one, *(value for value in other if value not in one)]
    return [value for value in one if value in other] or one
