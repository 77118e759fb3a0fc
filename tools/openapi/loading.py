"""Reads YAML and JSON files with the types of JSON."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import cast

import yaml


class UnusableDocumentError(Exception):
    """The file is not a usable OpenAPI document; the message is one line with the reason and the place."""


class _Loader(yaml.CSafeLoader):
    """Loads YAML with JSON's types: dates and "no" stay strings, and a duplicate key is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        """Reject duplicate keys, of which the first would silently be lost."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} is used twice", key.start_mark
                )
            seen.add(key.value)
        return cast("dict[object, object]", super().construct_mapping(node, deep))


# (tag, pattern, possible first characters) of each scalar type.
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
# PyYAML would read a leading zero as octal.
_Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(str(node.value)))


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read(path: Path) -> object:
    """Read a file; raise UnusableDocumentError if it is neither YAML nor JSON."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UnusableDocumentError(f"{path}: {error.strerror or 'unreadable'}") from None
    except UnicodeDecodeError as error:
        raise UnusableDocumentError(f"{path}: not UTF-8 at byte {error.start}") from None
    try:
        return _text_keys(_parse(text))
    except UnusableDocumentError as error:
        raise UnusableDocumentError(f"{path}: {error}") from None
    except RecursionError:
        raise UnusableDocumentError(f"{path}: nested too deeply") from None


def kind_of(value: object) -> str:
    """Name the JSON type of a value, for error messages."""
    names = {
        "dict": "an object",
        "list": "a list",
        "str": "a string",
        "NoneType": "nothing",
        "bool": "a boolean",
    }
    return names.get(type(value).__name__, "a number")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Build an object; json.loads would silently drop the first of two equal keys."""
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise UnusableDocumentError(f"the key {key!r} is used twice")
        found[key] = value
    return found


def _parse(text: str) -> object:
    if text.lstrip()[:1] in {"{", "["}:
        try:
            return json.loads(text, parse_constant=float, object_pairs_hook=_unique)
        except ValueError:
            pass  # YAML's flow style also starts with a brace
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of the safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        what = getattr(error, "problem", None) or "unreadable"
        raise UnusableDocumentError(f"not YAML{where}: {' '.join(str(what).split())}") from None
    except ValueError as error:
        raise UnusableDocumentError(f"not YAML: {error}") from None


def _text_keys(value: object) -> object:
    """Turn every key into a string: YAML's `200:` is a number."""
    if isinstance(value, dict):
        return {_key(key): _text_keys(one) for key, one in value.items()}
    return [_text_keys(one) for one in value] if isinstance(value, list) else value


def _key(key: object) -> str:
    return key if isinstance(key, str) else json.dumps(key) if isinstance(key, bool | None) else str(key)
