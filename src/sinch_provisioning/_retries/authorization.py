"""The Authorization header of a request, and where it comes from."""

from __future__ import annotations

from typing import Final, Protocol


class Token:
    """A credential as the Authorization header carries it; times are monotonic seconds, `lifetime` its whole life."""

    __slots__ = ("expires_at", "header", "lifetime", "renew_at", "value")

    def __init__(
        self,
        scheme: str,
        value: str,
        *,
        renew_at: float = float("inf"),
        expires_at: float = float("inf"),
        lifetime: float = float("inf"),
    ) -> None:
        self.value: Final = value
        self.header: Final = f"{scheme} {value}".encode("ascii")
        self.renew_at: Final = renew_at
        self.expires_at: Final = expires_at
        self.lifetime: Final = lifetime

    def __repr__(self) -> str:
        return f"<Token, lifetime {self.lifetime:g} s>"


class Authorization(Protocol):
    """Where requests get their Authorization header from."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Strings that must not show in any message."""
        ...

    def ready(self) -> Token | None:
        """Return a token that can be used now, without waiting; None where there is none."""
        ...

    async def obtain(self, operation_id: str) -> Token:
        """Wait for a token, or raise the error that the call of `operation_id` ends with."""
        ...

    def reject(self, token: Token) -> bool:
        """Take note that the server refused `token`; true when another one may be had."""
        ...
