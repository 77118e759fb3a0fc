"""A client's settings: from its arguments, then the environment, then the API's document."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from enum import Enum
from typing import Final, Literal
from uuid import UUID

import httpx

from sinch_provisioning_api import SERVER_URL, TOKEN_URL

from .credentials import BasicCredentials, BearerToken, Credentials, OAuth2ClientCredentials, Secret
from .errors import ConfigurationError

# They would end the segment, or be decoded to something else.
_DELIMITERS: Final = frozenset("/\\?#%")

Id = str | UUID


def resolve_project_id(project_id: Id | None) -> str:
    """Return the project id; it is one path segment, so that it can't address another project."""
    value = _from_environment("SINCH_PROJECT_ID") if project_id is None else project_id
    if value is None:
        raise ConfigurationError("no project id: pass project_id or set SINCH_PROJECT_ID")
    return check_segment("project_id", value)


def resolve_api(api: str | None = None) -> Literal["1.0", "1.2"]:
    """Return which API is meant: that of the vendored document (1.0), or Sinch's own (1.2)."""
    value = (_from_environment("SINCH_PROVISIONING_API") or "1.0") if api is None else api
    if value == "1.2":
        return "1.2"
    if value != "1.0":
        raise ConfigurationError(f"api (SINCH_PROVISIONING_API) must be 1.0 or 1.2, which {value!r} is not")
    return "1.0"


def check_segment(name: str, value: Id | None) -> str:
    """Return `value` as text if it is one path segment; a UUID or an enum of strings counts by its value.

    None is the id of a reply that had none.
    """
    text = value.value if isinstance(value, Enum) else value
    if isinstance(text, UUID):
        return str(text)
    if not isinstance(text, str) or not text:
        raise ConfigurationError(f"{name} must be a non-empty string")
    if text in (".", "..") or not text.isprintable() or not _DELIMITERS.isdisjoint(text):
        raise ConfigurationError(f"{name} must be a single path segment, which {text!r} is not")
    if text != text.strip():
        raise ConfigurationError(f"{name} must have no space around it: {text!r} has")
    return str(text)


def _from_environment(name: str) -> str | None:
    # An empty variable counts as unset: that is how compose files pass on a variable that has no value.
    return os.environ.get(name) or None


def resolve_credentials(credentials: Credentials | None) -> Credentials:
    """Return the credentials."""
    if credentials is None:
        credentials = _credentials_from_environment()
    if not isinstance(credentials, OAuth2ClientCredentials | BasicCredentials | BearerToken):
        raise ConfigurationError(
            "credentials must be OAuth2ClientCredentials, BasicCredentials or BearerToken, "
            f"not {type(credentials).__name__}"
        )
    return credentials


def _credentials_from_environment() -> OAuth2ClientCredentials:
    # No variable here holds the environment or the secret: a traceback may show variables.
    missing = [name for name in ("SINCH_KEY_ID", "SINCH_KEY_SECRET") if not os.environ.get(name)]
    if missing:
        raise ConfigurationError(f"no credentials: pass credentials or set {' and '.join(missing)}")
    return OAuth2ClientCredentials(os.environ["SINCH_KEY_ID"], Secret(os.environ["SINCH_KEY_SECRET"]))


def check_http_hosts(hosts: Iterable[str]) -> frozenset[str]:
    """Return the names of hosts, besides this machine, that plain http may be used with."""
    names = [""] if isinstance(hosts, str) or not isinstance(hosts, Iterable) else list(hosts)
    if not all(isinstance(name, str) and _is_host(name) for name in names):
        raise ConfigurationError('http_hosts must be a sequence of host names, such as ("emulator",)')
    return frozenset(name.lower() for name in names)


def _is_host(name: str) -> bool:
    try:
        return name != "" and httpx.URL(scheme="http", host=name).host == name.lower()
    except (httpx.InvalidURL, ValueError):
        return False


def resolve_base_url(base_url: str | httpx.URL | None, http_hosts: frozenset[str] = frozenset()) -> str:
    """Return the server's URL without a trailing slash."""
    value = (_from_environment("SINCH_PROVISIONING_URL") or SERVER_URL) if base_url is None else base_url
    return str(check_url("base_url (SINCH_PROVISIONING_URL)", value, http_hosts)).rstrip("/")


def resolve_token_url(
    token_url: str | httpx.URL | None, http_hosts: frozenset[str] = frozenset()
) -> httpx.URL:
    """Return the token endpoint's URL."""
    value = (_from_environment("SINCH_TOKEN_URL") or TOKEN_URL) if token_url is None else token_url
    return check_url("token_url (SINCH_TOKEN_URL)", value, http_hosts)


def check_url(name: str, value: object, http_hosts: frozenset[str] = frozenset()) -> httpx.URL:
    """Return `value` as a URL that secrets may be sent to: https, or http to this machine or one of `http_hosts`.

    `value` is a string or any URL object whose `str()` is the URL, such as pydantic's `HttpUrl`.
    """
    try:
        url = httpx.URL(str(value))
        # Decoded here, where a name that IDNA does not allow can still be reported.
        host, port = url.host, url.port
    except (httpx.InvalidURL, ValueError):
        raise ConfigurationError(f"{name} is not a valid URL") from None
    if port is not None and not 0 < port < 2**16:
        raise ConfigurationError(f"{name} is not a valid URL: it has port {port}")
    if url.userinfo:
        raise ConfigurationError(f"{name} contains a user name or password: pass credentials instead")
    if url.scheme not in ("http", "https") or not host or (":" not in host and "%" in host):
        raise ConfigurationError(f"{name} must start with https:// and name a host")
    if url.query or url.fragment:
        raise ConfigurationError(f"{name} must have no query and no fragment")
    if url.scheme == "http" and not _is_loopback(host) and host.lower() not in http_hosts:
        raise ConfigurationError(
            f"{name} must be https: plain http would expose the key to the network; for a server in a network that "
            f"you trust, pass http_hosts=({host!r},)"
        )
    return url


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_size(value: int) -> int:
    """Return the largest size of a reply, in bytes."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigurationError(
            "max_response_bytes and max_token_response_bytes must be positive whole numbers"
        )
    return value
