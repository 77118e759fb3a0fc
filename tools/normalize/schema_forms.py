"""Predicates on schemas, and constructors of normalized ones."""

from __future__ import annotations

import json

from tools.openapi.all_of import types_of
from tools.openapi.document import Node, as_node, as_nodes

NULL: Node = {"type": "null"}
FILE: Node = {"type": "string", "format": "binary"}
_FORMATS = frozenset({"date-time", "date", "uuid"})
_IMPLYING = ("properties", "additionalProperties", "patternProperties")
_NUMBER_FORMATS = {"int32": "integer", "int64": "integer", "float": "number", "double": "number"}


def nullable(plain: Node) -> Node:
    """Return the schema with null allowed."""
    if not plain or plain == NULL:
        return plain
    known = as_nodes(plain.get("oneOf"))
    return (
        {**plain, "oneOf": [*known, *([] if NULL in known else [NULL])]}
        if known
        else {"oneOf": [plain, NULL]}
    )


def alternatives(plain: Node) -> list[Node]:
    """Return the members of a normalized union, or the schema itself if it is none."""
    return as_nodes(plain.get("oneOf")) or [plain]


def without_null(plain: Node) -> Node:
    """Return the schema with null ruled out, a string if it allows nothing else: a path has no place for null."""
    others = [one for one in alternatives(plain) if one != NULL]
    return {**plain, "oneOf": others} if len(others) > 1 else others[0] if others else {"type": "string"}


def union_of(plains: list[Node]) -> Node:
    """Return the union of normalized schemas, null last; a member that allows anything absorbs the others.

    The mark of a discriminator is kept.
    """
    flat = [inner for one in plains for inner in alternatives(one)]
    distinct = list({json.dumps(one, sort_keys=True): one for one in flat}.values())
    if {} in distinct:
        return {}
    marked = next((one["description"] for one in plains if "oneOf" in one and "description" in one), None)
    ordered = [one for one in distinct if one != NULL] + [one for one in distinct if one == NULL]
    union: Node = ordered[0] if len(ordered) == 1 else {"oneOf": ordered}
    return {**union, "description": marked} if marked is not None and "oneOf" in union else union


def reference_to(name: str) -> Node:
    """Return a reference to a normalized component."""
    return {"$ref": f"#/components/schemas/{name}"}


def text_of(schema: Node) -> Node:
    """Return a string schema, keeping only a format that maps to a Python type of its own."""
    return {
        "type": "string",
        **({"format": schema["format"]} if str(schema.get("format")) in _FORMATS else {}),
    }


def described(schema: Node) -> Node:
    """Return the description, or else the title."""
    words = schema.get("description") or schema.get("title")
    return {"description": str(words)} if words else {}


def is_mapping_body(body: Node) -> bool:
    """Whether a normalized component is a mapping without properties."""
    return body.get("type") == "object" and "properties" not in body


def is_model(schema: Node) -> bool:
    """Whether a schema becomes a class with properties."""
    types, _ = types_of(schema)
    values = "const" in schema or schema.get("enum")
    fits = types in ([], ["object"]) and not has_alternatives(schema) and not values
    return fits and bool(as_node(schema.get("properties")))


def has_alternatives(schema: Node) -> bool:
    """Whether a schema has oneOf or anyOf."""
    return bool(as_nodes(schema.get("oneOf")) or as_nodes(schema.get("anyOf")))


def is_binary(schema: Node) -> bool:
    """Whether a string stands for bytes, as spelled in 3.0 or in 3.1."""
    encoded = "contentEncoding" in schema
    return schema.get("format") == "binary" or ("contentMediaType" in schema and not encoded)


def implied_type(schema: Node) -> str:
    """Infer the type of a schema that states none, "" if nothing implies one."""
    if any(key in schema for key in _IMPLYING):
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    return _NUMBER_FORMATS.get(str(schema["format"]), "string") if "format" in schema else ""


def last_word(ref: str) -> str:
    """Return the last segment of a reference."""
    return ref.rsplit("/", 1)[-1].replace("~1", "/").replace("~0", "~")
