"""Making sure that a sender is there, once: find it, create it, mend it, and read back before writing again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeVar

from attrs import frozen

from ._retry import RetryPolicy, RetryQuota, backoff
from .errors import (
    ConflictError,
    OutcomeUnknownError,
    ProvisioningError,
    ResponseDecodeError,
    SenderMismatchError,
    ServerError,
)

# After these a write may have happened. 409 says that somebody else's did.
UNCERTAIN = (OutcomeUnknownError, ServerError, ResponseDecodeError, ConflictError)


class Wired(Protocol):
    """A generated model."""

    def to_dict(self) -> dict[str, object]:
        """Return what goes over the wire."""
        ...


_T = TypeVar("_T", bound=Wired)


@frozen
class Rewriter:
    """Repeats a write that may have happened, after a pause and a look at the server."""

    policy: RetryPolicy
    quota: RetryQuota
    random: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]

    async def run(
        self, look: Callable[[], Awaitable[_T | None]], write: Callable[[], Awaitable[_T]]
    ) -> tuple[_T, bool]:
        """Return what `look` finds, or else what `write` makes, and whether it was written by this call.

        When `look` fails after a doubtful write, the write's own error is raised: it says what may have happened.
        """
        found = await look()
        failure: ProvisioningError | None = None
        for tried in range(self.policy.max_attempts):
            if found is not None:
                return found, failure is not None
            if failure is not None and not self._may_repeat(failure):
                raise failure
            try:
                return await write(), True
            except UNCERTAIN as error:
                failure = error
            await self.sleep(backoff(self.policy, tried, self.random))
            try:
                found = await look()
            except SenderMismatchError:
                raise
            except ProvisioningError:
                raise failure from None
        if found is None:
            assert failure is not None, "a policy allows at least one attempt"
            raise failure
        return found, True

    def _may_repeat(self, failure: ProvisioningError) -> bool:
        """Whether a write that did not happen may be tried again; a Retry-After was honoured as far as it could be."""
        asked_to_wait = isinstance(failure, ServerError) and failure.retry_after is not None
        return not asked_to_wait and not isinstance(failure, ConflictError) and self.quota.spend()


def differences(desired: Mapping[str, object], actual: Mapping[str, object]) -> dict[str, object]:
    """Return the wire properties of `desired` that `actual` has otherwise, or not at all."""
    return {name: value for name, value in desired.items() if actual.get(name) != value}


def only_one(senders: list[_T], what: str) -> _T | None:
    """Return the one sender of that name, None where there is none; several are no ground to guess on."""
    if len(senders) > 1:
        ids = ", ".join(str(sender.to_dict().get("id")) for sender in senders)
        raise SenderMismatchError(
            f"{len(senders)} senders have the {what} ({ids}): delete the surplus ones, or work by id"
        )
    return senders[0] if senders else None
