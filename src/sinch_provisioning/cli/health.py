"""`token check` and `doctor`: configuration, token, connectivity and clock."""

from __future__ import annotations

import os
import time
from email.utils import parsedate_to_datetime
from typing import Final, Literal

from attrs import frozen

from .. import ConfigurationError, NotFoundError, ProvisioningClient, ProvisioningError, __version__
from ..config import resolve_base_url, resolve_token_url
from ..desired import AnyClient
from . import output
from .app import Api, Json, Project, app, token_app
from .connection import Meter, connect_to

# Servers check tokens by their own clock; a larger skew makes valid tokens look expired.
_TOLERABLE_SKEW: Final = 30.0
# Both APIs have the first; only Sinch's own has the second.
_SMALL_LIST: Final = "/v1/projects/{project_id}/rcs/senders"
_WEBHOOKS: Final = "/v1/projects/{project_id}/webhooks"

Verdict = Literal["ok", "warn", "fail"]


@frozen
class Finding:
    """The result of one check."""

    verdict: Verdict
    what: str
    detail: str

    def to_dict(self) -> dict[str, str]:
        """Return it as JSON data."""
        return {"verdict": self.verdict, "what": self.what, "detail": self.detail}


@token_app.command(name="check")
async def check(*, api: Api = None, project: Project = None, as_json: Json = False) -> int:
    """Fetch a token and make one call with it."""
    meter = Meter()
    async with connect_to(api, project, meter=meter) as sinch:
        problem = await _ask(sinch)
    return _report([_token(meter, problem), *_reply(sinch, meter, problem)], as_json)


@app.command
async def doctor(*, api: Api = None, project: Project = None, as_json: Json = False) -> int:
    """Show the configuration and where it comes from, and check that the API can be reached."""
    findings = [Finding("ok", "version", __version__), *_settings(project)]
    if all(finding.verdict != "fail" for finding in findings):
        meter = Meter()
        async with connect_to(api, project, meter=meter) as sinch:
            answer = await _ask(sinch)
            findings += [_token(meter, answer), *_reply(sinch, meter, answer), _clock(answer)]
            if isinstance(answer, _Answer):
                findings.append(await _version(sinch))
    return _report(findings, as_json)


def _settings(project: str | None) -> list[Finding]:
    findings: list[Finding] = []
    given = {"project": project} if project is not None else {}
    for what, variable in (
        ("project", "SINCH_PROJECT_ID"),
        ("key id", "SINCH_KEY_ID"),
        ("key secret", "SINCH_KEY_SECRET"),
    ):
        value = os.environ.get(variable)
        if what in given:
            findings.append(Finding("ok", what, f"{given[what]} (--project)"))
        elif not value:
            findings.append(Finding("fail", what, f"not set: set {variable}"))
        else:
            shown = "set" if what == "key secret" else value
            findings.append(Finding("ok", what, f"{shown} ({variable})"))
    for what, variable, resolve in (
        ("API", "SINCH_PROVISIONING_URL", resolve_base_url),
        ("token endpoint", "SINCH_TOKEN_URL", resolve_token_url),
    ):
        origin = variable if variable in os.environ else "default"
        try:
            findings.append(Finding("ok", what, f"{resolve(None)} ({origin})"))
        except ConfigurationError as error:
            findings.append(Finding("fail", what, str(error)))
    return findings


@frozen
class _Answer:
    """The reply to a small request: seconds it took, and its Date header."""

    seconds: float
    date: str | None


async def _ask(sinch: AnyClient) -> _Answer | ProvisioningError:
    began = time.monotonic()
    try:
        reply = await sinch.request("GET", _SMALL_LIST, params={"pageSize": 1})
    except ProvisioningError as error:
        return error
    return _Answer(time.monotonic() - began, reply.headers.get("date"))


def _token(meter: Meter, answer: _Answer | ProvisioningError) -> Finding:
    event = meter.token
    if event is None or not event.ok or event.lifetime is None:
        problem = str(answer) if isinstance(answer, ProvisioningError) else "no token was fetched"
        return Finding("fail", "token", problem)
    return Finding(
        "ok",
        "token",
        f"key {event.key_id}, fetched in {event.duration:.2f} s, valid for {event.lifetime:.0f} s",
    )


def _reply(sinch: AnyClient, meter: Meter, answer: _Answer | ProvisioningError) -> list[Finding]:
    if isinstance(answer, _Answer):
        detail = f"project {sinch.project_id} replied in {answer.seconds:.2f} s, including the token"
        return [Finding("ok", "reachable", detail)]
    # Without a token no request was sent to the API.
    return [Finding("fail", "reachable", str(answer))] if meter.calls else []


async def _version(sinch: AnyClient) -> Finding:
    """Find out which of the two APIs replies, and compare it with the one that the client is for."""
    replied = "1.2"
    try:
        await sinch.request("GET", _WEBHOOKS, params={"pageSize": 1})
    except NotFoundError:
        replied = "1.0"
    except ProvisioningError as error:
        return Finding("warn", "API version", f"not checked: {error}")
    if replied == ("1.0" if isinstance(sinch, ProvisioningClient) else "1.2"):
        return Finding("ok", "API version", replied)
    return Finding(
        "warn", "API version", f"{replied} replied: use --api {replied}, or set SINCH_PROVISIONING_API"
    )


def _clock(answer: _Answer | ProvisioningError) -> Finding:
    date = answer.date if isinstance(answer, _Answer) else None
    if date is None:
        return Finding("warn", "clock", "not checked: the reply has no Date header")
    try:
        skew = time.time() - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return Finding("warn", "clock", "not checked: the Date header is invalid")
    verdict: Verdict = "ok" if abs(skew) <= _TOLERABLE_SKEW else "fail"
    return Finding(verdict, "clock", f"{abs(skew):.0f} s {'ahead of' if skew >= 0 else 'behind'} the API")


def _report(findings: list[Finding], as_json: bool) -> int:
    if as_json:
        output.as_json([finding.to_dict() for finding in findings])
    else:
        output.records(("", "what", "detail"), [(each.verdict, each.what, each.detail) for each in findings])
    return 1 if any(finding.verdict == "fail" for finding in findings) else 0
