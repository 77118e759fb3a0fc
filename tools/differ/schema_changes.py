"""Compares schemas: requests must stay acceptable to the server, responses readable to the client."""

from __future__ import annotations

import json
from collections.abc import Mapping

from attrs import evolve, field, frozen

from tools.differ.changes import REQUEST, RESPONSE, Change, Changes
from tools.differ.comparison import SCHEMAS, Comparison, Resolver, types
from tools.differ.constraints import constraint_changes
from tools.differ.objects import Objects
from tools.differ.unions import UNION_KEYS, Alternative, alternatives, is_union, labels, match
from tools.openapi.document import Document, Node, as_node, as_nodes

# Formats that generated models decode to a type other than str.
_TYPED = frozenset({"date-time", "date", "uuid", "binary"})
_WIDER_FORMATS = {("int32", "int64"), ("float", "double")}
# How deep to look for an alternative that stands in for a removed or an added one.
_DEEPEST_TRIAL = 2


@frozen
class SchemaDiff:
    """Compares the schemas of an old document with those of a new one; `renames` maps old names to new ones."""

    before: Resolver
    after: Resolver
    changes: Changes
    renames: Mapping[str, str]
    _seen: set[tuple[object, ...]] = field(factory=set[tuple[object, ...]])
    _depth: int = 0

    @classmethod
    def of(cls, old: Document, new: Document, changes: Changes, renames: Mapping[str, str]) -> SchemaDiff:
        """Prepare to compare two documents."""
        return cls(Resolver(old), Resolver(new), changes, renames)

    def compare(self, one: Comparison) -> None:
        """Compare two schemas; components of the same name are compared where they are defined."""
        old, was_null = self.before.shallow(one.old)
        new, is_null = self.after.shallow(one.new)
        refs = old.get("$ref"), new.get("$ref")
        if self._same_component(*refs):
            self._nullability(one, was_null, is_null)
            return
        if {"$ref", "allOf"} & {*as_node(one.old), *as_node(one.new)}:
            # What is put together from components is compared once for each use of it, which ends cycles.
            key = (_components(one.old), _components(one.new), one.directions)
            if key in self._seen:
                return
            self._seen.add(key)
        self.compare_content(one)

    def _same_component(self, old: object, new: object) -> bool:
        # A trial has to look into components: its verdict is about all that they contain.
        if self._depth or not isinstance(old, str) or not old.startswith(SCHEMAS):
            return False
        name = old.removeprefix(SCHEMAS)
        return new == SCHEMAS + self.renames.get(name, name)

    def _same_alternative(self, old: Alternative, new: Alternative) -> bool:
        return old.beside == new.beside and self._same_component(old.ref, new.ref)

    def compare_content(self, one: Comparison) -> None:
        """Compare the content of two schemas."""
        old, was_null = self.before.resolve(one.old)
        new, is_null = self.after.resolve(one.new)
        if _is_null(old) or _is_null(new):
            was_null, is_null = was_null and not _is_null(old), is_null and not _is_null(new)
        elif is_union(old) or is_union(new):
            was, was_null_too = alternatives(self.before, old)
            now, is_null_too = alternatives(self.after, new)
            was_null, is_null = was_null or was_null_too, is_null or is_null_too
            self._discriminator(one, old, new)
            if len(was) == len(now) == 1:
                old, new = was[0].node, now[0].node
                if self._same_alternative(was[0], now[0]):
                    self._nullability(one, was_null, is_null)
                    return
            else:
                self._nullability(one, was_null, is_null)
                self._annotations(one, old, new)
                self._unions(one, was, now)
                self._exclusive(one, old, new, was, now)
                return
        self._nullability(one, was_null, is_null)
        self._single(one, old, new)

    def _single(self, one: Comparison, old: Node, new: Node) -> None:
        before, after = types(old), types(new)
        if before != after:
            words = f"{one.what} type changed from {_words(before)} to {_words(after)}"
            narrowed, widened = not _holds(after, before), not _holds(before, after)
            self.changes.add(one.change(words, narrowed=narrowed, widened=widened))
            if not _overlap(before, after):
                return
        self._format(one, old, new)
        self._values(one, old, new)
        self._discriminator(one, old, new)
        for change in constraint_changes(one, old, new):
            self.changes.add(change)
        self._annotations(one, old, new)
        for part in Objects(one, old, new, self.before, self.after).changes():
            if isinstance(part, Change):
                self.changes.add(part)
            else:
                self.compare(part)

    def _nullability(self, one: Comparison, before: bool, after: bool) -> None:
        if before != after:
            words = "may be null now" if after else "may no longer be null"
            self.changes.add(one.change(f"{one.what} value {words}", narrowed=before, widened=after))

    def _format(self, one: Comparison, old: Node, new: Node) -> None:
        """Compare formats; one that decodes to another type breaks both directions."""
        before, after = (node.get("format") for node in (old, new))
        if before != after:
            typed = bool({before, after} & _TYPED)
            narrowed = after is not None and (before, after) not in _WIDER_FORMATS
            words = f"{one.what} format changed from {before or 'none'} to {after or 'none'}"
            self.changes.add(one.change(words, narrowed=typed or narrowed, widened=typed))

    def _values(self, one: Comparison, old: Node, new: Node) -> None:
        """Compare enum values; models keep unknown ones in responses as they are.

        Other than an enum, a constant promises that no other value comes.
        """
        before, after = _values(old), _values(new)
        if ("const" in old or "const" in new) and before != after:
            words = f"{one.what} constant changed from {_words(before or [])} to {_words(after or [])}"
            kept = after is None or (before is not None and set(before) <= set(after))
            self.changes.add(one.change(words, narrowed=not kept, widened="const" in old))
            return
        if before is None or after is None:
            if before != after:
                words = (
                    f"restricted to {_words(after)}"
                    if after
                    else f"no longer restricted to {_words(before or [])}"
                )
                self.changes.add(one.change(f"{one.what} values are {words}", narrowed=after is not None))
            return
        for value in [value for value in after if value not in before]:
            self.changes.add(one.change(f"{one.what} enum value {value} added"))
        for value in [value for value in before if value not in after]:
            self.changes.add(one.change(f"{one.what} enum value {value} removed", narrowed=True))

    def _discriminator(self, one: Comparison, old: Node, new: Node) -> None:
        before, after = as_node(old.get("discriminator")), as_node(new.get("discriminator"))
        names = before.get("propertyName"), after.get("propertyName")
        if names[0] != names[1]:
            words = f"discriminator changed from {names[0] or 'none'} to {names[1] or 'none'}"
            both = all(names)
            self.changes.add(one.change(f"{one.what} {words}", narrowed=both, widened=both))
        if not before or not after:
            return
        was, now = _targets(old, self.renames), _targets(new, {})
        for value in sorted({*was, *now}):
            target, new_target = was.get(value, "none"), now.get(value, "none")
            if target != new_target:
                words = f"discriminator value {value} changed from {target} to {new_target}"
                moved = value in was and value in now
                gone = value not in now
                self.changes.add(one.change(f"{one.what} {words}", narrowed=gone or moved, widened=moved))

    def _annotations(self, one: Comparison, old: Node, new: Node) -> None:
        was, now = (node.get("deprecated") is True for node in (old, new))
        if was != now:
            words = "use is deprecated" if now else "use is no longer deprecated"
            self.changes.add(one.change(f"{one.what} {words}", minor=False))
        if old.get("default") != new.get("default"):
            said = [json.dumps(node.get("default"), default=str) for node in (old, new)]
            words = f"default changed from {said[0]} to {said[1]}"
            self.changes.add(one.change(f"{one.what} {words}", minor=False))

    def _unions(self, one: Comparison, was: list[Alternative], now: list[Alternative]) -> None:
        matched = match(was, now, self.renames)
        for old, new in matched.pairs:
            what = f"{one.what} alternative {new.label}"
            if not self._same_alternative(old, new):
                self.compare(one.inner(old.raw, new.raw, what))
        for label, new in zip(labels(matched.added), matched.added, strict=True):
            # A reader who tells classes apart meets one more, even if it looks like another one.
            is_class = types(new.node) == ["object"]
            # One more value is kept as it is, like one of an enum.
            is_value = new.lists_values and any(
                old.lists_values and types(old.node) == types(new.node) for old in was
            )
            known = is_value or (not is_class and any(self._fits(one, old, new, RESPONSE) for old in was))
            self.changes.add(one.change(f"{one.what} alternative {label} added", widened=not known))
        for label, old in zip(labels(matched.removed), matched.removed, strict=True):
            accepted = any(self._fits(one, old, new, REQUEST) for new in now)
            self.changes.add(one.change(f"{one.what} alternative {label} removed", narrowed=not accepted))

    def _exclusive(
        self, one: Comparison, old: Node, new: Node, was: list[Alternative], now: list[Alternative]
    ) -> None:
        """Find values that oneOf refuses, and anyOf does not, because they match several alternatives."""
        refused = not as_nodes(old.get("oneOf")) and bool(as_nodes(new.get("oneOf")))
        if not refused and (as_nodes(new.get("oneOf")) or not as_nodes(old.get("oneOf"))):
            return
        trial = self if refused else evolve(self, before=self.after, after=self.before)
        for alternative in was if refused else now:
            fitting = sum(trial._fits(one, alternative, each, REQUEST) for each in (now if refused else was))
            if fitting > 1:
                words = f"values of {alternative.label} in {fitting} alternatives"
                word = "refused" if refused else "accepted"
                self.changes.add(one.change(f"{one.what} {words} of oneOf {word}", narrowed=refused))

    def _fits(self, one: Comparison, old: Alternative, new: Alternative, direction: str) -> bool:
        """Whether turning one alternative into another would break nothing in a direction."""
        if self._depth >= _DEEPEST_TRIAL:
            return False
        trial = evolve(self, changes=Changes(), seen=set(), depth=self._depth + 1)
        trial.compare_content(evolve(one, old=old.raw, new=new.raw, directions=frozenset({direction})))
        return not any(direction in change.hits for change in trial.changes.ordered())


