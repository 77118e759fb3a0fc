"""The JSON schema of a desired-state file, built from the request models, so that new properties need no edit here.

`sinch-provisioning schema` prints it; `desired-state.schema.json` is that output, for editors.
"""

from __future__ import annotations

import json
import types
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Final, Union, get_args, get_origin, get_type_hints, is_typeddict

from sinch_provisioning_api.models import CreateRcsSenderRequestFields, CreateSenderRequestFields

from .state import CHANNELS, CREDENTIALS, natural_key

FILE_NAME: Final = "desired-state.schema.json"

Schema = dict[str, object]

_TEXT: Final[Schema] = {"type": "string"}
_NAME: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 1000}
_SCALARS: Final[dict[object, Schema]] = {
    str: _TEXT,
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
}


def document() -> Schema:
    """Return the schema as data."""
    channels: Schema = {name: {"type": "array", "items": {"$ref": f"#/$defs/{name}"}} for name in CHANNELS}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Desired senders of the Sinch Provisioning API",
        **_object(
            {
                "$schema": _TEXT,
                "version": {"const": 1, "description": "The version of this format."},
                "defaults": {"$ref": "#/$defs/defaults"},
                **channels,
                "projects": {
                    "description": "Senders of projects other than the client's, by project id.",
                    "type": "object",
                    "additionalProperties": {"$ref": "#/$defs/project"},
                },
            },
            "version",
        ),
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
            "project": _object(
                {
                    "credentials": _object(
                        {"key_id": {"$ref": "#/$defs/secret"}, "key_secret": {"$ref": "#/$defs/secret"}},
                        "key_id",
                        "key_secret",
                    ),
                    **channels,
                }
            ),
            "defaults": _object(
                {
                    "rcs": {
                        "description": "Fields of every RCS sender that does not set them.",
                        **_object(_without(_rcs(), natural_key("rcs"))),
                    }
                }
            ),
            **{
                str(channel): _object(_rcs() if channel == "rcs" else _other(), natural_key(channel))
                for channel in CHANNELS
            },
        },
    }


def _rcs() -> Schema:
    launch: Schema = {"type": "boolean", "description": "Submit the sender to the carriers for approval."}
    return {**_properties(CreateRcsSenderRequestFields, natural_key("rcs")), "launch": launch}


def _other() -> Schema:
    credentials: Schema = {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": {"$ref": "#/$defs/secret"},
    }
    return {**_properties(CreateSenderRequestFields, natural_key("line")), CREDENTIALS: credentials}


def _properties(fields: type, key: str) -> Schema:
    hints = get_type_hints(fields, include_extras=False)
    return {name: _NAME if name == key else _type(hint) for name, hint in hints.items()}


def _type(hint: object) -> Schema:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        kinds = [_type(each) for each in arguments if each is not type(None)]
        return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object"}
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return {"type": "array", "items": _type(arguments[0])}
    if is_typeddict(hint):
        return {"type": "object"}
    return _SCALARS.get(hint, {})


def _object(properties: Schema, *required: str) -> Schema:
    shape: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return {**shape, "required": list(required)} if required else shape


def _without(properties: Schema, name: str) -> Schema:
    return {key: value for key, value in properties.items() if key != name}


def published() -> str:
    """Return the schema file shipped with this package."""
    return resources.files(__name__.rpartition(".")[0]).joinpath(FILE_NAME).read_text(encoding="utf-8")


def as_text() -> str:
    """Return the schema as JSON text."""
    return json.dumps(document(), indent=2) + "\n"
