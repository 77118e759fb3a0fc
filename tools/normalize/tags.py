"""Finds the property that tells the alternatives of a union apart, and the class for each of its values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import field, frozen

from tools.normalize.metadata import SchemaMetadata, Tag
from tools.openapi.document import Node, as_node, as_nodes

_MARKER = "discriminator "
_BASE = "x-base"


@frozen
class Discriminators:
    """The discriminators of a document; a union refers to one by its description, which all steps keep."""

    rules: dict[str, Node] = field(factory=dict[str, Node])

    def mark(self, union: Node, rule: object, base: str = "") -> Node:
        """Attach a discriminator to a union; an unknown value means the class `base`, or any if there is none."""
        if "oneOf" not in union or not isinstance(as_node(rule).get("propertyName"), str):
            return union
        marker = f"{_MARKER}{len(self.rules)}"
        self.rules[marker] = {**as_node(rule), _BASE: base}
        return {**union, "description": marker}

    def tags(
        self,
        data: object,
        components: Mapping[str, object],
        metadata: SchemaMetadata,
        classes: Mapping[str, str],
    ) -> dict[tuple[str, tuple[str, ...]], Tag]:
        """Return the tag of each union in normalized data, by marker and classes.

        `classes` maps references to classes.
        """
        values = _Values(components, metadata)
        found: dict[tuple[str, tuple[str, ...]], Tag] = {}
        for union in _unions(data):
            names = tuple(
                _class(one) for one in as_nodes(union["oneOf"]) if _class(one) in metadata.attributes
            )
            marker = str(union.get("description", ""))
            if len(names) < 2 or (marker, names) in found:
                continue
            tag = self._tag(self.rules.get(marker, {}), names, values, classes)
            if tag is not None:
                found[marker, names] = tag
        return found

    @staticmethod
    def _tag(rule: Node, names: tuple[str, ...], values: _Values, classes: Mapping[str, str]) -> Tag | None:
        stated = {name: values.of(name) for name in names}
        if isinstance(rule.get("propertyName"), str):
            wire = str(rule["propertyName"])
            chosen = {ref.rsplit("/", 1)[-1]: name for ref, name in classes.items() if name in names}
            chosen |= {value: name for name in names for value in stated[name].get(wire, ())}
            for value, target in as_node(rule.get("mapping")).items():
                ref = str(target) if "/" in str(target) else f"#/components/schemas/{target}"
                if classes.get(ref) in names:
                    chosen[value] = classes[ref]
            base = str(rule[_BASE])
            closed = base != "" or all(stated[name].get(wire) for name in names)
            return Tag(wire, chosen, frozenset(names) - {base} if closed else frozenset())
        common = [wire for wire in stated[names[0]] if all(wire in stated[name] for name in names)]
        for wire in common:
            listed = [value for name in names for value in stated[name][wire]]
            if len(listed) == len(set(listed)):
                return Tag(
                    wire, {value: name for name in names for value in stated[name][wire]}, frozenset(names)
                )
        return None


@frozen
class _Values:
    """The listed values of properties, where a class lists them."""

    components: Mapping[str, object]
    metadata: SchemaMetadata

    def of(self, name: str) -> dict[str, list[str]]:
        body = as_node(self.components.get(name))
        required = body.get("required")
        found: dict[str, list[str]] = {}
        for attribute, plain in as_node(body.get("properties")).items():
            node = as_node(plain)
            node = as_node(self.components.get(_class(node))) if "$ref" in node else node
            values = [node["const"]] if "const" in node else node.get("enum")
            texts = [one for one in values if isinstance(one, str)] if isinstance(values, list) else []
            if texts and isinstance(required, list) and attribute in required:
                found[self.metadata.attributes[name][attribute].wire] = texts
        return found


def _class(plain: Node) -> str:
    return str(plain.get("$ref", "")).rsplit("/", 1)[-1]


def _unions(data: object) -> Iterator[Node]:
    stack = [data]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if isinstance(node.get("oneOf"), list):
                yield node
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
