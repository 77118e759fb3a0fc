"""What all channels share: one project's way to the generated functions, paging, and ensuring."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, Protocol, TypeVar, cast

import httpx
from attrs import define, evolve, field, fields_dict, frozen

from sinch_provisioning_api import (
    Caller,
    InvalidArgumentError,
    Reply,
    Request,
    SchemaMismatchError,
    SecretMapping,
)

from ._ensure import Rewriter
from ._locks import KeyedLocks
from ._pipeline import Pipeline
from ._retry import RetryPolicy
from ._transport import AttemptTimeout
from .errors import ConfigurationError

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
    """One project seen through one pipeline; every call of a channel goes through `invoke`."""

    project_id: str
    pipeline: Pipeline
    locks: KeyedLocks
    rewriter: Rewriter

    def with_options(self, timeout: httpx.Timeout | float | None, retry: RetryPolicy | None) -> Project:
        """Return the same project with other limits; None leaves one as it is."""
        limits = self.pipeline.limits
        if timeout is not None:
            limits = evolve(limits, timeout=AttemptTimeout.of(timeout))
        if retry is not None:
            limits = evolve(limits, policy=retry)
        rewriter = evolve(self.rewriter, policy=limits.policy)
        return evolve(self, pipeline=self.pipeline.with_limits(limits), rewriter=rewriter)

    def invoke(self, function: Callable[[Caller, str], Awaitable[_R]]) -> Awaitable[_R]:
        """Call a generated function for this project; what it refuses to send is a ConfigurationError."""
        return _refusing(function(self.pipeline, self.project_id))

    async def pages(self, function: Callable[[Caller, str], Awaitable[Page[_T]]]) -> list[_T]:
        """Collect all senders, page after page: the live API pages its lists, though the document is silent."""
        caller = _Pages(self.pipeline)
        senders: list[_T] = []
        while True:
            page = await _refusing(function(caller, self.project_id))
            senders.extend(page.senders or ())
            if caller.token is None:
                return senders


async def _refusing(call: Awaitable[_R]) -> _R:
    try:
        return await call
    except InvalidArgumentError as error:
        why = str(error)
    raise ConfigurationError(f"{why}; nothing was sent")


@define
class _Pages:
    """A caller that asks for one page after the other."""

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
    # Known to the model where the document has it, an additional property where it hasn't.
    extras = cast("Mapping[str, object]", getattr(page, "additional_properties", {}))
    token = getattr(page, "next_page_token", None) or extras.get(_NEXT_PAGE_TOKEN)
    return token if isinstance(token, str) and token else None


def split(model: Callable[..., _R], arguments: dict[str, object]) -> tuple[_R, dict[str, Any]]:
    """Sort keyword arguments into the request body they make and the operation's other parameters.

    The latter's types are those of the generated `...Arguments` that the caller was checked against. Mappings are
    wrapped before anything can fail, in `arguments` too, so that no traceback shows the credentials they may hold.
    """
    known = fields_dict(cast("type", model))
    body: dict[str, object] = {}
    others: dict[str, object] = {}
    for name, value in arguments.items():
        if isinstance(value, Mapping):
            arguments[name] = SecretMapping(cast("Mapping[str, object]", value))
    value = None
    for name, shielded in arguments.items():
        (body if name in known else others)[name] = shielded
    return model(**body), others


def check_name(name: str, value: object) -> str:
    """Return a natural key that can be looked for."""
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{name} must be a string that is not empty")
    return value
