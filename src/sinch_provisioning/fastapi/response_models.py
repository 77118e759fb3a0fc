"""Generated models as pydantic sees them, so that a service can return them and its own OpenAPI describes them."""

from __future__ import annotations

import datetime as dt
import types
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Union, cast, get_args, get_origin, get_type_hints

import attrs
from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, create_model
from pydantic_core import CoreSchema, core_schema

from sinch_provisioning_api.models import RcsSender, Sender
from sinch_provisioning_api.types import masked

_EXTRAS = "additional_properties"
_PLAIN = (str, int, float, bool, bytes, type(None), dt.datetime, dt.date)


class Documented:
    """An annotation for a generated model: `Annotated[RcsSender, Documented(RcsSender)]`.

    Values stay what they are for the type checker, and are serialized with the names of the wire. Properties that
    hold secrets and those that the document does not know are left out of schema and response alike.
    """

    def __init__(self, model: type) -> None:
        self._model = model
        self._names = _shown(model)
        self._shape = _shape(model)

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Build what validates and serializes."""
        return core_schema.no_info_before_validator_function(
            self._values, handler.generate_schema(self._shape)
        )

    def _values(self, value: object) -> object:
        if not isinstance(value, self._model):
            return value
        return {name: getattr(value, name) for name in self._names}


def _shown(model: type) -> tuple[str, ...]:
    return tuple(
        attribute.name
        for attribute in cast("tuple[attrs.Attribute[Any], ...]", attrs.fields(cast("Any", model)))
        # What a model masks in its own repr is a secret.
        if attribute.name != _EXTRAS and attribute.repr is not masked
    )


@cache
def _shape(model: type) -> type[BaseModel]:
    hints = get_type_hints(model)
    fields: dict[str, Any] = {
        name: (_documented(hints[name]), Field(default=None, alias=_camel(name))) for name in _shown(model)
    }
    return create_model(
        model.__name__, __config__=ConfigDict(populate_by_name=True), __doc__=model.__doc__, **fields
    )


def _documented(hint: Any) -> Any:
    """Return a type that pydantic knows, generated models inside of it annotated."""
    if attrs.has(hint):
        return Annotated[hint, Documented(hint)]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return Union[tuple(_documented(argument) for argument in arguments)]  # noqa: UP007 - made at run time
    if origin is list:
        return list[_documented(arguments[0])]  # type: ignore[misc] # a type made at run time
    if origin in (dict, Mapping):
        return dict[str, Any]
    return hint if origin is not None or hint in _PLAIN else Any


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


RcsSenderResponse = Annotated[RcsSender, Documented(RcsSender)]
"""An RCS sender as a route's response, without properties that the API's document does not define."""

SenderResponse = Annotated[Sender, Documented(Sender)]
"""A sender of another channel as a route's response, without its credentials."""
