"""Injected faults: what goes wrong, for which operation, how often."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from math import isfinite
from typing import Literal, overload

import attrs

from ..openapi.error_replies import EmulatorError, plain_problem
from ..openapi.messages import Cut, Reply, dump

TOKEN = "token"  # noqa: S105 - the name of an endpoint
ANY = "*"

Drop = Literal["before", "after"]


@attrs.frozen
class Fault:
    """One fault; an absent option is None or False.

    With `status` the request is not processed unless `applied` is set; without it, it is processed and the reply
    is altered. `drop` closes the connection before or after processing, `truncate` in the middle of the body;
    `delay` and `slow` are seconds before the reply and over its body; the first `skip` requests are not affected.
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
        """Describe it in a few words."""
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
    def skips_processing(self) -> bool:
        """Return whether the request must not be processed."""
        return not self.applied and (self.status is not None or self.drop == "before")

    def alter(self, reply: Reply) -> Reply:
        """Return the reply to send in place of the real one."""
        headers = dict(reply.headers)
        status, body = reply.status, reply.body
        if self.status is not None:
            status = self.status
            problem = plain_problem(status).reply()
            headers, body = dict(problem.headers), problem.body
        if isinstance(self.body, bytes | str):
            body = self.body.encode() if isinstance(self.body, str) else self.body
            # Text in place of JSON stands for a proxy's answer, which has a content type of its own.
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
    """A fault that has been injected, and how often it has struck."""

    fault: Fault
    chance: random.Random = attrs.field(repr=False)
    seen: int = 0
    struck: int = 0

    @property
    def exhausted(self) -> bool:
        """Return whether it has struck as often as it may."""
        return self.fault.times is not None and self.struck >= self.fault.times

    def strikes(self) -> bool:
        """Return whether it strikes the current request, and count it."""
        self.seen += 1
        if self.exhausted or self.seen <= self.fault.skip:
            return False
        if self.fault.probability < 1 and self.chance.random() >= self.fault.probability:
            return False
        self.struck += 1
        return True


class Faults(Sequence[Armed]):
    """The active faults, oldest first; at most one strikes a request."""

    def __init__(self, operation_ids: Iterable[str]) -> None:
        """`operation_ids` are the valid targets, besides "token" and "*"."""
        self._known = (*operation_ids, TOKEN, ANY)
        self._armed: list[Armed] = []

    def arm(self, fault: Fault) -> Armed:
        """Activate a fault; EmulatorError if it is invalid."""
        fault = self.check(fault)
        armed = Armed(fault, random.Random(fault.seed))  # noqa: S311 - reproducible, not for security
        self._armed.append(armed)
        return armed

    def check(self, fault: Fault) -> Fault:
        """Return the fault as it would be activated; EmulatorError if it is invalid."""
        fault = attrs.evolve(fault, operation_id=self._spelled(fault.operation_id))
        if fault.status is None and fault.retry_after is not None:
            fault = attrs.evolve(fault, status=429)
        _check(fault, self._known)
        return fault

    def _spelled(self, name: str) -> str:
        """Return the document's spelling of an operationId given in snake_case."""
        flat = name.replace("_", "").lower()
        return next((known for known in self._known if "_" in name and known.lower() == flat), name)

    def take(self, operation_id: str, project_id: str | None) -> Fault | None:
        """Return the fault that strikes this request, if any."""
        for armed in self._armed:
            fault = armed.fault
            meant = fault.operation_id in {operation_id, ANY if operation_id != TOKEN else TOKEN}
            if not meant or fault.project_id not in {None, project_id}:
                continue
            if armed.strikes():
                self._armed = [each for each in self._armed if not each.exhausted]
                return fault
        return None

    def clear(self) -> None:
        """Remove all."""
        self._armed.clear()

    @overload
    def __getitem__(self, index: int) -> Armed: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Armed]: ...
    def __getitem__(self, index: int | slice) -> Armed | Sequence[Armed]:
        """Return one by position, or a slice."""
        return self._armed[index]

    def __iter__(self) -> Iterator[Armed]:
        """Iterate over a copy, from the oldest."""
        return iter(list(self._armed))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._armed)


def _check(fault: Fault, known: Sequence[str]) -> None:
    """Raise an EmulatorError if the fault is inconsistent."""
    name = fault.operation_id
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"use one of {', '.join(known)}"
        raise EmulatorError(f"unknown operation {name!r}: {hint}")
    wrong = None
    if fault.status is not None and not 200 <= fault.status <= 599:
        wrong = "status must be between 200 and 599"
    elif fault.times is not None and fault.times < 1:
        wrong = "times must be at least 1, or None for no limit"
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
        wrong = "it has no effect: set status, drop, truncate, delay, slow, expire_token, headers or body"
    if wrong is not None:
        raise EmulatorError(f"invalid fault for {name!r}: {wrong}")


def _sendable(body: object) -> bool:
    try:
        return isinstance(body, bytes) or bool(dump(body))
    except (TypeError, ValueError):
        return False


def _seconds(value: float | str) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
