"""JSON Schemas of the document: validation, known properties, sample values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Protocol, cast

import attrs
from jsonschema import Draft202012Validator, FormatChecker, validators
from jsonschema.exceptions import ValidationError
from referencing.jsonschema import DRAFT202012, SchemaRegistry

from .messages import Json, JsonObject

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")

formats = FormatChecker(formats=("date", "email", "ipv4", "ipv6", "regex", "uuid"))


@formats.checks("uri")
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or _URI.fullmatch(value) is not None


@formats.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    if not isinstance(value, str):
        return True
    if _DATE_TIME.fullmatch(value) is None:
        return False
    datetime.fromisoformat(value.upper())
    return True


# Forms that are filled in bit by bit fit several branches of a oneOf: as in real servers, one that fits is enough.
_Lenient = cast(
    "type[Draft202012Validator]",
    validators.extend(Draft202012Validator, {"oneOf": Draft202012Validator.VALIDATORS["anyOf"]}),  # type: ignore[no-untyped-call]  # pyright: ignore[reportUnknownMemberType]
)


class _Validator(Protocol):
    """The part of jsonschema's validators that is used."""

    def iter_errors(self, instance: Json, /) -> Iterator[ValidationError]: ...


@attrs.frozen
class Violation:
    """One validation error: a dotted property path (empty for the value itself) and the reason."""

    property: str
    reason: str


class Schema:
    """One schema of the document; references are resolved."""

    def __init__(self, document: JsonObject, node: JsonObject) -> None:
        """`node` may contain references into `document`."""
        self._document = document
        # With a URI for the document, "#/components/..." resolves from any node.
        resource = DRAFT202012.create_resource(document)
        registry = SchemaRegistry().with_resource("urn:document", resource)
        self._node = resolve(document, node)
        self._validator: _Validator = _Lenient(
            as_object(_absolute(self._node)), registry=registry, format_checker=formats
        )
        self.properties: tuple[str, ...] = tuple(self._properties(self._node))
        self.kind = self._node.get("type")
        self._listed: tuple[str, Schema] | None = None

    def _properties(self, node: JsonObject) -> dict[str, JsonObject]:
        found: dict[str, JsonObject] = {}
        for part in ("allOf", "anyOf", "oneOf"):
            for branch in as_list(node.get(part)):
                found |= self._properties(resolve(self._document, as_object(branch)))
        for name, schema in as_object(node.get("properties")).items():
            found[name] = resolve(self._document, as_object(schema))
        return found

    def list_property(self) -> tuple[str, Schema] | None:
        """Return name and item schema of the only array of objects, which makes this a list reply, or None.

        The name is empty if the reply itself is the array.
        """
        if self._listed is None:
            nodes = {"": self._node} if self.kind == "array" else self._properties(self._node)
            arrays = [(name, node) for name, node in nodes.items() if node.get("type") == "array"]
            if len(arrays) == 1:
                name, node = arrays[0]
                items = Schema(self._document, as_object(node.get("items")))
                self._listed = (name, items) if items.properties else None
        return self._listed

    def violations(self, value: Json) -> list[Violation]:
        """Return all validation errors, sorted by property."""
        found = [
            Violation(_place(error), error.message[:200]) for error in self._validator.iter_errors(value)
        ]
        return sorted(found, key=lambda violation: violation.property)

    def at(self, *names: str) -> Schema:
        """Return the schema of a nested property; KeyError if there is none."""
        schema = self
        for name in names:
            schema = Schema(self._document, schema._properties(schema._node)[name])
        return schema

    def unknown(self, value: Json, place: str = "") -> list[Violation]:
        """Return the properties of a value, at any depth, that the schema does not have."""
        return list(self._unknown(self._node, value, place))

    def _unknown(self, node: JsonObject, value: Json, place: str) -> Iterator[Violation]:
        if isinstance(value, list):
            items = resolve(self._document, as_object(node.get("items")))
            for index, item in enumerate(value):
                yield from self._unknown(items, item, f"{place}.{index}")
        known = self._properties(node)
        # An object without properties of its own takes any.
        for name, inner in as_object(value).items() if known else ():
            path = f"{place}.{name}".removeprefix(".")
            if name in known:
                yield from self._unknown(known[name], inner, path)
            else:
                yield Violation(path, f"property {name} should not exist")

    def completed(self, fields: JsonObject) -> JsonObject:
        """Return the fields that the schema has, with samples for missing required ones."""
        shown: JsonObject = {name: fields[name] for name in self.properties if name in fields}
        for required in as_list(self._node.get("required")):
            if isinstance(required, str) and required not in shown:
                shown[required] = sample(self._document, self._properties(self._node).get(required, {}))
        return shown


def sample(document: JsonObject, node: JsonObject) -> Json:
    """Return the simplest valid value: const, default, example, first enum value, or an empty one."""
    node = resolve(document, node)
    for keyword in ("const", "default", "example"):
        if keyword in node:
            return node[keyword]
    for keyword in ("examples", "enum"):
        choices = as_list(node.get(keyword))
        if choices:
            return choices[0]
    kind = node.get("type")
    if isinstance(kind, list):
        kind = kind[0] if kind else None
    if kind == "object":
        properties = as_object(node.get("properties"))
        return {
            name: sample(document, as_object(properties.get(name)))
            for name in as_list(node.get("required"))
            if isinstance(name, str)
        }
    minimum = node.get("minimum", 0)
    number = minimum if isinstance(minimum, int) else 0
    text = {"date-time": "1970-01-01t00:00:00.000Z", "uri": "https://example.com/", "date": "1970-01-01"}
    length = node.get("minLength", 0)
    plain = text.get(str(node.get("format")), "x" * length if isinstance(length, int) else "")
    simplest: JsonObject = {
        "string": plain,
        "integer": number,
        "number": number,
        "boolean": False,
        "array": [],
    }
    return simplest.get(str(kind))


def resolve(document: JsonObject, node: JsonObject) -> JsonObject:
    """Follow local references from a node; ValueError if they lead nowhere."""
    seen: set[str] = set()
    while isinstance(pointer := node.get("$ref"), str):
        if not pointer.startswith("#/") or pointer in seen:
            raise ValueError(f"the reference {pointer} can't be resolved")
        seen.add(pointer)
        target: Json = document
        for part in pointer[2:].split("/"):
            target = as_object(target).get(part.replace("~1", "/").replace("~0", "~"))
        if not isinstance(target, dict):
            raise ValueError(f"the reference {pointer} has no target")
        node = target
    return node


def _absolute(node: Json) -> Json:
    """Return the same schema with absolute references."""
    if isinstance(node, list):
        return [_absolute(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: f"urn:document{value}"
        if key == "$ref" and isinstance(value, str) and value.startswith("#")
        else _absolute(value)
        for key, value in node.items()
    }


def _place(error: ValidationError) -> str:
    path = [str(part) for part in error.absolute_path]
    instance = cast("Json", error.instance)
    if error.validator == "required" and isinstance(instance, dict):
        missing = [name for name in cast("list[str]", error.validator_value) if name not in instance]
        # jsonschema reports each missing name separately, and only in the message.
        path += [name for name in missing if repr(name) in error.message][:1]
    return ".".join(path)


def as_object(value: Json) -> JsonObject:
    """Return the value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Json) -> list[Json]:
    """Return the value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []
