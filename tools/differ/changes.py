"""Changes between two documents, and the version bump they call for."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import field, frozen

REQUEST, RESPONSE = "request", "response"


@frozen
class Change:
    """One change; `minor` is False if a patch release is enough."""

    subject: str
    what: str
    breaking: bool
    minor: bool = True

    def line(self) -> str:
        """Return it as a line of the report."""
        return f"{'breaking' if self.breaking else 'compatible'}  {self.subject}  {self.what}"


@frozen
class Changes:
    """The changes found so far, without duplicates."""

    found: list[Change] = field(factory=list)

    def add(self, subject: str, what: str, *, breaking: bool, minor: bool = True) -> None:
        """Add a change."""
        change = Change(subject, " ".join(what.split()), breaking, minor)
        if change not in self.found:
            self.found.append(change)

    def ordered(self) -> list[Change]:
        """Return the changes, breaking ones first."""
        return sorted(self.found, key=lambda one: not one.breaking)


def bump(changes: Iterable[Change]) -> str:
    """Return the part of the version to bump; changed texts alone call for a patch."""
    listed = list(changes)
    if any(one.breaking for one in listed):
        return "major"
    return "minor" if any(one.minor for one in listed) else "patch"
