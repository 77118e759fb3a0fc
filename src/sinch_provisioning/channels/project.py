"""One project as its channels see it: calling generated functions, paging, and what calls for one sender share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Concatenate, Final, Generic, ParamSpec, Protocol, TypeVar, cast

from attrs import fields_dict, frozen

from sinch_provisioning_api import (
    Caller,
    InvalidArgumentError,
    Reply,
    Request,
    SchemaMismatchError,
    SecretMapping,
    is_secret_name,
)

from .._calls.pipeline import Pipeline
from ..errors import ConfigurationError, SenderMismatchError
from ..lifecycle.keyed_locks import Locks
from ..lifecycle.recent_writes import RecentWrites
from ..lifecycle.reconciling_writer import ReconcilingWriter

_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)

_PAGE_TOKEN: Final = "pageToken"  # noqa: S105 - a query parameter's name
_NEXT_PAGE_TOKEN: Final = "nextPageToken"  # noqa: S105 - a property's name
_TOTAL_SIZE: Final = "totalSize"

# Seconds between looks at a list that may lag behind a create of unknown outcome, before it is sent again.
LIST_LAG_PAUSES: Final = (1.0, 2.0, 2.0)


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
    locks: Locks
    writer: ReconcilingWriter
    writes: RecentWrites

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
        """Collect the senders of all pages, each once: the live API pages its lists, though the document doesn't say.

        It is one call: one deadline covers all pages.
        """
        pages: _Pages[_T] = _Pages(self.pipeline)
        try:
            while not pages.complete:
                await function(pages, self.project_id, **query)
            return list(pages.senders.values())
        except InvalidArgumentError as error:
            reason = str(error)
        raise ConfigurationError(f"{reason}; nothing was sent")


class _Pages(Generic[_T]):
    """A caller that requests one page after the other and collects their senders."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._deadline = pipeline.clock.monotonic() + pipeline.limits.policy.deadline
        self._token: str | None = None
        self._seen: set[str] = set()
        self.complete = False
        # By id, since pages shift while they are read; by position where there is no id.
        self.senders: dict[object, _T] = {}

    async def call(self, request: Request, parse: Callable[[Reply], _R]) -> _R:
        if self._token is not None:
            request = request.with_params([(_PAGE_TOKEN, self._token)])

        def read(reply: Reply) -> _R:
            page = parse(reply)
            self._take(page)
            return page

        return await self._pipeline.call(request, read, self._deadline)

    def _take(self, page: object) -> None:
        for sender in cast("Page[_T]", page).senders or ():
            sender_id: object = getattr(sender, "id", None)
            self.senders[len(self.senders) if sender_id is None else sender_id] = sender
        self._token = _next_page_token(page)
        self.complete = self._token is None
        if self._token is not None:
            if self._token in self._seen:
                raise SchemaMismatchError(f"the same {_NEXT_PAGE_TOKEN} came twice")
            self._seen.add(self._token)
            return
        total = _property(page, "total_size", _TOTAL_SIZE)
        if isinstance(total, int | float) and total > len(self.senders):
            raise SchemaMismatchError(
                f"{_TOTAL_SIZE} is {total}, but the pages hold {len(self.senders)} senders: list them again"
            )


def _property(page: object, name: str, wire_name: str) -> object:
    # A field of the model where the document has it, an additional property where it hasn't.
    value: object = getattr(page, name, None)
    extras = cast("Mapping[str, object]", getattr(page, "additional_properties", {}))
    return extras.get(wire_name) if value is None else value


def _next_page_token(page: object) -> str | None:
    token = _property(page, "next_page_token", _NEXT_PAGE_TOKEN)
    if isinstance(token, int) and not isinstance(token, bool):
        return str(token)
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


def mismatch(
    sender_name: str, different: Mapping[str, object], actual: Mapping[str, object]
) -> SenderMismatchError:
    """Return the error for a difference that no update can mend: field, wanted and found value of each."""
    shown = [
        name if is_secret_name(name) else f"{name} (wanted {_short(value)}, found {_short(actual.get(name))})"
        for name, value in sorted(different.items())
    ]
    return SenderMismatchError(
        f"{sender_name} differs in {', '.join(shown)}, which the API can't update: "
        "ensure it as it is, or delete it and create it anew"
    )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
