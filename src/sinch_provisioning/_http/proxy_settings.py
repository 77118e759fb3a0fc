"""Which proxy the environment names for a server: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Final
from urllib.request import getproxies, proxy_bypass

import httpx

from ..errors import ConfigurationError
from .outcome import ExchangeError
from .request import Origin

_NO_PROXY_URL: Final = (
    "not an http:// or https:// URL; for SOCKS pass transport=httpx.AsyncHTTPTransport(proxy=...)"
)


def proxy_for(origin: Origin, explicit: str | None = None) -> httpx.URL | None:
    """Return the proxy for `origin`: `explicit`, else the environment's; None for loopback and what NO_PROXY names.

    NO_PROXY takes host names, which cover their subdomains (also as `.domain` and `*.domain`), addresses, networks in
    CIDR notation, each with an optional port, and `*`. Raises `ExchangeError` for a proxy that can't be used.
    """
    scheme, host, port = origin
    if is_loopback(host):
        return None
    if explicit is not None:
        return _usable(explicit)
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy or _is_exempt(host, port, proxies):
        return None
    return _usable(proxy if "://" in proxy else f"http://{proxy}")


def check_proxy(proxy: str) -> None:
    """Refuse a `proxy` option that can't be used; raises ConfigurationError."""
    try:
        _usable(proxy)
        return
    except (ExchangeError, TypeError):
        pass
    raise ConfigurationError(f"proxy is {_NO_PROXY_URL}")


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine itself."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _usable(proxy: str) -> httpx.URL:
    try:
        url = httpx.URL(proxy)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise ExchangeError("ConnectError", f"the proxy setting is {_NO_PROXY_URL}", final=True)
    return url


def _is_exempt(host: str, port: int, proxies: Mapping[str, str]) -> bool:
    listed = proxies.get("no")
    if listed is None:
        # Where the system keeps the settings (macOS, Windows), it has a list of its own.
        return bool(proxy_bypass(f"{host}:{port}"))
    return any(_matches(host, port, entry.strip()) for entry in listed.split(","))


def _matches(host: str, port: int, entry: str) -> bool:
    if entry in ("", "*"):
        return entry == "*"
    name, entry_port = _split_port(entry)
    if entry_port is not None and entry_port != str(port):
        return False
    name = name.strip("[]").rstrip(".").removeprefix("*").lstrip(".").lower()
    host = host.strip("[]").rstrip(".").lower()
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(name, strict=False)
    except ValueError:
        return bool(name) and (host == name or host.endswith(f".{name}"))


def _split_port(entry: str) -> tuple[str, str | None]:
    name, separator, port = entry.rpartition(":")
    # An IPv6 address without brackets has more than one colon.
    if separator and port.isdigit() and (":" not in name or name.endswith("]")):
        return name, port
    return entry, None
