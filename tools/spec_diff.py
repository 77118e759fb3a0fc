"""`python -m tools.spec_diff FILE`: what a new document changes against the vendored one, and for whom it breaks.

One line a change, then the version bump. Exit 0: nothing breaking, 1: something breaking, 2: no usable document.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tools import second_opinion
from tools.changes import Change, bump
from tools.document import Document, UnusableDocumentError
from tools.document_changes import compare
from tools.vendored import ROOT, VENDORED

UNUSABLE = 2


def changes_between(old: Path, new: Path) -> list[Change]:
    """Compare two files; UnusableDocumentError where one is none."""
    before, after = Document.load(old), Document.load(new)
    found = compare(before, after)
    if second_opinion.is_available(ROOT):
        found += second_opinion.missed(found, second_opinion.verdicts(ROOT, old, new, before))
    return found


def report(found: list[Change]) -> str:
    """Write the lines, and the bump as the last one."""
    return "".join(f"{line}\n" for line in [*(one.line() for one in found), bump(found)])


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) != 1 or not given[0]:
        sys.stderr.write("give one file: make spec-diff SPEC=file\n")
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
