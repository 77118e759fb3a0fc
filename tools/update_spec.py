"""`python -m tools.update_spec FILE`: compare and vendor a new document, regenerate, and list what is left to do.

Everything is prepared beside the tree and moved into place at the end; a failure at any step leaves the tree as it was.
Exit 0: done, 2: nothing was changed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from attrs import field, frozen

from tools.facade_coverage import uses
from tools.generate import generate
from tools.normalize.document import NormalizedDocument
from tools.openapi import vendored
from tools.openapi.document import Document, UnusableDocumentError
from tools.spec_diff import UNUSABLE, changes_between, report


class UpdateError(Exception):
    """A step failed; the message is one line that says which and why."""


@frozen
class Tree:
    """The parts of a checkout that an update touches."""

    root: Path
    package: str = vendored.PACKAGE
    _undo: list[tuple[Path, Path | None]] = field(factory=list)

    @property
    def spec(self) -> Path:
        """The vendored document."""
        return self.root / "openapi" / vendored.VENDORED.name

    @property
    def source(self) -> Path:
        """The file that states its origin and checksum."""
        return self.root / "openapi" / "SOURCE"

    @property
    def generated(self) -> Path:
        """The generated package."""
        return self.root / "generated" / self.package

    @property
    def facade(self) -> Path:
        """The package of the facade."""
        return self.root / "src" / "sinch_provisioning"

    @property
    def schema(self) -> Path:
        """The published JSON Schema of desired-state files, which is derived from the request models."""
        return self.facade / "desired" / "desired-state.schema.json"

    def put(self, fresh: Path, target: Path, scratch: Path) -> None:
        """Move a file or folder into place, and remember how to undo it."""
        kept = scratch / f"kept-{len(self._undo)}"
        had = target.exists()
        if had:
            target.rename(kept)
        self._undo.append((target, kept if had else None))
        fresh.rename(target)

    def undo(self, scratch: Path) -> None:
        """Undo every move, the last one first."""
        for number, (target, kept) in enumerate(reversed(self._undo)):
            if target.exists():
                target.rename(scratch / f"failed-{number}")
            if kept is not None:
                kept.rename(target)


def unreached(functions: dict[str, str], facade: Path, package: str) -> list[str]:
    """Return the operations that no facade method uses; `functions` maps coroutines to operationIds."""
    used = {use.function for use in uses(facade, package)}
    return [f"{name} ({function})" for function, name in functions.items() if function not in used]


def orphaned(functions: dict[str, str], before: dict[str, str], facade: Path, package: str) -> list[str]:
    """Return the facade methods whose operation was removed."""
    gone = [use for use in uses(facade, package) if use.function not in functions]
    lines = [
        f"{use.owner} needs {before.get(use.function, use.function)} ({use.file}:{use.line})" for use in gone
    ]
    return list(dict.fromkeys(lines))


def functions_of(spec: Path) -> dict[str, str]:
    """Map the coroutines generated for a document to its operationIds."""
    operations = NormalizedDocument.of(Document.load(spec)).operations
    return {name: metadata.operation_id for name, metadata in operations.items()}


def update(tree: Tree, spec: Path) -> str:
    """Update the tree and return the report; UnusableDocumentError or UpdateError if nothing was changed."""
    found = changes_between(tree.spec, spec)
    before, after = functions_of(tree.spec), functions_of(spec)
    lines = [report(found).rstrip("\n")]
    # On the same file system, so that moving into place is a rename.
    with tempfile.TemporaryDirectory(dir=tree.root, prefix=".update-") as folder:
        scratch = Path(folder)
        fresh = scratch / "fresh" / tree.package
        fresh.mkdir(parents=True)
        new_spec, new_source = scratch / "spec", scratch / "source"
        new_spec.write_bytes(spec.read_bytes())
        source = vendored.updated_source(tree.source.read_text("utf-8"), new_spec, Document.load(new_spec))
        new_source.write_text(source, "utf-8")
        lines += [f"warning: {one}" for one in generate(new_spec, fresh, tree.package)]
        _try_import(fresh)
        new_schema = scratch / "schema"
        published = tree.schema.exists() and _write_schema(new_schema, fresh, tree)
        try:
            tree.put(new_spec, tree.spec, scratch)
            tree.put(new_source, tree.source, scratch)
            tree.put(fresh, tree.generated, scratch)
            if published:
                tree.put(new_schema, tree.schema, scratch)
        except BaseException:
            tree.undo(scratch)
            raise
        if tree.schema.exists() and not published:
            lines.append(f"warning: {tree.schema.name} was not updated: the facade cannot be imported")
    lines += _section("no facade method reaches", unreached(after, tree.facade, tree.package))
    lines += _section("gone, but needed by the facade", orphaned(after, before, tree.facade, tree.package))
    return "\n".join(lines)


def _section(title: str, items: list[str]) -> list[str]:
    return (
        [f"{title}: {', '.join(items) or 'nothing'}"]
        if len(items) < 2
        else [f"{title}:", *(f"  {i}" for i in items)]
    )


def _try_import(package: Path) -> None:
    """Import every module of the fresh package in a process of its own."""
    code = (
        "import importlib, pkgutil, sys; package = importlib.import_module(sys.argv[1])\n"
        "for found in pkgutil.walk_packages(package.__path__, sys.argv[1] + '.'): importlib.import_module(found.name)"
    )
    environment = {**os.environ, "PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(  # noqa: S603 - fixed code in this interpreter
        [sys.executable, "-c", code, package.name],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise UpdateError(f"the generated package cannot be imported: {done.stderr.strip().splitlines()[-1]}")


def _write_schema(target: Path, package: Path, tree: Tree) -> bool:
    """Write the schema for the fresh package; False if the facade cannot be imported with it."""
    path = os.pathsep.join([str(package.parent), str(tree.facade.parent)])
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from sinch_provisioning.desired import schema; print(schema.as_text(), end='')",
        ],
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    target.write_text(done.stdout, "utf-8")
    return done.returncode == 0


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) != 1 or not given[0]:
        sys.stderr.write("usage: make update-spec SPEC=file\n")
        return UNUSABLE
    try:
        text = update(Tree(vendored.ROOT), Path(given[0]))
    except (UnusableDocumentError, UpdateError) as error:
        sys.stderr.write(f"{error}\n")
        return UNUSABLE
    except (OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"update failed, nothing was changed: {error}\n")
        return UNUSABLE
    sys.stdout.write(f"{text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
