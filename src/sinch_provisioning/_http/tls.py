"""The TLS context of the process: certificates are checked, against the authorities of SSL_CERT_FILE or certifi."""

from __future__ import annotations

import asyncio
import ssl
import threading
from functools import cache

import httpx

_loading = threading.Lock()


@cache
def _tls_context() -> ssl.SSLContext:
    """Make the process's one TLS context; reading the certificate authorities takes tens of milliseconds."""
    return httpx.create_ssl_context()


@cache
def _no_tls_context() -> ssl.SSLContext:
    """Make a context that trusts nobody, for plain-http origins, which never use it."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _loaded_tls_context() -> ssl.SSLContext:
    with _loading:
        return _tls_context()


async def tls_context(scheme: str) -> ssl.SSLContext:
    """Return the context for `scheme`; the process's one is loaded in a thread, so that the event loop goes on."""
    if scheme != "https":
        return _no_tls_context()
    if _tls_context.cache_info().currsize:
        return _tls_context()
    return await asyncio.to_thread(_loaded_tls_context)
