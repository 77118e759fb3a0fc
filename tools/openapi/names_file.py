"""The names file beside a document: Python names that no renaming in the document changes.

```yaml
operations:
  GET /projects/{id}/retry:      # as in the document; names of path parameters do not matter
    name: retry_project          # the coroutine
    repeatable: false            # sending it twice does harm; by default only POST does
    slashes: [id]                # path parameters in which "/" is sent as %2F instead of refused
schemas:
  ProjectDtoV2: Project          # schema in the document: class
```
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml
from attrs import evolve, field, frozen

from tools.openapi.document import Document, as_node
from tools.openapi.loading import UnusableDocumentError, read

Place = tuple[str, str]


def place_of(method: str, path: str) -> Place:
    """Return method and path as sent, which the names of path parameters are no part of."""
    return method.lower(), re.sub(r"\{[^{}]*\}", "{}", path)


@frozen
class OperationEntry:
    """What the file says about one operation; None leaves a setting to its default."""

    method: str
    path: str
    name: str | None = None
    repeatable: bool | None = None
    slashes: tuple[str, ...] | None = None


@frozen
class NamesFile:
    """The entries of a names file; `exists` is False if a document has none."""

    operations: Mapping[Place, OperationEntry] = field(factory=dict[Place, OperationEntry])
    schemas: Mapping[str, str] = field(factory=dict[str, str])
    comment: str = ""
    exists: bool = False

    @classmethod
    def beside(cls, spec: Path) -> NamesFile:
        """Read `NAME.names.yaml` beside the document `NAME.yaml`, if it exists."""
        path = names_path(spec)
        return cls.load(path) if path.is_file() else cls()

    @classmethod
    def load(cls, path: Path) -> NamesFile:
        """Read a file; raise UnusableDocumentError if it is unusable."""
        data = read(path)
        lines = path.read_text("utf-8").splitlines()
        comment = "".join(f"{line}\n" for line in lines if line.startswith("#"))
        node = as_node(data)
        if data is not None and (not isinstance(data, dict) or set(node) - {"operations", "schemas"}):
            raise UnusableDocumentError(f"{path}: expected an object with operations and schemas")
        entries = [_entry(path, key, one) for key, one in as_node(node.get("operations")).items()]
        classes = as_node(node.get("schemas"))
        for name, given in classes.items():
            if not isinstance(given, str) or not given.isidentifier():
                raise UnusableDocumentError(f"{path}: schemas.{name}: expected a class name, not {given!r}")
        places = {place_of(one.method, one.path): one for one in entries}
        for kind, names in (
            ("schemas", [str(one) for one in classes.values()]),
            ("operations", [one.name for one in places.values() if one.name]),
        ):
            for name in {name for name in names if names.count(name) > 1}:
                raise UnusableDocumentError(f"{path}: {kind}: the name {name} is used twice")
        return cls(places, {name: str(given) for name, given in classes.items()}, comment, exists=True)

    def operation(self, method: str, path: str) -> OperationEntry:
        """Return the entry of an operation, an empty one if there is none."""
        return self.operations.get(place_of(method, path)) or OperationEntry(method, path)

    def unused(self, document: Document) -> Iterator[str]:
        """Yield the entries that match nothing in a document."""
        places = {place_of(method, path) for path, method, _, _ in document.operations()}
        for place, entry in self.operations.items():
            if place not in places:
                yield f"{entry.method.upper()} {entry.path}"
        schemas = as_node(as_node(document.data.get("components")).get("schemas"))
        yield from (name for name in self.schemas if name not in schemas)

    def with_operation(self, entry: OperationEntry) -> NamesFile:
        """Return a copy with one entry added or replaced."""
        return evolve(self, operations={**self.operations, place_of(entry.method, entry.path): entry})

    def with_schema(self, name: str, given: str) -> NamesFile:
        """Return a copy in which a schema has the class `given`, in place of any other schema."""
        kept = {key: one for key, one in self.schemas.items() if one != given}
        return evolve(self, schemas={**kept, name: given})

    def text(self) -> str:
        """Return the file's content."""
        operations: dict[str, object] = {}
        for entry in self.operations.values():
            stated: dict[str, object] = {"name": entry.name, "repeatable": entry.repeatable}
            stated["slashes"] = None if entry.slashes is None else list(entry.slashes)
            operations[f"{entry.method.upper()} {entry.path}"] = {
                key: one for key, one in stated.items() if one is not None
            }
        data = {"operations": operations, "schemas": dict(self.schemas)}
        return self.comment + yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=1000)


def names_path(spec: Path) -> Path:
    """Return where the names file of a document is."""
    return spec.with_name(f"{spec.stem}.names.yaml")


def _entry(path: Path, key: str, data: object) -> OperationEntry:
    node = as_node(data)
    place = f"{path}: operations.{key}"
    method, _, route = key.partition(" ")
    if not route.startswith("/"):
        raise UnusableDocumentError(f"{place}: expected a method and a path, as in `GET /things`")
    if not isinstance(data, dict) or set(node) - {"name", "repeatable", "slashes"}:
        raise UnusableDocumentError(f"{place}: expected an object with name, repeatable or slashes")
    name, repeatable, slashes = node.get("name"), node.get("repeatable"), node.get("slashes")
    if name is not None and not (isinstance(name, str) and name.isidentifier()):
        raise UnusableDocumentError(f"{place}.name: expected the name of a coroutine, not {name!r}")
    if repeatable is not None and not isinstance(repeatable, bool):
        raise UnusableDocumentError(f"{place}.repeatable: expected true or false, not {repeatable!r}")
    if slashes is not None and not isinstance(slashes, list):
        raise UnusableDocumentError(f"{place}.slashes: expected a list of path parameters")
    allowed = None if slashes is None else tuple(str(one) for one in slashes)
    return OperationEntry(method.lower(), route, name, repeatable, allowed)
