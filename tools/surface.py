"""`python -m tools.surface`: list breaking changes of public Python names since the last release tag.

Exit 0: none, or no release yet; 1: one line per breaking change; 2: the tag cannot be read.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import griffe
from attrs import frozen

from tools.openapi.vendored import ROOT

# Package -> its folder.
PACKAGES = {
    "sinch_provisioning": "src",
    "sinch_provisioning_api": "generated",
    "sinch_provisioning_emulator": "src",
}
_TAG = "v[0-9]*"


class UnreadableTagError(Exception):
    """A release tag that cannot be read from the repository."""


@frozen
class Breakage:
    """One public name that changed incompatibly."""

    place: str
    what: str

    def line(self) -> str:
        """Return it as a line of the report."""
        return f"breaking  {self.place}  {self.what}"


def _git(root: Path, *words: str) -> str | None:
    """Run git and return its output; None if it fails."""
    git = shutil.which("git")
    if git is None:
        return None
    done = subprocess.run(  # noqa: S603 - fixed commands
        [git, "-C", str(root), *words], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else None


def last_release(root: Path) -> str:
    """Return the last release tag that is an ancestor of the current commit; "" if there is none."""
    return _git(root, "describe", "--tags", "--abbrev=0", "--match", _TAG) or ""


def breakages(
    root: Path, tag: str, packages: Iterable[tuple[str, str]] = tuple(PACKAGES.items())
) -> list[Breakage]:
    """Compare the public names of the working tree with those at a tag."""
    found: list[Breakage] = []
    for package, folder in packages:
        if _git(root, "ls-tree", tag, f"{folder}/{package}") == "":
            continue  # the package is newer than the tag
        try:
            old = griffe.load_git(package, ref=tag, repo=root, search_paths=[folder])
        except Exception as error:
            raise UnreadableTagError(f"{tag}: {package} cannot be read: {error}") from None
        new = griffe.load(package, search_paths=[str(root / folder)])
        for breakage in griffe.find_breaking_changes(old, new):
            what = " ".join(breakage.kind.value.split()).lower()
            found.append(Breakage(breakage.obj.path, _detail(what, breakage)))
    return found


def _detail(what: str, breakage: griffe.Breakage) -> str:
    parameter = getattr(breakage.old_value, "name", None) or getattr(breakage.new_value, "name", None)
    return f"{what}: {parameter}" if "parameter" in what and parameter else what


def main() -> int:
    """Run the command."""
    tag = last_release(ROOT)
    if not tag:
        sys.stdout.write("no release tag yet: nothing to compare with\n")
        return 0
    try:
        found = breakages(ROOT, tag)
    except UnreadableTagError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write("".join(f"{one.line()}\n" for one in found) or f"no breaking change since {tag}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
