"""A request as it goes on the wire: header fields are checked once, then sent as often as needed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import httpx

from ..errors import ConfigurationError

Origin = tuple[str, str, int]
"""Scheme, host and port of a server."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

# RFC 9110, section 5.6.2 (token) and 5.5 (field values: no control characters but the tab).
_NAME: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")

# httpx refuses longer URLs, and so do most servers.
_LONGEST_TARGET: Final = 65_536

# Parsing a URL costs as much as a twentieth of a call, and services ask for the same ones again and again.
_url = lru_cache(maxsize=4096)(httpx.URL)


class HeaderBlock:
    """Header fields that were checked: as pairs, and as they stand on the wire."""

    __slots__ = ("pairs", "wire")

    def __init__(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        self.pairs: Final = tuple(pairs)
        for name, value in self.pairs:
            if _NAME.fullmatch(name) is None or _VALUE.fullmatch(value) is None:
                # The value may be a secret, so only the name is shown.
                shown = name.decode("ascii", "replace")
                raise ConfigurationError(f"header {shown!r} holds characters that HTTP does not allow")
        self.wire: Final = b"".join([b"%b: %b\r\n" % pair for pair in self.pairs])

    def __repr__(self) -> str:
        return f"<HeaderBlock {', '.join(name.decode() for name, _ in self.pairs)}>"


NO_HEADERS: Final = HeaderBlock(())


class Server:
    """The server that requests go to, and the path that all of them begin with: a parsed URL."""

    __slots__ = ("authority", "origin", "path", "root")

    def __init__(self, url: httpx.URL) -> None:
        scheme = url.scheme
        self.origin: Final[Origin] = (
            scheme,
            url.raw_host.decode("ascii"),
            url.port or _DEFAULT_PORTS[scheme],
        )
        self.authority: Final = url.netloc
        self.root: Final = f"{scheme}://{url.netloc.decode('ascii')}"
        self.path: Final = "" if url.raw_path == b"/" else url.raw_path.decode("ascii")


class HttpRequest:
    """One request without its common headers; sent once or, with another token, several times."""

    __slots__ = ("content", "headers", "method", "server", "target")

    def __init__(
        self, method: str, server: Server, path: str, headers: HeaderBlock, content: bytes | None
    ) -> None:
        self.method: Final = method
        self.server: Final = server
        self.target: Final = server.path + path or "/"
        self.headers: Final = headers
        self.content: Final = content
        target = self.target
        if not target.isascii() or not target.isprintable() or " " in target or len(target) > _LONGEST_TARGET:
            raise ConfigurationError("the path and parameters make no URL: are they too long, or not text?")

    def __repr__(self) -> str:
        return f"<HttpRequest {self.method} {self.target}>"

    @property
    def url(self) -> httpx.URL:
        """The whole URL."""
        return _url(self.server.root + self.target)

    def wire(self, common: HeaderBlock, proxy_prefix: bytes = b"", proxy_headers: bytes = b"") -> bytes:
        """Return the request's bytes; `proxy_prefix` makes its target absolute, as proxies expect it."""
        return b"%b %b%b HTTP/1.1\r\n%b%b%b\r\n%b" % (
            self.method.encode(),
            proxy_prefix,
            self.target.encode(),
            common.wire,
            proxy_headers,
            self.headers.wire,
            self.content or b"",
        )
