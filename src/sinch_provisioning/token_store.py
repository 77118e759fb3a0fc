"""Where several processes keep one token between them."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol


class TokenStore(Protocol):
    """A shared place for tokens. A method that raises costs a warning and no call: a local token serves instead.

    Values are text that holds an access token; treat them as secrets.
    """

    async def load(self, key: str, /) -> str | None:
        """Return the value saved under `key`, or None where there is none or its lifetime is over."""
        ...

    async def save(self, key: str, value: str, lifetime: float, /) -> None:
        """Keep `value` under `key` for `lifetime` seconds."""
        ...

    def lock(self, key: str, /) -> AbstractAsyncContextManager[object]:
        """Hold the right to fetch the token of `key`; it must end with its holder, crashed or not."""
        ...
