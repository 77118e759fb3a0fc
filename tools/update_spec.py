"""`python -m tools.update_spec FILE [--api 1.2]`: compare, vendor and regenerate.

Everything is prepared beside the tree and moved into place at the end; a failure at any step leaves the tree as it was.
Exit 0: done, 2: nothing was changed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from attrs import evolve, field, frozen

from tools.differ.document_changes import compare
from tools.differ.matching import Matching
from tools.facade_coverage import exported, uses
from tools.generate import generate
from tools.normalize.document import NormalizedDocument
from tools.openapi import vendored
from tools.openapi.document import Document, as_node
from tools.openapi.loading import UnusableDocumentError
from tools.openapi.names_file import NamesFile, OperationEntry, names_path, place_of
from tools.openapi.vendored import APIS, Api
from tools.spec_diff import UNUSABLE, report


class UpdateError(Exception):
    """A step failed; the message is one line that says which and why."""


@frozen
class Tree:
    """The parts of a checkout that an update touches."""

    root: Path
    api: Api = APIS["1.0"]
    _undo: list[tuple[Path, Path | None]] = field(factory=list)

    @property
    def spec(self) -> Path:
        """The vendored document."""
        return self.root / "openapi" / self.api.file

    @property
    def source(self) -> Path:
        """The file that states its origin and checksum."""
        return self.root / "openapi" / "SOURCE"

    @property
    def generated(self) -> Path:
        """The generated package."""
        return self.root / "generated" / self.api.package

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


@frozen
class Revision:
    """A new document with the names file that keeps the Python names of the old one."""

    old: Document
    new: Document
    names: NamesFile
    before: NormalizedDocument
    after: NormalizedDocument
    renamed: list[str]

    @classmethod
    def of(cls, old: Document, new: Document, names: NamesFile) -> Revision:
        """Carry the names over to the new document."""
        before = NormalizedDocument.of(old, names)
        matching = Matching.of(old, new)
        functions = {place_of(one.method, one.path): one.function for one in before.operations.values()}
        kept = NamesFile(comment=names.comment, exists=True)
        renamed: list[str] = []
        for one, other in matching.pairs:
            entry = evolve(names.operation(one.method, one.path), method=other.method, path=other.path)
            function = functions[one.place]
            if one.name != other.name and "operationId" in one.node:
                renamed.append(f"{one.name} is now {other.name}, still {function}()")
                entry = evolve(entry, name=function)
            if entry != OperationEntry(other.method, other.path):
                kept = kept.with_operation(entry)
        for name, given in names.schemas.items():
            kept = kept.with_schema(matching.schemas.get(name, name), given)
        for name, other_name in matching.schemas.items():
            if name in before.classes:
                renamed.append(f"{name} is now {other_name}, still the class {before.classes[name]}")
                kept = kept.with_schema(other_name, before.classes[name])
        schemas = as_node(as_node(new.data.get("components")).get("schemas"))
        kept = evolve(kept, schemas={name: one for name, one in kept.schemas.items() if name in schemas})
        return cls(old, new, kept, before, NormalizedDocument.of(new, kept), renamed)


def unreached(revision: Revision, facade: Path, package: str) -> list[str]:
    """Return the operations that no facade method uses."""
    used = {use.name for use in uses(facade, package)}
    operations = revision.after.operations
    return [f"{one.operation_id} ({name})" for name, one in operations.items() if name not in used]


def orphaned(revision: Revision, facade: Path, package: str, exports: set[str]) -> list[str]:
    """Return the places of the facade that need a coroutine or type which is gone."""
    operations = revision.before.operations
    lines = [
        f"{use.owner} needs {operations[use.name].operation_id if use.name in operations else use.name}"
        f" ({use.file}:{use.line})"
        for use in uses(facade, package)
        if use.name not in exports
    ]
    return list(dict.fromkeys(lines))


def update(tree: Tree, spec: Path) -> str:
    """Update the tree and return the report; UnusableDocumentError or UpdateError if nothing was changed."""
    old_names = NamesFile.beside(tree.spec)
    revision = Revision.of(Document.load(tree.spec), Document.load(spec), old_names)
    found = compare(revision.old, revision.new, stable_names=True)
    lines = [report(found).rstrip("\n")]
    # On the same file system, so that moving into place is a rename.
    with tempfile.TemporaryDirectory(dir=tree.root, prefix=".update-") as folder:
        scratch = Path(folder)
        fresh = scratch / "fresh" / tree.api.package
        fresh.mkdir(parents=True)
        new_spec, new_source, new_names = scratch / "spec", scratch / "source", scratch / "names"
        new_spec.write_bytes(spec.read_bytes())
        source = tree.source.read_text("utf-8")
        source = vendored.updated_source(source, tree.api.file, new_spec, revision.new)
        new_source.write_text(source, "utf-8")
        new_names.write_text(revision.names.text(), "utf-8")
        remarks = generate(new_spec, fresh, tree.api.package, revision.names)
        lines += [f"warning: {one}" for one in remarks.lines()]
        _try_import(fresh)
        exports = exported(fresh)
        new_schema = scratch / "schema"
        published = tree.schema.exists() and _write_schema(new_schema, fresh, tree)
        try:
            tree.put(new_spec, tree.spec, scratch)
            tree.put(new_source, tree.source, scratch)
            if revision.names != old_names:
                tree.put(new_names, names_path(tree.spec), scratch)
            tree.put(fresh, tree.generated, scratch)
            if published:
                tree.put(new_schema, tree.schema, scratch)
        except BaseException:
            tree.undo(scratch)
            raise
        if tree.schema.exists() and not published:
            lines.append(f"warning: {tree.schema.name} was not updated: the facade cannot be imported")
    package = tree.api.package
    lines += _section("renamed", revision.renamed)
    lines += _section("no facade method reaches", unreached(revision, tree.facade, package))
    lines += _section("gone, but needed by the facade", orphaned(revision, tree.facade, package, exports))
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
    parser = argparse.ArgumentParser(
        prog="update_spec", description=__doc__.split("\n", 1)[0] if __doc__ else None
    )
    parser.add_argument("spec", type=Path, help="the new OpenAPI document")
    parser.add_argument("--api", choices=APIS, default="1.0", help="which vendored document it replaces")
    given = parser.parse_args(arguments)
    if given.spec == Path():
        parser.error("SPEC is empty: make update-spec SPEC=file")
    try:
        text = update(Tree(vendored.ROOT, APIS[given.api]), given.spec)
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
