"""Collects what was dropped or loosened, with its place in the document."""

from __future__ import annotations

from attrs import field, frozen


@frozen
class Remarks:
    """The remarks so far, each one line."""

    lines: list[str] = field(factory=list)

    def add(self, place: str, what: str) -> None:
        """Add a remark once; `place` is a JSON pointer."""
        line = f"{place}: {what}"
        if line not in self.lines:
            self.lines.append(line)
