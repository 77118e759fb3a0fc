"""`python -m tools.spec_diff FILE`: compare a new document with the vendored one.

Prints one line per change, then the version bump. Exit 0: nothing breaks, 1: something breaks, 2: unusable document.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tools.differ.changes import Change, bump
from tools.differ.document_changes import compare
from tools.openapi.document import Document, UnusableDocumentError
from tools.openapi.vendored import VENDORED

UNUSABLE = 2


def changes_between(old: Path, new: Path) -> list[Change]:
    """Compare two files; raise UnusableDocumentError if one is unusable."""
    return compare(Document.load(old), Document.load(new))


def report(found: list[Change]) -> str:
    """Return one line per change, then the version bump."""
    return "".join(f"{line}\n" for line in [*(one.line() for one in found), bump(found)])


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) != 1 or not given[0]:
        sys.stderr.write("usage: make spec-diff SPEC=file\n")
        return UNUSABLE
    try:
        found = changes_between(VENDORED, Path(given[0]))
    except UnusableDocumentError as error:
        sys.stderr.write(f"{error}\n")
        return UNUSABLE
    sys.stdout.write(report(found))
    return 1 if any(one.breaking for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
