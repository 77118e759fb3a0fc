"""The JSON schema of a desired-state file, built from the request models: new properties need no edit here.

`sinch-provisioning schema` prints it; `desired-state.schema.json` is that output, for editors.
"""

from __future__ import annotations

import json
import types
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any, Final, Literal, Required, Union, get_args, get_origin, get_type_hints, is_typeddict

from .kinds import APIS, DEFAULT_API, Kind, kinds
from .state import CREDENTIALS

FILE_NAME: Final = "desired-state.schema.json"

Schema = dict[str, object]

_TEXT: Final[Schema] = {"type": "string"}
_NAME: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 1000}
_API: Final[Schema] = {
    "description": "The API that has the senders: 1.0 is the vendored document's, 1.2 Sinch's own.",
    "type": "string",
    "enum": list(APIS),
}
_SECRET: Final[Schema] = {"$ref": "#/$defs/secret"}
_SCALARS: Final[dict[object, Schema]] = {
    str: _TEXT,
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
}


def document() -> Schema:
    """Build the schema from the models; what is published was built so, and is quicker to read."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Desired senders of the Sinch Provisioning API",
        **_chosen("state", DEFAULT_API),
        "$defs": {
            "secret": {
                "description": "A secret: {env: NAME}, {file: PATH}, or literal text with --allow-inline-secrets.",
                "type": ["object", "string"],
                "properties": {"env": _NAME, "file": _NAME},
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 1,
                "minLength": 1,
            },
            **{name: schema for api in APIS for name, schema in _definitions(api).items()},
        },
    }


def _definitions(api: str) -> Schema:
    channels: Schema = {
        name: {"type": "array", "items": {"$ref": _place(name, api), "required": [kind.key.split(".")[0]]}}
        for name, kind in kinds(api).items()
    }
    credentials = _object({"key_id": _SECRET, "key_secret": _SECRET}, "key_id", "key_secret")
    state = {
        "$schema": _TEXT,
        "version": {"const": 1, "description": "The version of this format."},
        "api": _API,
        "defaults": {"$ref": _place("defaults", api)},
        **channels,
        "projects": {
            "description": "Senders of projects other than the client's, by project id.",
            "type": "object",
            "additionalProperties": _chosen("project", api),
        },
    }
    common: Schema = {
        name: {
            "description": f"Fields of every {name} sender that does not set them.",
            "$ref": _place(name, api),
        }
        for name, kind in kinds(api).items()
        if kind.progress is not None
    }
    found: Schema = {
        "state": _object(state, "version"),
        "project": _object({"api": _API, "credentials": credentials, **channels}),
        "defaults": _object(common),
        **{name: _object(_of(kind)) for name, kind in kinds(api).items()},
    }
    return {_place(name, api).removeprefix("#/$defs/"): schema for name, schema in found.items()}


def _place(name: str, api: str) -> str:
    return f"#/$defs/{name}" if api == DEFAULT_API else f"#/$defs/{name}-{api}"


def _chosen(name: str, default: str) -> Schema:
    """Return the definition that `api` asks for, where there is none that of the API `default`."""
    schema: Schema = {"$ref": _place(name, default)}
    for api in APIS:
        if api != default:
            asked: Schema = {"properties": {"api": {"const": api}}, "required": ["api"]}
            schema = {"if": asked, "then": {"$ref": _place(name, api)}, "else": schema}
    return schema


def _of(kind: Kind) -> Schema:
    launch: Schema = {"type": "boolean", "description": "Submit the sender to the carriers for approval."}
    fields = _fields(kind.fields, kind.key)
    return fields if kind.progress is None else {**fields, "launch": launch}


def _fields(fields: type, key: str = "") -> Schema:
    """Return the schemas of a request's properties; `key` is the natural key among or inside of them."""
    head, _, rest = key.partition(".")
    found: Schema = {}
    for name, hint in get_type_hints(fields).items():
        found[name] = _NAME if name == head and not rest else _type(hint, rest if name == head else "")
    if CREDENTIALS in found:
        found[CREDENTIALS] = {"type": "object", "minProperties": 1, "additionalProperties": _SECRET}
    return found


def _type(hint: Any, key: str = "") -> Schema:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        # A nested body is a model or a mapping; a file has the mapping.
        given = [_type(each, key) for each in arguments if not _is_class(each)]
        return given[0] if len(given) == 1 else {"anyOf": given}
    if origin is Literal:
        return {"type": "string", "enum": list(arguments)}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object"}
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return {"type": "array", "items": _type(arguments[0])}
    if is_typeddict(hint):
        hints = get_type_hints(hint, include_extras=True)
        return _object(_fields(hint, key), *(name for name in hints if get_origin(hints[name]) is Required))
    return _SCALARS.get(hint, {})


def _is_class(hint: object) -> bool:
    return isinstance(hint, type) and not is_typeddict(hint) and hint not in _SCALARS


def _object(properties: Schema, *required: str) -> Schema:
    shape: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return {**shape, "required": list(required)} if required else shape


def published() -> str:
    """Return the schema file shipped with this package."""
    return resources.files(__name__.rpartition(".")[0]).joinpath(FILE_NAME).read_text(encoding="utf-8")


def as_text() -> str:
    """Return the schema as JSON text."""
    return json.dumps(document(), indent=2) + "\n"
