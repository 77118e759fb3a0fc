"""Tools that show the variables of an error's frames: none of them shows a secret that was given to a call."""

from __future__ import annotations

import importlib
import io
import json
import sys
import traceback
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import loguru
import pytest
import rich.console
import rich.traceback
import sentry_sdk
import structlog.tracebacks
from IPython.core.ultratb import VerboseTB
from sentry_sdk.transport import Transport

from sinch_provisioning import (
    LineCredentials,
    OAuth2ClientCredentials,
    ProvisioningClient,
    ProvisioningError,
    RetryPolicy,
    TelegramCredentials,
)
from sinch_provisioning.v1_2 import ProvisioningClient as ClientV1_2
from sinch_provisioning_emulator import Emulator

# Not a literal: most of these tools quote the source as well.
CANARY = f"canary-{uuid.uuid4()}"
Error = BaseException


def _standard(error: Error) -> str:
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def _rich(error: Error) -> str:
    console = rich.console.Console(file=io.StringIO(), width=10_000)
    shown = rich.traceback.Traceback.from_exception(
        type(error),
        error,
        error.__traceback__,
        show_locals=True,
        locals_max_length=1_000,
        locals_max_string=10_000,
    )
    with console.capture() as captured:
        console.print(shown)
    return captured.get()


def _structlog(error: Error) -> str:
    show = structlog.tracebacks.ExceptionDictTransformer(
        show_locals=True, locals_max_string=10_000, locals_max_length=100
    )
    return json.dumps(show((type(error), error, error.__traceback__)))


def _loguru(error: Error) -> str:
    logger, out = loguru.logger, io.StringIO()
    logger.remove()
    logger.add(out, diagnose=True, backtrace=True)
    logger.opt(exception=error).error("failed")
    logger.remove()
    return out.getvalue()


# It has no types.
_DJANGO: dict[str, Any] = {
    name: importlib.import_module(name) for name in ("django", "django.conf", "django.views.debug")
}


def _django(error: Error) -> str:
    settings = _DJANGO["django.conf"].settings
    if not settings.configured:
        settings.configure(DEBUG=True, SECRET_KEY="x")
        _DJANGO["django"].setup()
    reporter = _DJANGO["django.views.debug"].ExceptionReporter(None, type(error), error, error.__traceback__)
    return str(reporter.get_traceback_html() + reporter.get_traceback_text())


def _sentry(error: Error) -> str:
    sent: list[str] = []

    class Keep(Transport):
        def capture_envelope(self, envelope: Any) -> None:
            sent.extend(item.payload.get_bytes().decode() for item in envelope.items)

    # The integrations patch the process; what frames show is no part of them.
    client = sentry_sdk.Client(dsn="https://a@127.0.0.1/1", transport=Keep, default_integrations=False)
    with sentry_sdk.isolation_scope() as scope:
        scope.set_client(client)
        sentry_sdk.capture_exception(error)
    return "".join(sent)


def _ipython(error: Error) -> str:
    return str(VerboseTB(theme_name="nocolor").text(type(error), error, error.__traceback__))


TOOLS: dict[str, Callable[[Error], str]] = {
    "traceback": _standard,
    "rich": _rich,
    "structlog": _structlog,
    "loguru": _loguru,
    "django": _django,
    "sentry": _sentry,
    "ipython": _ipython,
}
if sys.version_info < (3, 13):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import cgitb

    def _cgitb(error: Error) -> str:
        frames: Any = (type(error), error, error.__traceback__)
        return cgitb.html(frames)

    TOOLS["cgitb"] = _cgitb

Call = Callable[[Any], Awaitable[object]]


def _credentials() -> dict[str, str]:
    return {"token": CANARY, "secret": CANARY}


def _webhook() -> dict[str, Any]:
    return {"target": "https://acme.example/hook", "triggers": ["ALL"], "secret": CANARY}


_CREATE_WEBHOOK = "WebhookWebhookController_createWebhook_v1"
FAILS: dict[str, Any] = {"status": 500}
LOST: dict[str, Any] = {"drop": "after"}
REFUSED: dict[str, Any] = {"status": 401, "body": {"error": "invalid_client"}}

# By name: the operation, what befalls it, and the call. "1.2" is Sinch's own API.
CALLS: dict[str, tuple[str, dict[str, Any], Call]] = {
    "create": (
        "createLineSender",
        FAILS,
        lambda sinch: sinch.line.create(name="A", channel_credentials=_credentials()),
    ),
    "create, lost": (
        "createTelegramSender",
        LOST,
        lambda sinch: sinch.telegram.create(name="A", channel_credentials=TelegramCredentials(CANARY)),
    ),
    "create, misspelt": (
        "createLineSender",
        FAILS,
        lambda sinch: sinch.line.create(nmae="A", channel_credentials=_credentials()),
    ),
    "ensure": (
        "createLineSender",
        FAILS,
        lambda sinch: sinch.line.ensure(name="A", channel_credentials=_credentials()),
    ),
    "ensure, list fails": (
        "listLineSenders",
        LOST,
        lambda sinch: sinch.line.ensure(name="A", channel_credentials=LineCredentials(CANARY, CANARY)),
    ),
    "request": (
        "createLineSender",
        FAILS,
        lambda sinch: sinch.request(
            "POST", "/v1/projects/{project_id}/line/senders", json={"channelCredentials": _credentials()}
        ),
    ),
    "token refused": ("token", REFUSED, lambda sinch: sinch.rcs.list()),
    "token lost": ("token", LOST, lambda sinch: sinch.rcs.list()),
    "1.2 webhooks.create": (_CREATE_WEBHOOK, FAILS, lambda sinch: sinch.webhooks.create(**_webhook())),
    "1.2 webhooks.ensure": (_CREATE_WEBHOOK, FAILS, lambda sinch: sinch.webhooks.ensure(**_webhook())),
}


async def failure_of(name: str) -> Error:
    """Return the error of a call that was given secrets, with its frames."""
    operation, fault, call = CALLS[name]
    api, client = ("1.2", ClientV1_2) if name.startswith("1.2") else ("1.0", ProvisioningClient)
    emulator = Emulator(api=api, key_secret=CANARY)
    emulator.inject(operation, times=None, **fault)
    async with (
        emulator.serve(),
        client(
            project_id=emulator.project_id,
            credentials=OAuth2ClientCredentials(emulator.key_id, CANARY, emulator.token_url),
            base_url=emulator.base_url,
            clock=emulator.clock,
            retry=RetryPolicy(max_attempts=1),
        ) as sinch,
    ):
        try:
            await call(sinch)
        except (ProvisioningError, TypeError) as error:
            return error
    raise AssertionError("the call succeeded")


@pytest.mark.parametrize("name", CALLS)
async def test_no_tool_shows_a_secret(name: str) -> None:
    """Whatever shows an error with its chain, its frames and their variables shows none that was given."""
    error = await failure_of(name)
    shown = {tool: show(error) for tool, show in TOOLS.items()}
    assert [tool for tool, text in shown.items() if "failure_of" not in text] == []
    assert [tool for tool, text in shown.items() if CANARY in text] == []


def test_each_tool_shows_variables() -> None:
    """A secret that a variable holds as it is would be seen."""

    def fail(given: str) -> None:
        raise RuntimeError(len(given))

    with pytest.raises(RuntimeError, match=str(len(CANARY))) as caught:
        fail(CANARY)
    assert [tool for tool, show in TOOLS.items() if CANARY not in show(caught.value)] == []
