"""Normalizes enums: strings and integers become enums of one type, anything else keeps only its type."""

from __future__ import annotations

from tools.openapi.all_of import types_of
from tools.openapi.document import Node
from tools.openapi.remarks import Remarks


def plain_values(schema: Node, place: str, remarks: Remarks) -> Node:
    """Return an enum of strings or of integers, a union of both, a boolean, or a bare type; {} keeps the type."""
    stated = schema.get("enum") if "const" not in schema else [schema["const"]]
    values = stated if isinstance(stated, list) else []
    types, _ = types_of(schema)
    texts = list(dict.fromkeys(_as_text(value) for value in values if _is_text(value, types)))
    numbers = list(dict.fromkeys(int(value) for value in values if _is_number(value, types)))
    others = [value for value in values if not _is_text(value, types) and not _is_number(value, types)]
    if len(values) == 1 and isinstance(values[0], bool) and not texts:
        return {"const": values[0]}
    if others or (numbers and "number" in types):
        kinds = sorted({type(value).__name__ for value in others or values})
        if others not in ([None], [True, False], [False, True]):
            remarks.add(place, "the enum values are {}, only their type is kept", ", ".join(kinds))
        return _only_type(values, types)
    found: list[Node] = []
    if texts:
        found.append({"type": "string", "enum": texts})
    if numbers:
        found.append({"type": "integer", "enum": numbers})
    return found[0] if len(found) == 1 else {"oneOf": found} if found else {}


def _is_text(value: object, types: list[str]) -> bool:
    # In `type: string, enum: [1, 2]` YAML turned strings into numbers: the wire has "1".
    return isinstance(value, str) or (types == ["string"] and isinstance(value, int | float))


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_number(value: object, types: list[str]) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and types != ["string"]


def _only_type(values: list[object], types: list[str]) -> Node:
    if not types and all(isinstance(value, bool) for value in values):
        return {"type": "boolean"}
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return {"type": "number"} if not types and len(numbers) == len(values) else {}
