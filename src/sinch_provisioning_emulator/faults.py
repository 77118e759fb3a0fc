"""Faults: what goes wrong, for which operation, how often."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from math import isfinite
from typing import Literal, overload

import attrs

from .problems import EmulatorError, plain_problem
from .wire import Cut, Reply, dump

TOKEN = "token"  # noqa: S105 - the name of an endpoint
ANY = "*"

Drop = Literal["before", "after"]


@attrs.frozen
class Fault:
    """One way to go wrong; an absent option is None or False.

    Without `status` the request is processed and its own reply is spoilt; with one it is not, unless
    `applied`. `drop` breaks the connection before or after the effect, `truncate` in the middle of the reply;
    `delay` and `slow` are seconds before the reply and while it drips; `skip` requests go by unharmed first.
    """

    operation_id: str
    status: int | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])
    body: object = None
    retry_after: float | str | None = None
    drop: Drop | None = None
    truncate: bool = False
    delay: float = 0.0
    slow: float = 0.0
    expire_token: bool = False
    applied: bool = False
    project_id: str | None = None
    times: int | None = 1
    skip: int = 0
    probability: float = 1.0
    seed: int | None = None

    @property
    def name(self) -> str:
        """What it does, in a few words."""
        words = [
            str(self.status) if self.status is not None else "",
            f"dropped {self.drop} the effect" if self.drop is not None else "",
            "truncated" if self.truncate else "",
            f"delayed {self.delay:g} s" if self.delay else "",
            f"slow {self.slow:g} s" if self.slow else "",
            "token expired" if self.expire_token else "",
            "other body" if self.body is not None and self.status is None else "",
        ]
        return ", ".join(word for word in words if word) or "other headers"

    @property
    def spares_effect(self) -> bool:
        """Whether the request is not processed at all."""
        return not self.applied and (self.status is not None or self.drop == "before")

    def spoil(self, reply: Reply) -> Reply:
        """The reply that goes out in place of the one earned."""
        headers = dict(reply.headers)
        status, body = reply.status, reply.body
        if self.status is not None:
            status = self.status
            problem = plain_problem(status).reply()
            headers, body = dict(problem.headers), problem.body
        if isinstance(self.body, bytes | str):
            body = self.body.encode() if isinstance(self.body, str) else self.body
            # Text in place of JSON comes from somewhere in between, which knows nothing of JSON.
            headers["content-type"] = "text/html" if body.lstrip().startswith(b"<") else "text/plain"
        elif self.body is not None:
            body = dump(self.body)
            headers["content-type"] = "application/json"
        if self.retry_after is not None:
            headers["retry-after"] = _seconds(self.retry_after)
        headers |= {name.lower(): value for name, value in self.headers.items()}
        cut: Cut | None = "unanswered" if self.drop is not None else "midway" if self.truncate else None
        return Reply(status, body, tuple(headers.items()), delay=self.delay, slow=self.slow, cut=cut)


@attrs.define(eq=False)
class Armed:
    """A fault in wait, and how often it has struck."""

    fault: Fault
    chance: random.Random = attrs.field(repr=False)
    seen: int = 0
    struck: int = 0

    @property
    def spent(self) -> bool:
        """Whether it will never strike again."""
        return self.fault.times is not None and self.struck >= self.fault.times

    def strikes(self) -> bool:
        """Whether it strikes the request at hand."""
        self.seen += 1
        if self.spent or self.seen <= self.fault.skip:
            return False
        if self.fault.probability < 1 and self.chance.random() >= self.fault.probability:
            return False
        self.struck += 1
        return True


class Faults(Sequence[Armed]):
    """The faults armed, oldest first; the first that strikes a request is the one it meets."""

    def __init__(self, operation_ids: Iterable[str]) -> None:
        """`operation_ids` are the ones that can be named, besides "token" and "*"."""
        self._known = (*operation_ids, TOKEN, ANY)
        self._armed: list[Armed] = []

    def arm(self, fault: Fault) -> Armed:
        """Take a fault in, or raise an EmulatorError that says what is wrong with it."""
        fault = self.check(fault)
        armed = Armed(fault, random.Random(fault.seed))  # noqa: S311 - chance for tests, repeatable by its seed
        self._armed.append(armed)
        return armed

    def check(self, fault: Fault) -> Fault:
        """The fault as it would be armed, or an EmulatorError."""
        fault = attrs.evolve(fault, operation_id=self._spelt(fault.operation_id))
        if fault.status is None and fault.retry_after is not None:
            fault = attrs.evolve(fault, status=429)
        _check(fault, self._known)
        return fault

    def _spelt(self, name: str) -> str:
        """The document's spelling of an operationId that may be given in snake_case."""
        flat = name.replace("_", "").lower()
        return next((known for known in self._known if "_" in name and known.lower() == flat), name)

    def take(self, operation_id: str, project_id: str | None) -> Fault | None:
        """The fault that strikes this request, if one does."""
        for armed in self._armed:
            fault = armed.fault
            meant = fault.operation_id in {operation_id, ANY if operation_id != TOKEN else TOKEN}
            if not meant or fault.project_id not in {None, project_id}:
                continue
            if armed.strikes():
                self._armed = [each for each in self._armed if not each.spent]
                return fault
        return None

    def clear(self) -> None:
        """Disarm all."""
        self._armed.clear()

    @overload
    def __getitem__(self, index: int) -> Armed: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Armed]: ...
    def __getitem__(self, index: int | slice) -> Armed | Sequence[Armed]:
        """One by its place, or a slice."""
        return self._armed[index]

    def __iter__(self) -> Iterator[Armed]:
        """Oldest first; changes meanwhile do no harm."""
        return iter(list(self._armed))

    def __len__(self) -> int:
        """How many there are."""
        return len(self._armed)


def _check(fault: Fault, known: Sequence[str]) -> None:
    """Raise an EmulatorError where a fault could never strike as it is meant."""
    name = fault.operation_id
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
        raise EmulatorError(f"unknown operation {name!r}: {hint}")
    wrong = None
    if fault.status is not None and not 200 <= fault.status <= 599:
        wrong = "status must be between 200 and 599"
    elif fault.times is not None and fault.times < 1:
        wrong = "times must be at least 1, or None for as long as it is armed"
    elif not 0 < fault.probability <= 1:
        wrong = "probability must be above 0 and at most 1"
    elif fault.skip < 0:
        wrong = "skip must not be negative"
    elif not all(isfinite(each) and each >= 0 for each in (fault.delay, fault.slow)):
        wrong = "delay and slow must be finite and not negative"
    elif fault.drop is not None and fault.drop not in {"before", "after"}:
        wrong = 'drop must be "before" or "after"'
    elif not _sendable(fault.body):
        wrong = "body must be bytes, text or a JSON value"
    elif fault == attrs.evolve(
        Fault(name),
        **{each: getattr(fault, each) for each in ("times", "skip", "seed", "probability", "project_id")},
    ):
        wrong = "it does nothing: give status, drop, truncate, delay, slow, expire_token, headers or body"
    if wrong is not None:
        raise EmulatorError(f"the fault for {name!r} can't be: {wrong}")


def _sendable(body: object) -> bool:
    try:
        return isinstance(body, bytes) or bool(dump(body))
    except (TypeError, ValueError):
        return False


def _seconds(value: float | str) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
