"""The alternatives of a schema, and which of two schemas' alternatives belong together."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

from attrs import field, frozen

from tools.differ.comparison import SCHEMAS, Resolver, types
from tools.openapi.document import Node, as_node, as_nodes

UNION_KEYS = ("oneOf", "anyOf")
_DESCRIPTIVE = frozenset(
    {"title", "description", "discriminator", "example", "examples", "default", "deprecated"}
)


@frozen
class Alternative:
    """One alternative: as written, resolved, and what to call it."""

    raw: Node
    node: Node = field(eq=False)
    label: str
    ref: str = ""
    """The reference it is, "" if it is inline."""
    beside: Node = field(factory=dict[str, object])
    """What stands beside the union and holds for it as well."""

    @property
    def lists_values(self) -> bool:
        """Whether it is a constant or an enum."""
        return bool({"const", "enum"} & set(self.node))

    @property
    def tags(self) -> dict[str, str]:
        """The properties with a single value, which tell alternatives apart."""
        found: dict[str, str] = {}
        for name, one in as_node(self.node.get("properties")).items():
            values = [as_node(one)["const"]] if "const" in as_node(one) else as_node(one).get("enum")
            if isinstance(values, list) and len(values) == 1:
                found[name] = json.dumps(values[0], sort_keys=True, default=str)
        return found


def is_union(node: Node) -> bool:
    """Whether a resolved schema has alternatives other than null."""
    return any(as_nodes(node.get(key)) for key in UNION_KEYS)


def alternatives(
    resolver: Resolver, node: Node, trail: tuple[str, ...] = ()
) -> tuple[list[Alternative], bool]:
    """Return the alternatives of a resolved schema without null, and whether null is one of them.

    Keywords beside oneOf or anyOf apply to every alternative; a list of types is a union of these.
    """
    key = next((key for key in UNION_KEYS if as_nodes(node.get(key))), None)
    if key is None:
        listed = types(node)
        if len(listed) < 2:
            return [Alternative(node, node, ", ".join(listed) or "any")], False
        return [Alternative(one, one, name) for name in listed for one in [{**node, "type": [name]}]], False
    base = {name: value for name, value in node.items() if name != key and name not in _DESCRIPTIVE}
    found: list[Alternative] = []
    nullable = False
    for raw in as_nodes(node.get(key)):
        shallow, null = resolver.shallow(raw)
        merged: Node = {"allOf": [base, raw]} if base else shallow
        resolved, more = resolver.resolve(merged)
        nullable = nullable or null or more
        if resolved.get("type") == ["null"] or resolved == {"enum": []}:
            nullable = True
            continue
        ref = str(shallow.get("$ref", ""))
        if is_union(resolved) and ref not in trail:
            inner, null = alternatives(resolver, resolved, (*trail, ref) if ref else trail)
            found += inner
            nullable = nullable or null
        else:
            label = ref.rsplit("/", 1)[-1] or str(raw.get("title") or ", ".join(types(resolved)) or "any")
            found.append(Alternative(merged if base else shallow, resolved, label, ref, base))
    return found, nullable


@frozen
class Matched:
    """Pairs of alternatives that belong together, and those without a counterpart."""

    pairs: list[tuple[Alternative, Alternative]]
    removed: list[Alternative]
    added: list[Alternative]


def match(old: list[Alternative], new: list[Alternative], renames: Mapping[str, str]) -> Matched:
    """Match alternatives by reference, content, tag, title, and at last by type and order.

    Two references match only by name, which is the name of the class that a reader tells apart.
    """

    def present(one: Alternative) -> str:
        name = one.ref.removeprefix(SCHEMAS)
        return SCHEMAS + renames.get(name, name) if one.ref.startswith(SCHEMAS) else ""

    def same_tag(one: Alternative, other: Alternative) -> bool:
        shared = one.tags.keys() & other.tags.keys()
        return bool(shared) and all(one.tags[name] == other.tags[name] for name in shared)

    def alike(one: Alternative, other: Alternative) -> bool:
        told_apart = one.tags.keys() & other.tags.keys() or "const" in {*one.node, *other.node}
        if types(one.node) != types(other.node) or told_apart:
            return False
        properties = as_node(one.node.get("properties")), as_node(other.node.get("properties"))
        return not any(properties) or bool(set(properties[0]) & set(properties[1]))

    rules: list[Callable[[Alternative, Alternative], bool]] = [
        lambda one, other: bool(one.ref) and present(one) == other.ref,
        lambda one, other: _text(one.node) == _text(other.node),
        same_tag,
        lambda one, other: "title" in one.node and one.node["title"] == other.node.get("title"),
        alike,
    ]
    pairs: list[tuple[Alternative, Alternative]] = []
    left, right = list(old), list(new)
    for rule in rules:
        for one in list(left):
            free = (each for each in right if not (one.ref and each.ref) or present(one) == each.ref)
            other = next((each for each in free if rule(one, each)), None)
            if other is not None:
                pairs.append((one, other))
                _remove(left, one)
                _remove(right, other)
    return Matched(pairs, left, right)


def _remove(listed: list[Alternative], one: Alternative) -> None:
    listed[:] = [each for each in listed if each is not one]


def _text(node: object) -> str:
    return json.dumps(node, sort_keys=True, default=str)


def labels(listed: Iterable[Alternative]) -> list[str]:
    """Name alternatives, numbered where names repeat."""
    seen: dict[str, int] = {}
    named: list[str] = []
    for one in listed:
        seen[one.label] = seen.get(one.label, 0) + 1
        named.append(one.label if seen[one.label] == 1 else f"{one.label} {seen[one.label]}")
    return named
