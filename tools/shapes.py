"""Small questions about schemas, and the plain forms they come to."""

from __future__ import annotations

import json

from tools.document import Node, as_node, as_nodes
from tools.merging import types_of

NULL: Node = {"type": "null"}
FILE: Node = {"type": "string", "format": "binary"}
_FORMATS = frozenset({"date-time", "date", "uuid"})
_IMPLYING = ("properties", "additionalProperties", "patternProperties")
_NUMBER_FORMATS = {"int32": "integer", "int64": "integer", "float": "number", "double": "number"}


def nullable(plain: Node) -> Node:
    """Allow null besides."""
    if not plain or plain == NULL:
        return plain
    known = as_nodes(plain.get("oneOf")) or [plain]
    return {"oneOf": [*known, *([] if NULL in known else [NULL])]}


def union_of(plains: list[Node]) -> Node:
    """Allow any of several plain schemas, null last; anything where one allows that."""
    flat = [inner for one in plains for inner in (as_nodes(one.get("oneOf")) or [one])]
    distinct = list({json.dumps(one, sort_keys=True): one for one in flat}.values())
    if {} in distinct:
        return {}
    ordered = [one for one in distinct if one != NULL] + [one for one in distinct if one == NULL]
    return ordered[0] if len(ordered) == 1 else {"oneOf": ordered}


def reference_to(name: str) -> Node:
    """Refer to a plain component."""
    return {"$ref": f"#/components/schemas/{name}"}


def text_of(schema: Node) -> Node:
    """Make a plain string, of a format that is read as another type if it has one."""
    return {"type": "string", **({"format": schema["format"]} if schema.get("format") in _FORMATS else {})}


def described(schema: Node) -> Node:
    """Take over a description, or a title in its place."""
    words = schema.get("description") or schema.get("title")
    return {"description": str(words)} if words else {}


def is_mapping_body(body: Node) -> bool:
    """Whether a plain component is one that mappings share."""
    return body.get("type") == "object" and "properties" not in body


def is_model(schema: Node) -> bool:
    """Whether a schema becomes a class with properties."""
    types, _ = types_of(schema)
    values = "const" in schema or schema.get("enum")
    fits = types in ([], ["object"]) and not has_alternatives(schema) and not values
    return fits and bool(as_node(schema.get("properties")))


def has_alternatives(schema: Node) -> bool:
    """Whether a schema lists others."""
    return bool(as_nodes(schema.get("oneOf")) or as_nodes(schema.get("anyOf")))


def is_binary(schema: Node) -> bool:
    """Whether a string stands for bytes, in the words of 3.0 or of 3.1."""
    encoded = "contentEncoding" in schema
    return schema.get("format") == "binary" or ("contentMediaType" in schema and not encoded)


def implied_type(schema: Node) -> str:
    """Guess the type of a schema that has none, "" where nothing hints at it."""
    if any(key in schema for key in _IMPLYING):
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    return _NUMBER_FORMATS.get(str(schema["format"]), "string") if "format" in schema else ""


def last_word(ref: str) -> str:
    """Give the name at the end of a reference."""
    return ref.rsplit("/", 1)[-1].replace("~1", "/").replace("~0", "~")
