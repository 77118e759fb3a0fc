"""Who may come in: keys, the tokens issued to them, and what each key may see."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Iterable
from urllib.parse import parse_qs, unquote_plus

import attrs

from .clock import Clock
from .operations import Scheme
from .problems import Problem
from .wire import Reply, Request, json_reply

_CHALLENGES = {"bearer": 'Bearer realm="sinch"', "basic": 'Basic realm="sinch"'}


@attrs.frozen
class Caller:
    """A key that has shown itself; `projects` is None where it may see all of them."""

    key_id: str
    scheme: Scheme
    projects: frozenset[str] | None


@attrs.frozen
class _Key:
    secret: str = attrs.field(repr=False)
    projects: frozenset[str] | None


class Access:
    """Keys and tokens; a token lives for `lifetime` seconds as its holder counts them."""

    def __init__(self, clock: Clock, *, lifetime: float) -> None:
        """`lifetime` is what the token endpoint reports as expires_in."""
        self._clock = clock
        self._lifetime = lifetime
        self._keys: dict[str, _Key] = {}
        self._tokens: dict[str, tuple[str, float]] = {}

    def add_key(self, key_id: str, key_secret: str, projects: Iterable[str] | None = None) -> None:
        """Let a key in, to all projects or to the named ones."""
        self._keys[key_id] = _Key(key_secret, None if projects is None else frozenset(projects))

    def expire_tokens(self) -> None:
        """Make every token issued so far an expired one."""
        now = self._clock.monotonic()
        self._tokens = {token: (key_id, min(end, now)) for token, (key_id, end) in self._tokens.items()}

    def expire_token_of(self, request: Request) -> None:
        """Make the token a request carries an expired one."""
        token = _credentials(request, "bearer")
        if token in self._tokens:
            self._tokens[token] = (self._tokens[token][0], self._clock.monotonic())

    def check(self, request: Request, schemes: frozenset[Scheme]) -> Caller:
        """Who is asking, or a 401 Problem that names the schemes that would do."""
        trouble = "No credentials were sent"
        if "authorization" in request.headers:
            trouble = "The credentials are not valid"
        token = _credentials(request, "bearer")
        if token is not None and "bearer" in schemes and token in self._tokens:
            key_id, end = self._tokens[token]
            if self._clock.monotonic() < end:
                return Caller(key_id, "bearer", self._keys[key_id].projects)
            trouble = "The access token has expired"
        pair = _basic_pair(request)
        if pair is not None and "basic" in schemes and self._knows(*pair):
            return Caller(pair[0], "basic", self._keys[pair[0]].projects)
        challenges = tuple(("www-authenticate", _CHALLENGES[scheme]) for scheme in sorted(schemes))
        raise Problem(401, "unauthorized", trouble, headers=challenges)

    def _knows(self, key_id: str, key_secret: str) -> bool:
        key = self._keys.get(key_id)
        return key is not None and hmac.compare_digest(
            key.secret.encode(), key_secret.encode(errors="replace")
        )

    def issue(self, request: Request) -> tuple[Reply, str | None]:
        """Answer a token request (RFC 6749 4.4; id and secret in a header or the form) and say whose."""
        if request.method != "POST":
            problem = Problem(
                405, "method_not_allowed", "Tokens are asked for with POST", headers=(("allow", "POST"),)
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
        # Tokens of yesterday are forgotten: to their holder an unknown one is as useless as an expired one.
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
            # RFC 6749 2.3.1 has id and secret form-encoded before they are joined; many clients don't.
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
