"""`python -m tools.generate`: generate the low-level packages of the vendored documents, or one from any document.

Whatever is dropped or loosened is a warning with its place in the document, the most important ones first. Of many
that are alike the first one is shown; the last line counts all.
Exit 0: done, 1: `--check` found a difference, 2: the document is unusable.
"""

from __future__ import annotations

import argparse
import filecmp
import keyword
import sys
import tempfile
from pathlib import Path

from tools.codegen.package import PackageBuilder
from tools.normalize.document import NormalizedDocument
from tools.openapi.document import Document
from tools.openapi.loading import UnusableDocumentError, sha256
from tools.openapi.names_file import NamesFile
from tools.openapi.remarks import Remarks
from tools.openapi.vendored import APIS, PACKAGE, ROOT, SOURCE, VENDORED, stated_sha256


def generate(spec: Path, folder: Path, package: str, names: NamesFile | None = None) -> Remarks:
    """Write the package for a document into an empty folder and return what was dropped or loosened.

    `names` is by default the names file beside the document.
    """
    given = NamesFile.beside(spec) if names is None else names
    document = Document.load(spec)
    try:
        normalized = NormalizedDocument.of(document, given)
        written, stated = PackageBuilder(normalized, package).build(folder), len(list(document.operations()))
    except RecursionError:
        raise UnusableDocumentError(f"{spec}: its schemas are nested too deeply") from None
    if len(written) != stated:
        raise UnusableDocumentError(
            f"{spec}: of its {stated} operations the package would have {len(written)}"
        )
    return normalized.remarks


def replace(target: Path, spec: Path, package: str) -> Remarks:
    """Generate beside the target, then swap, so that a failure leaves the old package in place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{package}-") as scratch:
        fresh, old = Path(scratch) / package, Path(scratch) / "old"
        fresh.mkdir()
        remarks = generate(spec, fresh, package)
        if target.exists():
            target.rename(old)
        try:
            fresh.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    return remarks


def differences(one: Path, other: Path) -> list[str]:
    """Return the names of files that differ between two folders."""

    def files(folder: Path) -> set[str]:
        found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {path.relative_to(folder).as_posix() for path in found}

    mine, theirs = files(one), files(other)
    return sorted(
        name
        for name in mine | theirs
        if name not in mine or name not in theirs or not filecmp.cmp(one / name, other / name, shallow=False)
    )


def check(committed: Path, spec: Path, source: Path) -> list[str]:
    """Compare the committed package with a fresh one, and the document with its checksum."""
    problems = []
    if stated_sha256(source.read_text("utf-8"), spec.name) != sha256(spec):
        problems.append(f"{spec.name}: its sha256 differs from the one in {source.name}")
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch) / committed.name
        fresh.mkdir()
        generate(spec, fresh, committed.name)
        problems += [f"{committed.name}/{name}: differs" for name in differences(committed, fresh)]
    return problems


def _check_vendored() -> int:
    problems = [
        problem
        for api in APIS.values()
        for problem in check(ROOT / "generated" / api.package, api.spec, SOURCE)
    ]
    sys.stdout.write("".join(f"{problem}\n" for problem in problems))
    return 1 if problems else 0


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="generate", description=__doc__.split("\n", 1)[0] if __doc__ else None
    )
    parser.add_argument("--spec", type=Path, help="an OpenAPI document; by default both vendored ones")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "generated", help="the folder to put the package into"
    )
    parser.add_argument("--package", help="the package's name")
    parser.add_argument("--check", action="store_true", help="compare the committed packages with fresh ones")
    parser.add_argument(
        "--every-warning", action="store_true", help="show each warning of those that are alike"
    )
    given = parser.parse_args(arguments)
    package = given.package or PACKAGE
    if not package.isidentifier() or keyword.iskeyword(package):
        parser.error(f"{package!r} is not a valid package name")
    wanted = [(given.spec or VENDORED, package)]
    if given.spec is None and given.package is None:
        wanted = [(api.spec, api.package) for api in APIS.values()]
    try:
        if given.check:
            return _check_vendored()
        for spec, name in wanted:
            remarks = replace(given.out / name, spec, name)
            sys.stdout.write(
                "".join(f"warning: {line}\n" for line in remarks.lines(every=given.every_warning))
            )
            sys.stdout.write(f"{given.out / name}: generated, {len(remarks.found)} warnings\n")
    except UnusableDocumentError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
