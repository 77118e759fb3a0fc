"""One project as its channels see it: calling generated functions, paging, and what calls for one sender share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Concatenate, Final, Generic, ParamSpec, TypeVar, cast

from attrs import evolve, fields, frozen

from sinch_provisioning_api import Reply, Request, is_secret_name

from .._calls.call_options import OPTION_NAMES, Additions, CallOptions
from .._calls.pipeline import Pipeline
from .._http.transport import AttemptTimeout
from ..errors import ConfigurationError, SenderMismatchError
from ..lifecycle.keyed_locks import Locks
from ..lifecycle.recent_writes import RecentWrites
from ..lifecycle.reconciling_writer import ReconcilingWriter

_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T")
_Page = TypeVar("_Page")

_PAGE_TOKEN: Final = "pageToken"  # noqa: S105 - a query parameter's name
_NEXT_PAGE_TOKEN: Final = "nextPageToken"  # noqa: S105 - a property's name
_TOTAL_SIZE: Final = "totalSize"


def _id(item: object) -> object:
    return getattr(item, "id", None)


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
        function: Callable[Concatenate[Any, str, _P], Awaitable[_R]],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _R:
        """Call a generated function for this project; arguments it refuses are a ConfigurationError."""
        try:
            return await function(self.pipeline, self.project_id, *args, **kwargs)
        except self.pipeline.low_level.invalid_argument as error:
            reason = str(error)
        raise ConfigurationError(f"{reason}; nothing was sent")

    async def list_all(
        self,
        function: Callable[..., Awaitable[_Page]],
        query: Mapping[str, object],
        items: Callable[[_Page], Iterable[_T] | None],
        identity: Callable[[_T], object] = _id,
    ) -> list[_T]:
        """Collect the items of all pages, each once: the live API pages its lists, though the document doesn't say.

        It is one call: one deadline covers all pages. `query` may hold call options, as in `amended`.
        """
        query = dict(query)
        project = self.amended(query)
        # Who starts at some page does not see what is before it.
        pages = _Pages(project.pipeline, items, identity, partial=query.get("page_token") is not None)
        try:
            while not pages.complete:
                await function(pages, self.project_id, **query)
            return list(pages.items.values())
        except self.pipeline.low_level.invalid_argument as error:
            reason = str(error)
        raise ConfigurationError(f"{reason}; nothing was sent")

    def amended(self, arguments: dict[str, Any]) -> Project:
        """Take the call options out of a method's keyword arguments, and return the project with them in force."""
        options = {name: arguments.pop(name) for name in OPTION_NAMES & arguments.keys()}
        if not options:
            return self
        pipeline = self.pipeline
        if isinstance(body := options.get("extra_body"), Mapping):
            # Its values may be secrets.
            body = options["extra_body"] = pipeline.low_level.secret_mapping(
                cast("Mapping[str, object]", body)
            )
        added = Additions.of(
            query=options.get("extra_query"), headers=options.get("extra_headers"), body=body
        )
        if options.get("timeout") is not None:
            timeout = AttemptTimeout.of(options["timeout"])
            pipeline = pipeline.with_limits(evolve(pipeline.limits, timeout=timeout))
        return evolve(self, pipeline=pipeline.adding(added))

    def with_only(self, options: CallOptions) -> Project:
        """Return the project with call options in force; TypeError for any other keyword argument."""
        rest = cast("dict[str, Any]", options)
        project = self.amended(rest)
        if rest:
            raise TypeError(f"got an unexpected keyword argument {min(rest)!r}")
        return project

    def with_body(
        self, model: Callable[..., _R], arguments: dict[str, Any]
    ) -> tuple[Project, _R, dict[str, Any]]:
        """Split a method's keyword arguments into call options, which the returned project has, body and parameters.

        The caller was checked against the generated `...Arguments`, so the parameters' types are known. Mappings are
        wrapped before anything can fail, in `arguments` too, so that no traceback shows the credentials they may hold.
        """
        hide = self.pipeline.low_level.secret_mapping
        for name, value in arguments.items():
            if isinstance(value, Mapping) and name not in OPTION_NAMES:
                arguments[name] = hide(cast("Mapping[str, object]", value))
        value = None
        names = {attribute.alias for attribute in fields(cast("type", model))}
        body = {name: arguments.pop(name) for name in names & arguments.keys()}
        try:
            return self.amended(arguments), model(**body), arguments
        finally:
            body.clear()

    async def send(
        self,
        function: Callable[..., Awaitable[_R]],
        model: Callable[..., object],
        arguments: Mapping[str, object],
        *args: str,
    ) -> _R:
        """Call a generated function with the body and the parameters among a method's keyword arguments."""
        project, body, query = self.with_body(model, cast("dict[str, Any]", arguments))
        result: _R = await project.invoke(cast("Any", function), *args, body=body, **query)
        return result


class _Pages(Generic[_Page, _T]):
    """A caller that requests one page after the other and collects their items."""

    def __init__(
        self,
        pipeline: Pipeline,
        items: Callable[[_Page], Iterable[_T] | None],
        identity: Callable[[_T], object],
        *,
        partial: bool,
    ) -> None:
        self._pipeline = pipeline
        self._deadline = pipeline.clock.monotonic() + pipeline.limits.policy.deadline
        self._items = items
        self._identity = identity
        self._partial = partial
        self._token: str | None = None
        self._seen: set[str] = set()
        self.complete = False
        # By id, since pages shift while they are read; by position where there is no id.
        self.items: dict[object, _T] = {}

    async def call(self, request: Request, parse: Callable[[Reply], _Page]) -> _Page:
        if self._token is not None:
            request = request.with_params([(_PAGE_TOKEN, self._token)])

        def read(reply: Reply) -> _Page:
            page = parse(reply)
            self._take(page)
            return page

        return await self._pipeline.call(request, read, self._deadline)

    def _take(self, page: _Page) -> None:
        for item in self._items(page) or ():
            identity = self._identity(item)
            self.items[len(self.items) if identity is None else identity] = item
        self._token = _next_page_token(page)
        self.complete = self._token is None
        unfit = self._pipeline.low_level.schema_mismatch
        if self._token is not None:
            if self._token in self._seen:
                raise unfit(f"the same {_NEXT_PAGE_TOKEN} came twice")
            self._seen.add(self._token)
            return
        total = _property(page, "total_size", _TOTAL_SIZE)
        if isinstance(total, int | float) and total > len(self.items) and not self._partial:
            raise unfit(f"{_TOTAL_SIZE} is {total}, but the pages hold {len(self.items)}: list them again")


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
