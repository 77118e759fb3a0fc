"""`python -m tools.surface`: which public Python names broke since the last release tag.

Exit 0: none, or no release yet; 1: some did, one line each; 2: the tag can't be read.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import griffe
from attrs import frozen

from tools.vendored import ROOT

# Package -> the folder it is in.
PACKAGES = {
    "sinch_provisioning": "src",
    "sinch_provisioning_api": "generated",
    "sinch_provisioning_emulator": "src",
}
_TAG = "v[0-9]*"


class UnreadableTagError(Exception):
    """A release that can't be read back from the repository."""


@frozen
class Breakage:
    """One public name that is not what it was."""

    place: str
    what: str

    def line(self) -> str:
        """Write it."""
        return f"breaking  {self.place}  {self.what}"


def _git(root: Path, *words: str) -> str | None:
    """Ask git; None where it can't answer."""
    git = shutil.which("git")
    if git is None:
        return None
    done = subprocess.run(  # noqa: S603 - fixed words, and names of our own
        [git, "-C", str(root), *words], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else None


def last_release(root: Path) -> str:
    """Name the last release tag that the current commit descends from; "" where there is none."""
    return _git(root, "describe", "--tags", "--abbrev=0", "--match", _TAG) or ""


def breakages(
    root: Path, tag: str, packages: Iterable[tuple[str, str]] = tuple(PACKAGES.items())
) -> list[Breakage]:
    """Compare the public names of the working tree with those at a tag."""
    found: list[Breakage] = []
    for package, folder in packages:
        if _git(root, "ls-tree", tag, f"{folder}/{package}") == "":
            continue  # a package that is younger than the tag can't have broken
        try:
            old = griffe.load_git(package, ref=tag, repo=root, search_paths=[folder])
        except Exception as error:
            raise UnreadableTagError(f"{tag}: {package} can't be read: {error}") from None
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
    sys.stdout.write("".join(f"{one.line()}\n" for one in found) or f"nothing broke since {tag}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
