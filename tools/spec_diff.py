"""`python -m tools.spec_diff FILE [--base FILE] [--json]`: compare a new document with the vendored one, or any other.

Prints one line per change with the sides it hits or concerns (those who send requests, read responses or import names),
then the version bump. Exit 0: nothing breaks, 1: something breaks, 2: unusable document.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tools.differ.changes import Change, bump
from tools.differ.document_changes import compare
from tools.openapi.document import Document
from tools.openapi.loading import UnusableDocumentError
from tools.openapi.names_file import names_path
from tools.openapi.vendored import VENDORED

UNUSABLE = 2


def changes_between(old: Path, new: Path) -> list[Change]:
    """Compare two files; raise UnusableDocumentError if one is unusable.

    A names file beside the old document keeps the Python names of what the new one renames.
    """
    return compare(Document.load(old), Document.load(new), stable_names=names_path(old).is_file())


def report(found: list[Change]) -> str:
    """Return one line per change, then the version bump."""
    return "".join(f"{line}\n" for line in [*(one.line() for one in found), bump(found)])


def as_json(found: list[Change]) -> str:
    """Return the same for machines: `changes`, each with `subject`, `change`, `breaking` and `sides`, and `bump`."""
    return json.dumps({"bump": bump(found), "changes": [one.as_json() for one in found]}, indent=2) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="spec_diff", description=__doc__.split("\n", 1)[0] if __doc__ else None
    )
    parser.add_argument("spec", type=Path, help="the new OpenAPI document")
    parser.add_argument(
        "--base", type=Path, default=VENDORED, help="the old one, by default the vendored document"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines")
    given = parser.parse_args(arguments)
    if given.spec == Path():
        parser.error("SPEC is empty: make spec-diff SPEC=file")
    try:
        found = changes_between(given.base, given.spec)
    except UnusableDocumentError as error:
        sys.stderr.write(f"{error}\n")
        return UNUSABLE
    sys.stdout.write(as_json(found) if given.json else report(found))
    return 1 if any(one.breaking for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
