"""TLS contexts: certificates are always verified, against the given authorities, SSL_CERT_FILE or certifi's."""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
from functools import cache

import httpx

from ..errors import ConfigurationError

_loading = threading.Lock()


@cache
def _default_context() -> ssl.SSLContext:
    """Make the process's shared context; reading the certificate authorities takes tens of milliseconds."""
    return httpx.create_ssl_context()


def _loaded_default_context() -> ssl.SSLContext:
    with _loading:
        return _default_context()


async def tls_context() -> ssl.SSLContext:
    """Return the process's shared context, loaded in a thread so that the event loop isn't blocked."""
    if _default_context.cache_info().currsize:
        return _default_context()
    return await asyncio.to_thread(_loaded_default_context)


def context_from(verify: ssl.SSLContext | str | os.PathLike[str] | None) -> ssl.SSLContext | None:
    """Read the client's `verify` option: a context, or the path of a file with certificate authorities."""
    if verify is None or isinstance(verify, ssl.SSLContext):
        return verify
    if not isinstance(verify, str | os.PathLike):
        raise ConfigurationError(
            "verify must be an ssl.SSLContext or the path of a CA file; certificates are always verified"
        )
    try:
        return ssl.create_default_context(cafile=os.fspath(verify))
    except (OSError, ValueError) as error:
        reason = type(error).__name__
    raise ConfigurationError(f"verify: the CA file can't be used ({reason})")
