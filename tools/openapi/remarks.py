"""Collects what was dropped or loosened, with its place in the document."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import field, frozen

# A kind of remark with more than this many is shown as its first one and a count.
_SHOWN = 3


@frozen
class Remark:
    """What was lost at a place, a JSON pointer; a `minor` loss changes no call."""

    place: str
    what: str
    kind: str
    minor: bool


@frozen
class Remarks:
    """The remarks so far, each once."""

    found: dict[tuple[str, str], Remark] = field(factory=dict[tuple[str, str], Remark])

    def add(self, place: str, kind: str, *values: object, minor: bool = False) -> None:
        """Add a remark; `kind` is its text, with braces for the values."""
        what = kind.format(*values)
        self.found.setdefault((place, what), Remark(place, what, kind, minor))

    def lines(self, *, every: bool = False) -> Iterator[str]:
        """Yield a line for each remark, or for each kind that has many: what matters first, then the rarest."""
        kinds: dict[str, list[Remark]] = {}
        for one in self.found.values():
            kinds.setdefault(one.kind, []).append(one)
        for remarks in sorted(kinds.values(), key=lambda listed: (listed[0].minor, len(listed))):
            grouped = len(remarks) > _SHOWN and not every
            more = f" ({len(remarks)} of this kind)" if grouped else ""
            yield from (f"{one.place}: {one.what}{more}" for one in (remarks[:1] if grouped else remarks))
