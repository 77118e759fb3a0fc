"""An OpenAPI document: read, checked, and followed along its references."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast
from urllib.parse import unquote

import yaml
from attrs import frozen

Node = dict[str, object]
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_VERSION = re.compile(r"3\.[01](\.\d+)?([-.].*)?")
# What is under these names is data, in which a "$ref" means nothing.
_DATA = frozenset({"example", "examples", "default", "enum", "const"})


class UnusableDocumentError(Exception):
    """A file that is no usable OpenAPI document; the message is one line that says what and where."""


class _Loader(yaml.CSafeLoader):
    """YAML as JSON has it: dates and "no" stay strings, a key that comes twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        """Refuse doubles, which would drop the first one in silence."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} comes twice", key.start_mark
                )
            seen.add(key.value)
        return cast("dict[object, object]", super().construct_mapping(node, deep))


# Every scalar's first character -> which of these it may be.
_KINDS = [
    ("tag:yaml.org,2002:bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("tag:yaml.org,2002:null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:int", r"^[-+]?[0-9]+$", "-+0123456789"),
    (
        "tag:yaml.org,2002:float",
        r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$",
        "-+.0123456789",
    ),
    ("tag:yaml.org,2002:merge", r"^<<$", "<"),
]
_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in _KINDS:
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))
# PyYAML's own takes a leading zero for octal.
_Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(str(node.value)))


def sha256(path: Path) -> str:
    """Hash a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def as_node(value: object) -> Node:
    """Take an object of the document; anything else reads as an empty one."""
    return cast("Node", value) if isinstance(value, dict) else {}


def as_nodes(value: object) -> list[Node]:
    """Take a list of objects; what is no object is passed over."""
    return [cast("Node", one) for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def pointer(place: str, key: object) -> str:
    """Go one step further down a JSON pointer."""
    return f"{place}/{str(key).replace('~', '~0').replace('/', '~1')}"


@frozen
class Document:
    """A checked document: every reference leads somewhere, paths and operations are objects."""

    data: Node

    @classmethod
    def load(cls, path: Path) -> Document:
        """Read YAML or JSON; UnusableDocumentError in one line where it won't do."""
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except OSError as error:
            raise UnusableDocumentError(f"{path}: {error.strerror or 'unreadable'}") from None
        except UnicodeDecodeError as error:
            raise UnusableDocumentError(f"{path}: not UTF-8 at byte {error.start}") from None
        try:
            return cls.check(_parse(text), str(path))
        except RecursionError:
            raise UnusableDocumentError(f"{path}: nested too deep") from None

    @classmethod
    def check(cls, data: object, origin: str) -> Document:
        """Take decoded data as a document."""
        if isinstance(data, str | UnusableDocumentError):
            raise UnusableDocumentError(
                f"{origin}: {data if isinstance(data, Exception) else 'not an object'}"
            )
        node = _text_keys(data)
        if not isinstance(node, dict):
            raise UnusableDocumentError(f"{origin}: not an OpenAPI document but {_kind(node)}")
        document = cls(cast("Node", node))
        for problem in document.problems():
            raise UnusableDocumentError(f"{origin}: {problem}")
        return document

    def problems(self) -> Iterator[str]:
        """Say what makes the document unusable, and where."""
        if "swagger" in self.data:
            yield "swagger: version 2.0 is not supported, only OpenAPI 3.0 and 3.1"
        version = self.data.get("openapi")
        if "openapi" not in self.data:
            yield "not an OpenAPI document: it has no openapi version"
        if not isinstance(version, str | float | int) or not _VERSION.fullmatch(str(version)):
            yield f"openapi: {version!r} is not supported, only 3.0 and 3.1"
        # 3.1 allows a document without paths, which has no operations to call.
        optional = {"paths"} if {"components", "webhooks"} & set(self.data) else set()
        for name in ("info", "paths"):
            if not isinstance(self.data.get(name), dict) and not (name in optional and name not in self.data):
                yield f"{name}: an object is needed"
        for path, item in as_node(self.data.get("paths")).items():
            if not isinstance(item, dict) and not path.startswith("x-"):
                yield f"{pointer('#/paths', path)}: an object is needed, not {_kind(item)}"
            for method in METHODS:
                if method in as_node(item) and not isinstance(as_node(item)[method], dict):
                    yield f"{pointer('#/paths', path)}/{method}: an object is needed"
        yield from self._dangling(self.data, "#")

    def _dangling(self, node: object, place: str, named: bool = False) -> Iterator[str]:
        if isinstance(node, dict):
            ref = node.get("$ref")
            if isinstance(ref, str) and not named and self._find(ref) is None:
                yield f"{place}/$ref: {ref!r} leads nowhere"
            for key, value in node.items():
                # In a map of names ("properties", "schemas") a name is no keyword.
                if named or not (key in _DATA or key.startswith("x-")):
                    yield from self._dangling(value, pointer(place, key), key in _NAMES and not named)
        elif isinstance(node, list):
            for index, value in enumerate(node):
                yield from self._dangling(value, f"{place}/{index}")

    def _find(self, ref: str) -> object:
        node: object = self.data
        if not ref.startswith("#"):
            return None
        for part in filter(None, unquote(ref[1:]).split("/")):
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(node, list) and key.isdigit() and int(key) < len(node):
                node = node[int(key)]
            elif isinstance(node, Mapping) and key in node:
                node = node[key]
            else:
                return None
        return node

    def follow(self, node: object) -> Node:
        """Give what a node is or refers to, over any number of references; a circle reads as empty."""
        seen: set[str] = set()
        found = as_node(node)
        while isinstance(ref := found.get("$ref"), str):
            if ref in seen:
                return {}
            seen.add(ref)
            found = as_node(self._find(ref))
        return found

    def operations(self) -> Iterator[tuple[str, str, Node, Node]]:
        """Give path, method, path item and operation, in the document's order."""
        for path, item in as_node(self.data.get("paths")).items():
            followed = {} if path.startswith("x-") else self.follow(item)
            for method in METHODS:
                if isinstance(followed.get(method), dict):
                    yield path, method, followed, as_node(followed[method])


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


def _parse(text: str) -> object:
    if text.lstrip()[:1] in {"{", "["}:
        try:
            return json.loads(text, parse_constant=float)
        except ValueError:
            pass  # YAML's flow style starts like JSON as well
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of the safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        what = getattr(error, "problem", None) or "unreadable"
        return UnusableDocumentError(f"not YAML{where}: {' '.join(str(what).split())}")
    except ValueError as error:
        return UnusableDocumentError(f"not YAML: {error}")


def _text_keys(value: object) -> object:
    """Spell every key as JSON would: YAML's `200:` is a number."""
    if isinstance(value, dict):
        return {_key(key): _text_keys(one) for key, one in value.items()}
    return [_text_keys(one) for one in value] if isinstance(value, list) else value


def _key(key: object) -> str:
    return key if isinstance(key, str) else json.dumps(key) if isinstance(key, bool | None) else str(key)


def _kind(value: object) -> str:
    names = {"dict": "an object", "list": "a list", "str": "a string", "NoneType": "nothing"}
    return names.get(type(value).__name__, "a number")
