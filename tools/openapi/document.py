"""OpenAPI documents: validates their outline and resolves references."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast
from urllib.parse import unquote

from attrs import frozen

from tools.openapi.loading import UnusableDocumentError, kind_of, read

Node = dict[str, object]
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
# Where OpenAPI 3.2 has the operations of any other method.
_OTHER_METHODS = "additionalOperations"
_VERSION = re.compile(r"3\.[012](\.\d+)?([-.].*)?")
_SCHEMAS = "#/components/schemas/"
_ELSEWHERE = "is in another file: bundle them first with `npx @redocly/cli bundle`"
# Values of these keywords are data, so a "$ref" inside them is not a reference.
_DATA = frozenset({"example", "examples", "default", "enum", "const"})

# The keys of these maps are names, not keywords.
_NAMES = frozenset(
    [
        "properties",
        "patternProperties",
        "schemas",
        "parameters",
        "responses",
        "requestBodies",
        "headers",
        "paths",
        "callbacks",
        "securitySchemes",
        "links",
        "pathItems",
        "webhooks",
        "mapping",
        "variables",
        "content",
        "encoding",
        "$defs",
        "definitions",
    ]
)


def as_node(value: object) -> Node:
    """Return the value if it is an object, otherwise an empty one."""
    return cast("Node", value) if isinstance(value, dict) else {}


def as_nodes(value: object) -> list[Node]:
    """Return the objects of a list; anything else is skipped."""
    return [cast("Node", one) for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def pointer(place: str, key: object) -> str:
    """Append a key to a JSON pointer."""
    return f"{place}/{str(key).replace('~', '~0').replace('/', '~1')}"


def operation_place(path: str, method: str) -> str:
    """Return the JSON pointer of an operation."""
    return f"#{pointer('/paths', path)}/{method if method in METHODS else f'{_OTHER_METHODS}/{method}'}"


def walk(node: object, place: str = "#", *, named: bool = False) -> Iterator[tuple[Node, str]]:
    """Yield the objects that have keywords, with their places; neither maps of names nor examples."""
    if isinstance(node, dict):
        if not named:
            yield cast("Node", node), place
        for key, value in node.items():
            if named or not (key in _DATA or key.startswith("x-")):
                yield from walk(value, pointer(place, key), named=key in _NAMES and not named)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from walk(value, f"{place}/{index}")


def _settle_references(data: Node) -> None:
    """Make every reference to a place in the document a JSON pointer: not encoded, no `$id`, no `$anchor`."""
    places: dict[str, str] = {}
    for node, place in walk(data):
        anchors = [f"#{node[key]}" for key in ("$anchor", "$dynamicAnchor") if key in node]
        for name in [*anchors, str(node.get("$id", "")).removesuffix("#")]:
            places.setdefault(name, place)
    for node, _ in walk(data):
        ref = node.get("$ref", node.pop("$dynamicRef", None))
        if isinstance(ref, str):
            base, _, fragment = ref.partition("#")
            inside = f"{places.get(base, '#')}{unquote(fragment)}" if fragment.startswith("/") else ref
            known = base in places or base == ""
            node["$ref"] = places.get(ref.removesuffix("#")) or (inside if known else ref)


@frozen
class Document:
    """A validated document: every reference resolves, and paths and operations are objects."""

    data: Node

    @classmethod
    def load(cls, path: Path) -> Document:
        """Read YAML or JSON; raise UnusableDocumentError if it is unusable."""
        return cls.check(read(path), str(path))

    @classmethod
    def check(cls, data: object, origin: str) -> Document:
        """Validate decoded data; `origin` opens the error message."""
        if not isinstance(data, dict):
            raise UnusableDocumentError(f"{origin}: expected an OpenAPI document, not {kind_of(data)}")
        document = cls(cast("Node", data))
        _settle_references(document.data)
        for problem in document.problems():
            raise UnusableDocumentError(f"{origin}: {problem}")
        return document

    def problems(self) -> Iterator[str]:
        """Yield what makes the document unusable, with its place."""
        if "swagger" in self.data:
            yield "swagger: version 2.0 is not supported, only OpenAPI 3.0 to 3.2"
        version = self.data.get("openapi")
        if "openapi" not in self.data:
            yield "not an OpenAPI document: the openapi version is missing"
        if not isinstance(version, str | float | int) or not _VERSION.fullmatch(str(version)):
            yield f"openapi: {version!r} is not supported, only 3.0 to 3.2"
        # 3.1 allows a document without paths, which has no operations to call.
        optional = {"paths"} if {"components", "webhooks"} & set(self.data) else set()
        for name in ("info", "paths"):
            if not isinstance(self.data.get(name), dict) and not (name in optional and name not in self.data):
                yield f"{name}: expected an object"
        for path, item in as_node(self.data.get("paths")).items():
            if not isinstance(item, dict) and not path.startswith("x-"):
                yield f"{pointer('#/paths', path)}: expected an object, not {kind_of(item)}"
            for method in METHODS:
                if method in as_node(item) and not isinstance(as_node(item)[method], dict):
                    yield f"{pointer('#/paths', path)}/{method}: expected an object"
        yield from self._dangling()

    def _dangling(self) -> Iterator[str]:
        for node, place in walk(self.data):
            ref = node.get("$ref")
            if isinstance(ref, str) and self.find(ref) is None:
                what = "does not resolve" if ref.startswith("#/") else "is no $anchor of this document"
                where = what if ref.startswith("#") else _ELSEWHERE
                yield f"{place}/$ref: {ref!r} {where}"

    def find(self, ref: str) -> object:
        """Return what a reference leads to, None if nothing is there; it may be another reference."""
        node: object = self.data
        if not ref.startswith("#"):
            return None
        for part in filter(None, ref[1:].split("/")):
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(node, list) and key.isdigit() and int(key) < len(node):
                node = node[int(key)]
            elif isinstance(node, Mapping) and key in node:
                node = node[key]
            else:
                return None
        return node

    def follow(self, node: object) -> Node:
        """Resolve a node's chain of references; a cycle resolves to an empty object."""
        return self._target(node) or {}

    def is_circular(self, node: Node) -> bool:
        """Whether a node's chain of references leads back to itself."""
        return self._target(node) is None

    def _target(self, node: object) -> Node | None:
        seen: set[str] = set()
        found = as_node(node)
        while isinstance(ref := found.get("$ref"), str):
            if ref in seen:
                return None
            seen.add(ref)
            found = as_node(self.find(ref))
        return found

    @property
    def families(self) -> dict[str, tuple[Node, list[str]]]:
        """The components with a discriminator that others extend by allOf: its rule, and the references to them."""
        schemas = as_node(as_node(self.data.get("components")).get("schemas"))
        parents = {
            f"#{pointer('/components/schemas', name)}": [
                str(part["$ref"]) for part in as_nodes(as_node(schema).get("allOf")) if "$ref" in part
            ]
            for name, schema in schemas.items()
        }
        found: dict[str, list[str]] = {}
        for ref, own in parents.items():
            stack, seen = list(own), {ref}
            while stack:
                parent = stack.pop()
                if parent not in seen:
                    seen.add(parent)
                    found.setdefault(parent, []).append(ref)
                    stack += parents.get(parent, [])
        rules = {ref: as_node(self.follow({"$ref": ref}).get("discriminator")) for ref in found}
        return {ref: (rules[ref], children) for ref, children in found.items() if rules[ref]}

    def schemas_in(self, start: object, without: str = "") -> set[str]:
        """Return the names of the schemas that a node refers to, directly or not, but for what bears a mark."""
        names: set[str] = set()
        seen: set[int] = set()
        stack = [start]
        while stack:
            node = stack.pop()
            if isinstance(node, list):
                stack.extend(node)
            elif isinstance(node, dict) and id(node) not in seen and node.get(without) is not True:
                seen.add(id(node))
                ref = node.get("$ref")
                if isinstance(ref, str):
                    names.update([ref.removeprefix(_SCHEMAS)] if ref.startswith(_SCHEMAS) else [])
                    stack.append(self.follow(node))
                stack.extend(node.values())
        return names

    def operations(self) -> Iterator[tuple[str, str, Node, Node]]:
        """Yield path, method, path item and operation, in the order of the document."""
        for path, item in as_node(self.data.get("paths")).items():
            followed = {} if path.startswith("x-") else {**self.follow(item), **as_node(item)}
            others = as_node(followed.get(_OTHER_METHODS))
            for method, operation in [*((one, followed.get(one)) for one in METHODS), *others.items()]:
                if isinstance(operation, dict):
                    yield path, method, followed, cast("Node", operation)
