"""One project as its channels see it: calling generated functions, paging, and what calls for one sender share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar, cast

from attrs import define, field, fields_dict, frozen

from sinch_provisioning_api import (
    Caller,
    InvalidArgumentError,
    Reply,
    Request,
    SchemaMismatchError,
    SecretMapping,
)

from .._calls.pipeline import Pipeline
from ..errors import ConfigurationError
from ..lifecycle.keyed_locks import KeyedLocks
from ..lifecycle.reconciling_writer import ReconcilingWriter

_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)

_PAGE_TOKEN: Final = "pageToken"  # noqa: S105 - a query parameter's name
_NEXT_PAGE_TOKEN: Final = "nextPageToken"  # noqa: S105 - a property's name


class Page(Protocol[_T_co]):
    """A generated list model."""

    @property
    def senders(self) -> Iterable[_T_co] | None:
        """The page's senders."""
        ...


@frozen
class Project:
    """A project id and the pipeline for its calls; every call of a channel goes through `invoke`."""

    project_id: str
    pipeline: Pipeline
    locks: KeyedLocks
    writer: ReconcilingWriter

    async def invoke(
        self,
        function: Callable[Concatenate[Caller, str, _P], Awaitable[_R]],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _R:
        """Call a generated function for this project; arguments it refuses are a ConfigurationError."""
        try:
            return await function(self.pipeline, self.project_id, *args, **kwargs)
        except InvalidArgumentError as error:
            reason = str(error)
        raise ConfigurationError(f"{reason}; nothing was sent")

    async def list_all(self, function: Callable[..., Awaitable[Page[_T]]], **query: object) -> list[_T]:
        """Collect the senders of all pages: the live API pages its lists, though the document doesn't say so."""
        caller = _PageCaller(self.pipeline)
        senders: list[_T] = []
        while True:
            try:
                page = await function(caller, self.project_id, **query)
            except InvalidArgumentError as error:
                reason = str(error)
                break
            senders.extend(page.senders or ())
            if caller.token is None:
                return senders
        raise ConfigurationError(f"{reason}; nothing was sent")


@define
class _PageCaller:
    """A caller that requests one page after the other."""

    pipeline: Pipeline
    token: str | None = None
    seen: set[str] = field(factory=set[str])

    async def call(self, request: Request, parse: Callable[[Reply], _T]) -> _T:
        if self.token is not None:
            request = request.with_params([(_PAGE_TOKEN, self.token)])

        def read(reply: Reply) -> _T:
            page = parse(reply)
            self.token = _next_page_token(page)
            if self.token is not None:
                if self.token in self.seen:
                    raise SchemaMismatchError(f"the same {_NEXT_PAGE_TOKEN} came twice")
                self.seen.add(self.token)
            return page

        return await self.pipeline.call(request, read)


def _next_page_token(page: object) -> str | None:
    # A field of the model where the document has it, an additional property where it hasn't.
    extras = cast("Mapping[str, object]", getattr(page, "additional_properties", {}))
    token = getattr(page, "next_page_token", None) or extras.get(_NEXT_PAGE_TOKEN)
    return token if isinstance(token, str) and token else None


def split_arguments(model: Callable[..., _R], arguments: dict[str, object]) -> tuple[_R, dict[str, Any]]:
    """Split keyword arguments into the request body and the operation's other parameters.

    The caller was checked against the generated `...Arguments`, so the others' types are known. Mappings are wrapped
    before anything can fail, in `arguments` too, so that no traceback shows the credentials they may hold.
    """
    known = fields_dict(cast("type", model))
    body: dict[str, object] = {}
    others: dict[str, object] = {}
    for name, value in arguments.items():
        if isinstance(value, Mapping):
            arguments[name] = SecretMapping(cast("Mapping[str, object]", value))
    value = None
    for name, wrapped in arguments.items():
        (body if name in known else others)[name] = wrapped
    return model(**body), others


def check_name(name: str, value: object) -> str:
    """Return `value` if it can be a natural key."""
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{name} must be a non-empty string")
    return value
