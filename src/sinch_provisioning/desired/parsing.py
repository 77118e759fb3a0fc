"""Parsing YAML or JSON into plain data, and finding the position of anything in the text.

YAML is read as JSON with fewer quotes: `no` is text, `+46...` is text, keys are unique, and aliases are expanded
only as far as a file could have spelled them out. Positions are looked up when an error needs one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

from attrs import define, field, frozen

if TYPE_CHECKING:
    import yaml

LARGEST_YAML: Final = 4 * 2**20
LARGEST_JSON: Final = 64 * 2**20
_DEEPEST: Final = 20
# A file of LARGEST_YAML can't spell out more than this; only aliases get beyond it.
_MOST_NODES: Final = 1_000_000
_MERGE: Final = "<<"
_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_FLOAT: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_WORDS: Final[dict[str, object]] = {"": None, "~": None, "null": None, "true": True, "false": False}

Path = tuple[str | int, ...]


class Malformed(Exception):
    """Text that can't be parsed, and where; lines and columns count from 1."""

    def __init__(self, problem: str, line: int, column: int) -> None:
        super().__init__(problem)
        self.line = line
        self.column = column


def parse(text: str, *, is_json: bool) -> object:
    """Return the data in `text`; raises `Malformed`."""
    if not is_json:
        return _Tree(_events(text)).document()
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise Malformed(f"invalid JSON: {error.msg}", error.lineno, error.colno) from None
    except _NotPlain as error:
        why = str(error)
    except RecursionError:
        why = "nested too deeply"
    # Parsed again to find the position.
    _Tree(_events(_as_yaml(text))).document()
    raise Malformed(why, 1, 1)


def position(text: str, path: Sequence[str | int]) -> tuple[int, int]:
    """Return line and column of what `path` leads to, or of its nearest parent."""
    tree = _Tree(_events(_as_yaml(text)), tuple(path))
    # Some JSON is no YAML, which ends the search early, at a position that is near enough.
    with suppress(Malformed):
        tree.document()
    return tree.found


def _as_yaml(text: str) -> str:
    """Replace what JSON allows and YAML does not, keeping all positions."""
    return _SURROGATE.sub(r"\\u0041", text.replace("\t", " "))


class _NotPlain(ValueError):
    pass


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _NotPlain("duplicate key in an object")
    return found


def _refuse(constant: str) -> object:
    raise _NotPlain(f"{constant} is not valid JSON")


def _events(text: str) -> Iterator[yaml.Event]:
    import yaml  # noqa: PLC0415 - the extra `cli`, not needed for states built in Python

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        yield from yaml.parse(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        problem = error.problem or error.context or "it can't be parsed"
    except yaml.YAMLError:
        line, column, problem = 1, 1, "it has characters that YAML does not allow"
    else:
        return
    raise Malformed(f"invalid YAML: {problem}", line, column)


def _is_plain(event: yaml.ScalarEvent) -> bool:
    """Whether a scalar has no quotes and no tag."""
    return bool(event.implicit[0])


def _begins(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (1, 1) if mark is None else (mark.line + 1, mark.column + 1)


@frozen
class _Node:
    value: object
    size: int = 1
    depth: int = 0


@define
class _Tree:
    """Builds data from events, and notes the position of the path `wanted` in `found`."""

    events: Iterator[yaml.Event]
    wanted: Path | None = None
    found: tuple[int, int] = (1, 1)
    _anchors: dict[str, _Node] = field(factory=dict[str, _Node])
    _path: list[str | int] = field(factory=list[str | int])
    _size: int = 0

    def document(self) -> object:
        import yaml  # noqa: PLC0415 - see `_events`

        value: object = None
        seen = False
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if seen:
                    raise self._malformed("a second document starts here: use one document per file", event)
                value, seen = self._node(self._next()).value, True
        return value

    def _next(self) -> yaml.Event:
        return next(self.events)

    def _node(self, event: yaml.Event) -> _Node:
        import yaml  # noqa: PLC0415 - see `_events`

        self._note(event)
        if isinstance(event, yaml.AliasEvent):
            node = self._anchors.get(str(event.anchor))
            if node is None:
                raise self._malformed(
                    f"alias *{event.anchor} needs a complete anchor &{event.anchor} before it", event
                )
            if len(self._path) + node.depth > _DEEPEST:
                raise self._too_deep(event)
        elif len(self._path) > _DEEPEST:
            raise self._too_deep(event)
        elif isinstance(event, yaml.ScalarEvent):
            node = _Node(self._scalar(event))
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence()
        else:
            node = self._mapping()
        self._count(node.size if isinstance(event, yaml.AliasEvent) else 1, event)
        anchor = cast("str | None", getattr(event, "anchor", None))
        if anchor is not None and not isinstance(event, yaml.AliasEvent):
            self._anchors[anchor] = node
        return node

    def _count(self, size: int, event: yaml.Event) -> None:
        self._size += size
        if self._size > _MOST_NODES:
            raise self._malformed(f"aliases expand this file to more than {_MOST_NODES:,} values", event)

    def _scalar(self, event: yaml.ScalarEvent) -> object:
        text = event.value
        if not _is_plain(event):
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        return float(text) if _FLOAT.fullmatch(text) else text

    def _sequence(self) -> _Node:
        import yaml  # noqa: PLC0415 - see `_events`

        items: list[object] = []
        size, depth = 1, 0
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            self._path.append(len(items))
            node = self._node(event)
            self._path.pop()
            items.append(node.value)
            size, depth = size + node.size, max(depth, node.depth + 1)
        return _Node(items, size, depth)

    def _mapping(self) -> _Node:
        import yaml  # noqa: PLC0415 - see `_events`

        mapping: dict[str, object] = {}
        merged: dict[str, object] = {}
        size, depth = 1, 0
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._malformed("keys must be text", event)
            key = event.value
            if key in mapping:
                raise self._malformed(f"duplicate key {key!r}: remove one", event)
            self._path.append(key)
            self._note(event)
            at = self.found
            node = self._node(self._next())
            if self.wanted == tuple(self._path):
                self.found = at  # the key is the better position to show
            self._path.pop()
            size, depth = size + node.size, max(depth, node.depth + 1)
            if key == _MERGE and _is_plain(event):
                merged = self._merge(node.value, event)
            else:
                mapping[key] = node.value
        return _Node({**merged, **mapping}, size, depth)

    def _merge(self, value: object, event: yaml.Event) -> dict[str, object]:
        sources = cast("list[object]", value) if isinstance(value, list) else [value]
        merged: dict[str, object] = {}
        for source in reversed(sources):
            if not isinstance(source, dict):
                raise self._malformed("<< can only merge mappings", event)
            merged.update(cast("dict[str, object]", source))
        return merged

    def _note(self, event: yaml.Event) -> None:
        if self.wanted is not None and self.wanted[: len(self._path)] == tuple(self._path):
            self.found = _begins(event)

    def _too_deep(self, event: yaml.Event) -> Malformed:
        return self._malformed(f"nested deeper than {_DEEPEST} levels", event)

    def _malformed(self, problem: str, event: yaml.Event) -> Malformed:
        return Malformed(problem, *_begins(event))
