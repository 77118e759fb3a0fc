"""One change between two documents, and the version bump that all of them call for."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import field, frozen

REQUEST, RESPONSE = "request", "response"


@frozen
class Change:
    """What happened to what; `minor` is False for what needs no more than a patch release."""

    subject: str
    what: str
    breaking: bool
    minor: bool = True

    def line(self) -> str:
        """Write it in columns."""
        return f"{'breaking' if self.breaking else 'compatible'}  {self.subject}  {self.what}"


@frozen
class Changes:
    """The changes found so far, each once."""

    found: list[Change] = field(factory=list)

    def add(self, subject: str, what: str, *, breaking: bool, minor: bool = True) -> None:
        """Note one."""
        change = Change(subject, " ".join(what.split()), breaking, minor)
        if change not in self.found:
            self.found.append(change)

    def ordered(self) -> list[Change]:
        """Give the breaking ones first."""
        return sorted(self.found, key=lambda one: not one.breaking)


def bump(changes: Iterable[Change]) -> str:
    """Name the part of the version to raise: texts alone call for a patch."""
    listed = list(changes)
    if any(one.breaking for one in listed):
        return "major"
    return "minor" if any(one.minor for one in listed) else "patch"
