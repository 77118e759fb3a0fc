"""Changes between two documents, whom they hit, and the version bump they call for."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import field, frozen

REQUEST, RESPONSE, NAMES = "request", "response", "names"


@frozen
class Change:
    """One change.

    `hits` says who breaks: those who send requests, those who read responses, those who import Python names.
    `concerns` says whose side it is on, broken or not; `minor` is False if a patch release is enough.
    """

    subject: str
    what: str
    hits: frozenset[str] = frozenset()
    concerns: frozenset[str] = frozenset()
    minor: bool = True

    @property
    def breaking(self) -> bool:
        """Whether it breaks anyone."""
        return bool(self.hits)

    @property
    def sides(self) -> list[str]:
        """Those it hits, or else those it concerns."""
        return sorted(self.hits or self.concerns)

    def line(self) -> str:
        """Return it as a line of the report."""
        sides = f"  [{', '.join(self.sides)}]" if self.sides else ""
        return f"{'breaking' if self.breaking else 'compatible'}  {self.subject}  {self.what}{sides}"

    def as_json(self) -> dict[str, object]:
        """Return it for machines."""
        return {"subject": self.subject, "change": self.what, "breaking": self.breaking, "sides": self.sides}


@frozen
class Changes:
    """The changes found so far, without duplicates."""

    _found: dict[tuple[str, str], Change] = field(factory=dict[tuple[str, str], Change])

    def add(self, change: Change) -> None:
        """Add a change; one found twice hits everyone that either of them hits."""
        key = (change.subject, change.what)
        known = self._found.get(key)
        if known is not None:
            hits, concerns = known.hits | change.hits, known.concerns | change.concerns
            change = Change(change.subject, change.what, hits, concerns, known.minor or change.minor)
        self._found[key] = change

    def note(self, subject: str, what: str, side: str, *, breaking: bool = False, minor: bool = True) -> None:
        """Add a change on one side."""
        sides = frozenset({side})
        self.add(Change(subject, what, sides if breaking else frozenset(), sides, minor))

    def ordered(self) -> list[Change]:
        """Return the changes, breaking ones first."""
        return sorted(self._found.values(), key=lambda one: not one.breaking)


def bump(changes: Iterable[Change]) -> str:
    """Return the part of the version to bump; changed texts alone call for a patch."""
    listed = list(changes)
    if any(one.breaking for one in listed):
        return "major"
    return "minor" if any(one.minor for one in listed) else "patch"
