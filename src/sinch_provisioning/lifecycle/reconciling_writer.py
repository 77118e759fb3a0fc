"""Writing something that must exist once: look for it first, and look again before a write is repeated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from attrs import frozen

from ..errors import (
    ConflictError,
    OutcomeUnknownError,
    ProvisioningError,
    ResponseDecodeError,
    SenderMismatchError,
    ServerError,
)

# After these a write may have happened; a 409 says that another caller's did.
UNCERTAIN = (OutcomeUnknownError, ServerError, ResponseDecodeError, ConflictError)


class HasId(Protocol):
    """A sender; the documents let a reply omit its id."""

    @property
    def id(self) -> str | None:
        """What the API calls it."""
        ...


_T = TypeVar("_T")
_S = TypeVar("_S", bound=HasId)


@frozen
class ReconcilingWriter:
    """Repeats a write whose outcome is unknown, but only after a pause and a look at the server.

    `pause` gives the seconds to wait after so many repeats; `may_retry` takes one from the client's retry quota.
    """

    max_attempts: int
    pause: Callable[[int], float]
    may_retry: Callable[[], bool]
    sleep: Callable[[float], Awaitable[None]]

    async def run(
        self,
        find: Callable[[], Awaitable[_T | None]],
        write: Callable[[], Awaitable[_T]],
        *,
        lag: Sequence[float] = (),
    ) -> tuple[_T, bool]:
        """Return what `find` finds, or else what `write` returns, and whether this call wrote it.

        `lag`: pauses in seconds between further looks before a write is repeated, where `find` may lag behind. When
        `find` fails after a write of unknown outcome, the write's own error is raised: it says what may have
        happened.
        """
        found = await find()
        failure: ProvisioningError | None = None
        for tried in range(self.max_attempts):
            if found is not None:
                return found, failure is not None
            if failure is not None and not self._may_repeat(failure):
                raise failure
            try:
                return await write(), True
            except UNCERTAIN as error:
                failure = error
            await self.sleep(self.pause(tried))
            try:
                found = await find()
                for pause in lag:
                    if found is not None:
                        break
                    await self.sleep(pause)
                    found = await find()
            except SenderMismatchError:
                raise
            except ProvisioningError:
                raise failure from None
        if found is None:
            assert failure is not None, "a policy allows at least one attempt"
            raise failure
        return found, True

    def _may_repeat(self, failure: ProvisioningError) -> bool:
        """Whether a write that did not happen may be sent again; a Retry-After was already honoured where possible."""
        asked_to_wait = isinstance(failure, ServerError) and failure.retry_after is not None
        return not asked_to_wait and not isinstance(failure, ConflictError) and self.may_retry()


def only_one(senders: list[_S], what: str) -> _S | None:
    """Return the one sender of that name, None where there is none; raises SenderMismatchError for several."""
    if len(senders) > 1:
        ids = ", ".join(str(sender.id) for sender in senders)
        raise SenderMismatchError(
            f"{len(senders)} senders have the {what} ({ids}): delete the surplus ones, or work by id"
        )
    return senders[0] if senders else None
