"""Credentials for the API, and credentials of the channels' own platforms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn, Protocol, cast

import httpx
from attrs import frozen

from sinch_provisioning_api import SecretMapping

from .errors import ConfigurationError


class SecretLike(Protocol):
    """A string that another library keeps secret, such as pydantic's `SecretStr`."""

    def get_secret_value(self) -> str:
        """Return the string itself."""
        ...


class Secret:
    """A string that is never shown by accident: not in a repr, a log record, a pickle or a traceback."""

    __slots__ = ("_value",)

    def __init__(self, value: str | SecretLike | Secret) -> None:
        if isinstance(value, Secret):
            value = value.reveal()
        elif not isinstance(value, str) and hasattr(value, "get_secret_value"):
            value = value.get_secret_value()
        # Of another type only by mistake: whoever uses the secret says what is wrong with it.
        self._value = cast("str", value)

    def reveal(self) -> str:
        """Return the string itself."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, _memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret can't be pickled: read it again in the other process")


def _fault(name: str, value: object) -> str | None:
    """Say why `value` can't be sent in a header, without quoting it: it may be the secret."""
    text = value.reveal() if isinstance(value, Secret) else value
    if not isinstance(text, str) or not text:
        return f"{name} must be a non-empty string"
    if not text.isascii() or not text.isprintable() or " " in text:
        return (
            f"{name} contains a space, a line break or another character that keys and tokens don't have: "
            "check how it was copied"
        )
    return None


def _check(values: Mapping[str, object]) -> None:
    # Raised here, where no variable holds a secret: tracebacks may show the variables of their frames.
    for name in values:
        if (fault := _fault(name, values[name])) is not None:
            raise ConfigurationError(fault)


def _set_key(credentials: object, key_id: str, key_secret: Secret) -> None:
    """Set both fields of a key; the constructors only wrap the secret first."""
    # Set before they are checked, so that a traceback can show the object.
    object.__setattr__(credentials, "key_id", key_id)
    object.__setattr__(credentials, "key_secret", key_secret)
    _check({"key_id": key_id, "key_secret": key_secret})
    if ":" in key_id:
        raise ConfigurationError("key_id contains a colon, which separates it from the secret (RFC 7617)")


@frozen(init=False)
class OAuth2ClientCredentials:
    """An access key, exchanged for tokens at `token_url` (default: SINCH_TOKEN_URL, then the API document's)."""

    key_id: str
    key_secret: Secret
    token_url: str | httpx.URL | None

    def __init__(
        self, key_id: str, key_secret: str | SecretLike | Secret, token_url: str | httpx.URL | None = None
    ) -> None:
        key_secret = Secret(key_secret)
        object.__setattr__(self, "token_url", token_url)
        _set_key(self, key_id, key_secret)


@frozen(init=False)
class BasicCredentials:
    """An access key sent with every request; Sinch limits this scheme to tests."""

    key_id: str
    key_secret: Secret

    def __init__(self, key_id: str, key_secret: str | SecretLike | Secret) -> None:
        key_secret = Secret(key_secret)
        _set_key(self, key_id, key_secret)


@frozen(init=False)
class BearerToken:
    """A token obtained elsewhere, used until the server refuses it."""

    token: Secret

    def __init__(self, token: str | SecretLike | Secret) -> None:
        token = Secret(token)
        object.__setattr__(self, "token", token)
        _check({"token": token})


Credentials = OAuth2ClientCredentials | BasicCredentials | BearerToken


class LineCredentials(SecretMapping):
    """A LINE channel's access token and secret, with the Conversation API's names."""

    def __init__(self, token: str | SecretLike, secret: str | SecretLike) -> None:
        super().__init__({"token": Secret(token).reveal(), "secret": Secret(secret).reveal()})
        del token, secret
        _check(self)


class TelegramCredentials(SecretMapping):
    """A Telegram bot's token, with the Conversation API's name."""

    def __init__(self, token: str | SecretLike) -> None:
        super().__init__({"token": Secret(token).reveal()})
        del token
        _check(self)


class KakaoTalkCredentials(SecretMapping):
    """A KakaoTalk channel's Plus Friend id and sender key, with the Conversation API's names."""

    def __init__(self, plus_friend_id: str, sender_key: str | SecretLike) -> None:
        super().__init__(
            {
                "kakaotalk_plus_friend_id": plus_friend_id,
                "kakaotalk_sender_key": Secret(sender_key).reveal(),
            }
        )
        del plus_friend_id, sender_key
        _check(self)
