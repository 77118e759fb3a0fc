"""Authentication: keys, the tokens issued to them, and the projects each key may use."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Iterable
from urllib.parse import parse_qs, unquote_plus

import attrs

from ..openapi.error_replies import Problem
from ..openapi.messages import Reply, Request, json_reply
from ..openapi.operations import Scheme
from .clock import Clock

_CHALLENGES = {"bearer": 'Bearer realm="sinch"', "basic": 'Basic realm="sinch"'}


@attrs.frozen
class Caller:
    """An authenticated key; `projects` is None if it may use all of them."""

    key_id: str
    scheme: Scheme
    projects: frozenset[str] | None


@attrs.frozen
class _Key:
    secret: str = attrs.field(repr=False)
    projects: frozenset[str] | None


class Authenticator:
    """Issues and checks tokens; one is valid for `lifetime` seconds of the client's time."""

    def __init__(self, clock: Clock, *, lifetime: float) -> None:
        """`lifetime` is reported as expires_in."""
        self._clock = clock
        self._lifetime = lifetime
        self._keys: dict[str, _Key] = {}
        self._tokens: dict[str, tuple[str, float]] = {}

    def add_key(self, key_id: str, key_secret: str, projects: Iterable[str] | None = None) -> None:
        """Accept a key, for all projects or the given ones."""
        self._keys[key_id] = _Key(key_secret, None if projects is None else frozenset(projects))

    def expire_tokens(self) -> None:
        """Expire every token issued so far."""
        now = self._clock.monotonic()
        self._tokens = {token: (key_id, min(end, now)) for token, (key_id, end) in self._tokens.items()}

    def expire_token_of(self, request: Request) -> None:
        """Expire the token that a request carries."""
        token = _credentials(request, "bearer")
        if token in self._tokens:
            self._tokens[token] = (self._tokens[token][0], self._clock.monotonic())

    def check(self, request: Request, schemes: frozenset[Scheme]) -> Caller:
        """Return the caller, or raise a 401 Problem whose challenges name the accepted schemes."""
        reason = "No credentials were sent"
        if "authorization" in request.headers:
            reason = "The credentials are not valid"
        token = _credentials(request, "bearer")
        if token is not None and "bearer" in schemes and token in self._tokens:
            key_id, end = self._tokens[token]
            if self._clock.monotonic() < end:
                return Caller(key_id, "bearer", self._keys[key_id].projects)
            reason = "The access token has expired"
        pair = _basic_pair(request)
        if pair is not None and "basic" in schemes and self._knows(*pair):
            return Caller(pair[0], "basic", self._keys[pair[0]].projects)
        challenges = tuple(("www-authenticate", _CHALLENGES[scheme]) for scheme in sorted(schemes))
        raise Problem(401, "unauthorized_error", reason, headers=challenges)

    def _knows(self, key_id: str, key_secret: str) -> bool:
        key = self._keys.get(key_id)
        return key is not None and hmac.compare_digest(
            key.secret.encode(), key_secret.encode(errors="replace")
        )

    def issue(self, request: Request) -> tuple[Reply, str | None]:
        """Answer a token request (RFC 6749, section 4.4) and return the reply and the key id."""
        if request.method != "POST":
            problem = Problem(
                405, "method_not_allowed", "Use POST to request a token", headers=(("allow", "POST"),)
            )
            return problem.reply(), None
        if request.media_type != "application/x-www-form-urlencoded":
            return _refusal(400, "invalid_request"), None
        form = parse_qs(request.body.decode(errors="replace"))
        client = self._client(request, form)
        if client is None:
            return _refusal(401, "invalid_client", ("www-authenticate", _CHALLENGES["basic"])), None
        grants = form.get("grant_type", [])
        if len(grants) != 1:
            return _refusal(400, "invalid_request"), client
        if grants[0] != "client_credentials":
            return _refusal(400, "unsupported_grant_type"), client
        now = self._clock.monotonic()
        # An unknown token is refused like an expired one, so old ones need not be kept.
        self._tokens = {token: kept for token, kept in self._tokens.items() if kept[1] > now - 86_400}
        token = secrets.token_urlsafe(32)
        self._tokens[token] = (client, now + self._lifetime * self._clock.speed)
        lifetime = int(self._lifetime) if self._lifetime == int(self._lifetime) else self._lifetime
        answer = json_reply(
            200,
            {"access_token": token, "expires_in": lifetime, "scope": "", "token_type": "bearer"},
            ("cache-control", "no-store"),
        )
        return answer, client

    def _client(self, request: Request, form: dict[str, list[str]]) -> str | None:
        pairs: list[tuple[str, str]] = []
        pair = _basic_pair(request)
        if pair is not None:
            # RFC 6749, section 2.3.1, has id and secret form-encoded before they are joined; many clients don't.
            pairs = [pair, (unquote_plus(pair[0]), unquote_plus(pair[1]))]
        elif "client_id" in form and "client_secret" in form:
            pairs = [(form["client_id"][-1], form["client_secret"][-1])]
        return next((key_id for key_id, key_secret in pairs if self._knows(key_id, key_secret)), None)


def _refusal(status: int, error: str, *headers: tuple[str, str]) -> Reply:
    return json_reply(status, {"error": error}, ("cache-control", "no-store"), *headers)


def _credentials(request: Request, scheme: Scheme) -> str | None:
    name, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if name.lower() == scheme else None


def _basic_pair(request: Request) -> tuple[str, str] | None:
    encoded = _credentials(request, "basic")
    if encoded is None:
        return None
    try:
        key_id, colon, key_secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return (key_id, key_secret) if colon else None
