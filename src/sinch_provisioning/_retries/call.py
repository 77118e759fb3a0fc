"""One call as data: what is sent, and how far it has come."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from .._http.body import ACCEPT_ENCODING
from .._http.request import HeaderBlock, HttpRequest, Server
from .._http.send_progress import SendProgress
from .._http.transport import AttemptTimeout
from .._version import __version__
from ..errors import Attempt
from ..telemetry import CallTrace
from .authorization import Authorization, Token
from .retry_policy import RetryPolicy


@frozen
class Limits:
    """What one call may take: its retries, the time of one attempt, the bytes of one reply."""

    policy: RetryPolicy
    timeout: AttemptTimeout
    max_body: int


def common_headers(server: Server) -> tuple[tuple[bytes, bytes], ...]:
    """Return what every request to `server` bears, its authorization apart."""
    return (
        (b"Host", server.authority),
        (b"Accept", b"application/json"),
        (b"Accept-Encoding", ACCEPT_ENCODING.encode("ascii")),
        (b"User-Agent", f"sinch-provisioning-python/{__version__}".encode("ascii")),
    )


class CommonHeaders:
    """The headers of every request, with the token used last: they are checked once for each token."""

    __slots__ = ("_last", "constant")

    def __init__(self, constant: tuple[tuple[bytes, bytes], ...]) -> None:
        self.constant: Final = constant
        self._last: tuple[Token, HeaderBlock] | None = None

    def bearing(self, token: Token) -> HeaderBlock:
        """Return them with the Authorization header of `token`."""
        last = self._last
        if last is None or last[0] is not token:
            block = HeaderBlock([*self.constant, (b"Authorization", token.header)])
            last = self._last = token, block
        return last[1]

    def without(self, names: frozenset[bytes]) -> CommonHeaders:
        """Return those whose lower-case names are not in `names`."""
        return CommonHeaders(tuple(pair for pair in self.constant if pair[0].lower() not in names))


class Call:
    """One call: its request, who authorizes it, its limits, and what has been tried so far.

    `repeatable`: sending twice has the effect of sending once. `deadline` is a time of the monotonic clock. It can be
    read from outside when the call's time runs out.
    """

    __slots__ = (
        "attempts",
        "authorization",
        "deadline",
        "headers",
        "limits",
        "lost_reply",
        "operation_id",
        "progress",
        "repeatable",
        "request",
        "token",
        "trace",
    )

    def __init__(
        self,
        operation_id: str,
        request: HttpRequest,
        headers: CommonHeaders,
        authorization: Authorization,
        limits: Limits,
        *,
        repeatable: bool,
        deadline: float,
    ) -> None:
        self.operation_id: Final = operation_id
        self.request: Final = request
        self.headers: Final = headers
        self.authorization: Final = authorization
        self.limits: Final = limits
        self.repeatable: Final = repeatable
        self.deadline: Final = deadline
        self.attempts: tuple[Attempt, ...] = ()
        self.progress = SendProgress()
        self.token: Token | None = None
        self.lost_reply = False
        self.trace: CallTrace | None = None

    @property
    def maybe_processed(self) -> bool:
        """Whether a request is under way that may have changed something."""
        return not self.repeatable and self.progress.maybe_processed(None)

    def secrets(self) -> tuple[str, ...]:
        """Return what must not show in a message: the credentials', and the token that was used."""
        used = () if self.token is None else (self.token.value,)
        return (*self.authorization.secrets, *used)
