"""Signatures with a parameter for each key of a method's `**fields: Unpack[...]`.

Type checkers read the annotation. `help()`, IPython and editors on live objects ask `inspect.signature`, which would
say `**fields` and nothing else.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import FunctionType
from typing import Any, Final, ForwardRef, TypeVar, cast, get_overloads

_T = TypeVar("_T")


class _Omitted:
    """The default of what a request then leaves out, which None need not be."""

    def __repr__(self) -> str:
        return "..."


_OMITTED: Final = _Omitted()


def listing_fields(owner: type[_T]) -> type[_T]:
    """Let the methods of a class that take `**fields` list them in their signatures."""
    for name, member in list(vars(owner).items()):
        if isinstance(member, FunctionType) and member.__code__.co_flags & inspect.CO_VARKEYWORDS:
            setattr(owner, name, _Method(owner, name, member))
    return owner


class _Method:
    """Stands for a method until its first lookup, when the signature is built: imports stay quick."""

    def __init__(self, owner: type, name: str, function: FunctionType) -> None:
        self._owner = owner
        self._name = name
        # What `unittest.mock` reads to tell coroutine functions from others.
        self.__wrapped__ = function

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        function = self.__wrapped__
        cast("Any", function).__signature__ = _signature(function)
        setattr(self._owner, self._name, function)
        return function.__get__(instance, owner)


def _signature(function: FunctionType) -> inspect.Signature:
    signature = inspect.signature(function)
    kept = [one for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
    names = {one.name for one in kept}
    # An overload's fields can all be omitted, since another overload does without them.
    listed = list(_fields(function)) or [
        one.replace(default=_OMITTED)
        for overload in get_overloads(function)
        for one in _fields(cast("FunctionType", overload))
    ]
    fields = [one for one in listed if one.name not in names]
    fields.sort(key=lambda one: one.default is _OMITTED)
    return signature.replace(parameters=[*kept, *fields]) if fields else signature


def _fields(function: FunctionType) -> Iterator[inspect.Parameter]:
    parameters = inspect.signature(function).parameters.values()
    for annotation in (str(one.annotation) for one in parameters if one.kind is one.VAR_KEYWORD):
        keys = function.__globals__.get(annotation.removeprefix("Unpack[").removesuffix("]"))
        for name, given in getattr(keys, "__annotations__", {}).items():
            text = given.__forward_arg__ if isinstance(given, ForwardRef) else inspect.formatannotation(given)
            plain = text.removeprefix("Required[")
            yield inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=_OMITTED if plain == text else inspect.Parameter.empty,
                annotation=plain if plain == text else plain.removesuffix("]"),
            )
