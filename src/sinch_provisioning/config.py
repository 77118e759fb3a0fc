"""A client's settings: from its arguments, then the environment, then the API's document."""

from __future__ import annotations

import ipaddress
import os
from typing import Final

import httpx

from sinch_provisioning_api import SERVER_URL, TOKEN_URL

from .credentials import BasicCredentials, BearerToken, Credentials, OAuth2ClientCredentials, Secret
from .errors import ConfigurationError

# They would end the segment, or be decoded to something else.
_DELIMITERS: Final = frozenset("/\\?#%")


def resolve_project_id(project_id: str | None) -> str:
    """Return the project id; it is one path segment, so that it can't address another project."""
    value = os.environ.get("SINCH_PROJECT_ID") if project_id is None else project_id
    if value is None:
        raise ConfigurationError("no project id: pass project_id or set SINCH_PROJECT_ID")
    return check_segment("project_id", value)


def check_segment(name: str, value: str | None) -> str:
    """Return `value` if it is one path segment; an id of None comes from a reply that had none."""
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{name} must be a string that is not empty")
    if value in (".", "..") or not value.isprintable() or not _DELIMITERS.isdisjoint(value):
        raise ConfigurationError(f"{name} must be one segment of a path: {value!r} is not")
    return value


def resolve_credentials(credentials: Credentials | None) -> Credentials:
    """Return the credentials."""
    if credentials is None:
        credentials = _from_environment()
    if not isinstance(credentials, OAuth2ClientCredentials | BasicCredentials | BearerToken):
        raise ConfigurationError(
            "credentials must be OAuth2ClientCredentials, BasicCredentials or BearerToken, "
            f"not {type(credentials).__name__}"
        )
    return credentials


def _from_environment() -> OAuth2ClientCredentials:
    # No variable here holds the environment or the secret: a traceback may show variables.
    missing = [name for name in ("SINCH_KEY_ID", "SINCH_KEY_SECRET") if not os.environ.get(name)]
    if missing:
        raise ConfigurationError(f"no credentials: pass credentials or set {' and '.join(missing)}")
    return OAuth2ClientCredentials(os.environ["SINCH_KEY_ID"], Secret(os.environ["SINCH_KEY_SECRET"]))


def resolve_base_url(base_url: str | None) -> str:
    """Return the server's URL without a trailing slash."""
    value = os.environ.get("SINCH_PROVISIONING_URL", SERVER_URL) if base_url is None else base_url
    return str(check_url("base_url (SINCH_PROVISIONING_URL)", value)).rstrip("/")


def resolve_token_url(token_url: str | None) -> httpx.URL:
    """Return the token endpoint's URL."""
    value = os.environ.get("SINCH_TOKEN_URL", TOKEN_URL) if token_url is None else token_url
    return check_url("token_url (SINCH_TOKEN_URL)", value)


def check_url(name: str, value: str) -> httpx.URL:
    """Return `value` as a URL that secrets may travel to: https, or http to this machine itself."""
    try:
        url = httpx.URL(value)
    except (httpx.InvalidURL, TypeError):
        raise ConfigurationError(f"{name} is no URL") from None
    if url.userinfo:
        raise ConfigurationError(f"{name} holds a user name or password: pass credentials instead")
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigurationError(f"{name} must start with https://, and name a host")
    if url.query or url.fragment:
        raise ConfigurationError(f"{name} must have no query and no fragment")
    if url.scheme == "http" and not _is_loopback(url.host):
        raise ConfigurationError(
            f"{name} must be https: plain http would show the key to the network, and is for loopback only"
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
        raise ConfigurationError("max_response_bytes and max_token_response_bytes must be positive whole numbers")
    return value
