"""Compares what schemas say about objects and arrays, and lists the parts to compare further."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve, frozen

from tools.differ.changes import NAMES, REQUEST, RESPONSE, Change
from tools.differ.comparison import Comparison, Resolver, listed_names
from tools.openapi.document import Node, as_node, as_nodes


@frozen
class Objects:
    """Two resolved schemas at one place."""

    one: Comparison
    old: Node
    new: Node
    before: Resolver
    after: Resolver

    def changes(self) -> Iterator[Change | Comparison]:
        """Compare properties and items; what is left to compare comes as a Comparison."""
        yield from self._properties()
        yield from self._patterns()
        yield from self._additional_properties()
        yield from self._items()

    def _properties(self) -> Iterator[Change | Comparison]:
        old, new = as_node(self.old.get("properties")), as_node(self.new.get("properties"))
        needed, needs = listed_names(self.old.get("required")), listed_names(self.new.get("required"))
        kind = "/".join(sorted(self.one.directions))
        for name in old:
            at = evolve(self.one, subject=f"{self.one.subject}.{name}")
            before = self.before.marks(old[name])
            if name not in new:
                word = "required " if name in needed else ""
                directions = _directions(self.one.directions, before)
                gone = evolve(at, directions=directions)
                yield gone.change(f"{word}{kind} property removed", narrowed=True, widened=True, names=True)
                continue
            after = self.after.marks(new[name])
            if (name in needed) != (name in needs):
                words = "made required" if name in needs else "made optional"
                yield at.change(
                    f"{kind} property {words}",
                    narrowed=name in needs and "readOnly" not in after,
                    widened=name not in needs and "writeOnly" not in before | after,
                )
            yield from _marks(at, before, after, still_required=name in needed and name in needs)
            common = evolve(at, directions=_directions(self.one.directions, before & after))
            if "readOnly" in after:
                common = evolve(common, directions=common.directions - {REQUEST})
            if "writeOnly" in after:
                common = evolve(common, directions=common.directions - {RESPONSE})
            yield common.inner(old[name], new[name], f"{kind} property")
        for name in [name for name in new if name not in old]:
            at = evolve(self.one, subject=f"{self.one.subject}.{name}")
            after = self.after.marks(new[name])
            word = "required " if name in needs else ""
            narrowed = name in needs - needed and "readOnly" not in after
            yield at.change(f"{word}{kind} property added", narrowed=narrowed)
        # `required` may name properties that only the alternatives of a union declare.
        for name in sorted((needs ^ needed) - {*old, *new}):
            words = "made required" if name in needs else "made optional"
            at = evolve(self.one, subject=f"{self.one.subject}.{name}")
            yield at.change(f"undeclared property {words}", narrowed=name in needs)

    def _patterns(self) -> Iterator[Change | Comparison]:
        old, new = as_node(self.old.get("patternProperties")), as_node(self.new.get("patternProperties"))
        for pattern in sorted({*old, *new}):
            what = f"{self.one.what} properties like {pattern}"
            if pattern in old and pattern in new:
                yield self.one.inner(old[pattern], new[pattern], what)
                continue
            closed = (self.old if pattern in new else self.new).get("additionalProperties") is False
            added = pattern in new
            # Where other properties are refused, a pattern allows more; elsewhere it restricts.
            yield self.one.change(
                f"{what} {'added' if added else 'removed'}",
                narrowed=added != closed,
                widened=added == closed,
            )

    def _additional_properties(self) -> Iterator[Change | Comparison]:
        before, after = (_additional(one) for one in (self.old, self.new))
        if isinstance(before, dict) and isinstance(after, dict):
            yield self.one.inner(before, after, f"{self.one.what} additional properties'")
        elif before != after:
            names = {"True": "allowed", "False": "forbidden"}
            words = [names.get(str(one), "restricted") for one in (before, after)]
            narrowed = after is False or (before is True and after is not True)
            # A reader of typed values meets others; unknown properties of a model are kept in any case.
            widened = isinstance(before, dict) and after is True
            what = f"{self.one.what} additional properties changed from {words[0]} to {words[1]}"
            yield self.one.change(what, narrowed=narrowed, widened=widened)

    def _items(self) -> Iterator[Change | Comparison]:
        old, new = as_nodes(self.old.get("prefixItems")), as_nodes(self.new.get("prefixItems"))
        for index in range(max(len(old), len(new))):
            if index < min(len(old), len(new)):
                yield self.one.inner(old[index], new[index], f"{self.one.what} item {index}")
            else:
                added = index < len(new)
                what = f"{self.one.what} item {index} {'added' if added else 'removed'}"
                yield self.one.change(what, narrowed=added, widened=not added)
        before, after = self.old.get("items", True), self.new.get("items", True)
        if before is False or after is False:
            if before != after:
                words = ["forbidden" if one is False else "allowed" for one in (before, after)]
                what = f"{self.one.what} further items changed from {words[0]} to {words[1]}"
                yield self.one.change(what, narrowed=after is False, widened=before is False)
        elif before is not True or after is not True:
            yield self.one.inner(before, after, f"{self.one.what} items'")


def _marks(
    at: Comparison, before: frozenset[str], after: frozenset[str], *, still_required: bool
) -> Iterator[Change]:
    """Compare readOnly and writeOnly: which side a property is on."""
    for mark, side, word in (("readOnly", REQUEST, "read-only"), ("writeOnly", RESPONSE, "write-only")):
        if (mark in before) == (mark in after):
            continue
        came = mark in after
        # A required property that is no longer read-only must be sent from now on.
        hit = side in at.directions and (came or (side == REQUEST and still_required))
        yield Change(
            at.subject,
            f"property {'made' if came else 'no longer'} {word}",
            frozenset({side}) if hit else frozenset(),
            at.directions or frozenset({NAMES}),
        )


def _directions(directions: frozenset[str], marks: frozenset[str]) -> frozenset[str]:
    left = directions - ({REQUEST} if "readOnly" in marks else set())
    return left - ({RESPONSE} if "writeOnly" in marks else set())


def _additional(node: Node) -> object:
    value = node.get("additionalProperties", True)
    return True if value == {} else value