def _targets(node: Node, renames: Mapping[str, str]) -> dict[str, str]:
    """Return the schema that each value of a discriminator stands for, stated or by the schema's own name."""
    stated = as_node(as_node(node.get("discriminator")).get("mapping"))
    found = {value: str(target).rsplit("/", 1)[-1] for value, target in stated.items()}
    listed = [one.get("$ref") for key in UNION_KEYS for one in as_nodes(node.get(key))]
    names = [str(ref).removeprefix(SCHEMAS) for ref in listed if ref is not None]
    found = {**{name: name for name in names if name not in found.values()}, **found}
    return {value: renames.get(name, name) for value, name in found.items()}


def _components(raw: object) -> frozenset[str]:
    """Return what a schema is put together from, however deep its allOf are nested."""
    own = {key: value for key, value in as_node(raw).items() if key != "allOf"}
    parts = [part for one in as_nodes(as_node(raw).get("allOf")) for part in _components(one)]
    return frozenset([*parts, *([json.dumps(own, sort_keys=True, default=str)] if own else [])])


def _is_null(node: Node) -> bool:
    return node.get("type") == ["null"]


def _overlap(before: list[str], after: list[str]) -> bool:
    """Whether some value has both types, so that the rest of the schemas can be compared."""
    was, now = ({"number" if one == "integer" else one for one in listed} for listed in (before, after))
    return not was or not now or bool(was & now)


def _holds(wide: list[str], narrow: list[str]) -> bool:
    """Whether every value of the narrow types is one of the wide ones; no types means any type."""
    if not wide:
        return True
    return bool(narrow) and all(one in wide or (one == "integer" and "number" in wide) for one in narrow)


def _values(node: Node) -> list[str] | None:
    values = [node["const"]] if "const" in node else node.get("enum")
    return (
        [json.dumps(one, sort_keys=True, default=str) for one in values] if isinstance(values, list) else None
    )


def _words(values: list[str]) -> str:
    return ", ".join(values) or "any"
