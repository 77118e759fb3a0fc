"""Ways in which a server may legitimately differ from the simplest one, as options for tests."""

from __future__ import annotations

import unicodedata
from math import isfinite
from typing import Literal, get_args
from urllib.parse import urlsplit, urlunsplit

import attrs

from ..openapi.error_replies import EmulatorError
from ..openapi.messages import Json

TotalSize = Literal["exact", "missing", "too_large"]
_NAMES = frozenset({"displayName", "name"})


@attrs.frozen(kw_only=True)
class Quirks:
    """How lists lag, pages overlap and values are rewritten.

    `list_lag` is in seconds of the emulator's clock: a new sender can be read by id at once, but appears in lists that
    much later. `normalize_names` stores names in NFC, trimmed and with single spaces; `normalize_urls` stores URLs with
    a lower-case host and a path. With `shifting_pages` each page starts with the last sender of the one before, as if
    one had been created meanwhile; with `endless_pages` there is always a next page, eventually empty. `total_size`
    says what a paged reply claims.
    """

    list_lag: float = 0.0
    normalize_names: bool = False
    normalize_urls: bool = False
    shifting_pages: bool = False
    endless_pages: bool = False
    numeric_page_tokens: bool = False
    total_size: TotalSize = "exact"

    def __attrs_post_init__(self) -> None:
        if not isfinite(self.list_lag) or self.list_lag < 0:
            raise EmulatorError("list_lag must be finite and not negative")
        if self.total_size not in get_args(TotalSize):
            raise EmulatorError(f"total_size must be one of {', '.join(get_args(TotalSize))}")

    @property
    def paged(self) -> bool:
        """Return whether lists must be paged to show these quirks."""
        return (
            self.shifting_pages
            or self.endless_pages
            or self.numeric_page_tokens
            or self.total_size != "exact"
        )

    def stored(self, value: Json, name: str = "") -> Json:
        """Return the value as the server stores it."""
        if isinstance(value, dict):
            return {key: self.stored(each, key) for key, each in value.items()}
        if isinstance(value, list):
            return [self.stored(each) for each in value]
        if not isinstance(value, str):
            return value
        if self.normalize_names and name in _NAMES:
            value = " ".join(unicodedata.normalize("NFC", value).split())
        if self.normalize_urls and value.lower().startswith(("http://", "https://")):
            parts = urlsplit(value)
            value = urlunsplit(parts._replace(netloc=parts.netloc.lower(), path=parts.path or "/"))
        return value
