"""The commands and their options."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import App, Parameter, validators

from .. import ConfigurationError, __version__
from ..desired import schema
from . import health, planning, senders, webhooks

Json = Annotated[bool, Parameter("--json", negative=(), help="Print JSON, for programs.")]
Project = Annotated[str | None, Parameter(help="Project id (default: SINCH_PROJECT_ID).")]
Api = Annotated[
    Literal["1.0", "1.2"] | None,
    Parameter(
        help="1.2: Sinch's own API; 1.0: the vendored document's (default: SINCH_PROVISIONING_API, then 1.0)."
    ),
]
File = Annotated[Path, Parameter(help="A desired-state file, YAML or JSON.")]
Inline = Annotated[
    bool, Parameter("--allow-inline-secrets", negative=(), help="Accept literal secrets in the file.")
]
Timeout = Annotated[float | None, Parameter(help="Maximum wait in seconds (default: no limit).")]
Database = Annotated[
    str | None,
    Parameter(
        help="sqlite:///FILE or postgresql://... (default: SINCH_PROVISIONING_DATABASE, then a file in this folder)."
    ),
]
Flag = Parameter(negative=())
Positive = Annotated[int, Parameter(validator=validators.Number(gte=1))]

_EPILOGUE: Final = """\
Settings: SINCH_PROJECT_ID, SINCH_KEY_ID, SINCH_KEY_SECRET, and optionally SINCH_PROVISIONING_URL, SINCH_TOKEN_URL.

Examples:

sinch-provisioning doctor

sinch-provisioning senders list rcs

sinch-provisioning senders launch SENDER_ID --wait

sinch-provisioning plan senders.yaml

Exit codes: 0 success, 1 failure, 2 more to do, 130 interrupted."""

app = App(
    name="sinch-provisioning",
    help="Manage senders of the Sinch Provisioning API, one by one or from a file.",
    help_epilogue=_EPILOGUE,
    version=__version__,
    result_action="return_value",
)
senders_app = App(name="senders", help="List, show, launch and watch senders.")
webhooks_app = App(
    name="webhooks", help="Webhooks of Sinch's own API: list, ensure, delete, and hear them here."
)
token_app = App(name="token", help="Check the access token.")
app.command(senders_app)
app.command(webhooks_app)
app.command(token_app)


def run(arguments: Sequence[str] | None) -> int:
    """Run one command and return its exit code."""
    try:
        result = app(None if arguments is None else list(arguments))
    except SystemExit as ended:
        # A wrong argument, already reported; exit code 2 would mean that a plan has changes.
        return 1 if ended.code else 0
    return result if isinstance(result, int) else 0


def _finish(work: Coroutine[Any, Any, int]) -> int:
    return asyncio.run(work)


@app.command
def plan(
    file: File,
    *,
    everything: Annotated[bool, Parameter("--all", negative=())] = False,
    as_json: Json = False,
    allow_inline_secrets: Inline = False,
) -> int:
    """Show what `apply` would do with a file; changes nothing.

    Exit code 0: nothing to do; 2: there are changes; 1: a sender is blocked, or a call failed.

    Parameters
    ----------
    everything
        Also show unchanged senders.
    """
    return _finish(
        planning.plan_file(file, as_json=as_json, everything=everything, inline=allow_inline_secrets)
    )


@app.command
def apply(
    file: File,
    *,
    concurrency: Positive = 20,
    wait: Annotated[bool, Flag] = False,
    timeout: Timeout = None,
    as_json: Json = False,
    allow_inline_secrets: Inline = False,
    durable: Annotated[bool, Flag] = False,
    database: Database = None,
    poll: Annotated[float, Parameter(validator=validators.Number(gt=0))] = 600.0,
    longest_poll: Annotated[float, Parameter(validator=validators.Number(gt=0))] = 14_400.0,
) -> int:
    """Create, update and launch the senders of a file; safe to run again at any time.

    Exit code 0: every sender is as desired, or under review; 1: a sender failed, or was still under review when
    --wait timed out; 130: interrupted, run it again to continue.

    Parameters
    ----------
    concurrency
        Number of senders to work on at once.
    wait
        Wait until the carriers have decided about every launch.
    durable
        Leave the work to the workers on the same database.
    poll
        With --durable: seconds until senders under review are first polled; each pause is half as long again.
    longest_poll
        With --durable: the longest pause between two polls, in seconds.
    """
    if durable:
        from . import durability  # noqa: PLC0415 - the extra `durable`

        if allow_inline_secrets or wait:
            raise ConfigurationError("--durable can't be combined with --wait or --allow-inline-secrets")
        return _finish(
            durability.order_file(
                file, database=database, poll=poll, longest_poll=longest_poll, as_json=as_json
            )
        )
    return _finish(
        planning.apply_file(
            file,
            concurrency=concurrency,
            wait=wait,
            timeout=timeout,
            as_json=as_json,
            inline=allow_inline_secrets,
        )
    )


@app.command
def worker(
    *,
    database: Database = None,
    rate: Annotated[float | None, Parameter(validator=validators.Number(gt=0))] = None,
    take_over_every: Annotated[float, Parameter(validator=validators.Number(gt=0))] = 1.0,
) -> int:
    """Carry out orders of `apply --durable`, together with all other workers on the same database.

    Parameters
    ----------
    rate
        Requests per second for all workers together (default: 5); the worker started last decides.
    take_over_every
        Seconds between two checks for dead workers.
    """
    from . import durability  # noqa: PLC0415 - the extra `durable`

    return durability.run_worker(database=database, rate=rate, take_over_every=take_over_every)


@app.command
def status(
    *,
    database: Database = None,
    everything: Annotated[bool, Parameter("--all", negative=())] = False,
    watch: Annotated[bool, Flag] = False,
    as_json: Json = False,
) -> int:
    """Show the state of all orders of `apply --durable`.

    Exit code 0: all done; 1: some failed or were stopped; 2: some are still open.

    Parameters
    ----------
    everything
        Also show orders that are done, queued or under way.
    watch
        Show a live display until every order has ended.
    """
    from . import durability  # noqa: PLC0415 - the extra `durable`

    return _finish(
        durability.show_status(database=database, everything=everything, watch=watch, as_json=as_json)
    )


@app.command
def cancel(*orders: str, database: Database = None) -> int:
    """Cancel open orders; what was sent already stays as it is.

    Parameters
    ----------
    orders
        Ids as `status --all` shows them: project/channel/name.
    """
    from . import durability  # noqa: PLC0415 - the extra `durable`

    return _finish(durability.cancel_orders(list(orders), database=database))


@app.command(name="schema")
def print_schema() -> int:
    """Print the JSON schema of a desired-state file."""
    sys.stdout.write(schema.as_text())
    return 0


@app.command
def completion(shell: Literal["bash", "zsh", "fish"]) -> int:
    """Print the completion script of a shell.

    bash: write it to ~/.local/share/bash-completion/completions/sinch-provisioning; zsh: to a file _sinch-provisioning
    in a folder of fpath; fish: to ~/.config/fish/completions/sinch-provisioning.fish.
    """
    sys.stdout.write(app.generate_completion(shell=shell))
    return 0


@app.command
def doctor(*, api: Api = None, project: Project = None, as_json: Json = False) -> int:
    """Show the configuration and where it comes from, and check that the API can be reached."""
    return _finish(health.examine(api=api, project=project, as_json=as_json))


@token_app.command(name="check")
def check(*, api: Api = None, project: Project = None, as_json: Json = False) -> int:
    """Fetch a token and make one call with it."""
    return _finish(health.check_token(api=api, project=project, as_json=as_json))


@senders_app.command(name="list")
def list_senders(
    channel: senders.Channel | None = None, *, api: Api = None, project: Project = None, as_json: Json = False
) -> int:
    """List senders.

    Parameters
    ----------
    channel
        Only this channel (default: all).
    """
    return _finish(senders.list_senders(channel, api=api, project=project, as_json=as_json))


@senders_app.command(name="get")
def get(sender_id: str, *, api: Api = None, project: Project = None, as_json: Json = False) -> int:
    """Show one RCS sender."""
    return _finish(senders.get_sender(sender_id, api=api, project=project, as_json=as_json))


@senders_app.command(name="launch")
def launch(
    sender_id: str,
    *,
    api: Api = None,
    project: Project = None,
    wait: Annotated[bool, Flag] = False,
    timeout: Timeout = None,
    as_json: Json = False,
) -> int:
    """Launch one RCS sender, unless it is already launching or launched.

    Parameters
    ----------
    wait
        Wait until the sender is launched.
    """
    return _finish(
        senders.launch_sender(
            sender_id, api=api, project=project, wait=wait, timeout=timeout, as_json=as_json
        )
    )


@senders_app.command(name="watch")
def watch(
    sender_id: str,
    *,
    api: Api = None,
    project: Project = None,
    timeout: Timeout = None,
    as_json: Json = False,
) -> int:
    """Print the status of an RCS sender now and at each change, until it is launched or has failed."""
    return _finish(
        senders.watch_sender(sender_id, api=api, project=project, timeout=timeout, as_json=as_json)
    )


@webhooks_app.command(name="list")
def list_webhooks(*, project: Project = None, as_json: Json = False) -> int:
    """List the webhooks of a project."""
    return _finish(webhooks.list_webhooks(project=project, as_json=as_json))


@webhooks_app.command(name="ensure")
def ensure_webhook(target: str, *triggers: str, project: Project = None, as_json: Json = False) -> int:
    """Register a webhook, or bring the one of that target up to date.

    The secret that signs its deliveries is read from SINCH_WEBHOOK_SECRET.

    Parameters
    ----------
    target
        The URL that events are sent to.
    triggers
        Names such as RCS_SENDER_STATUS_UPDATED (default: ALL).
    """
    return _finish(webhooks.ensure(target, triggers or ("ALL",), project=project, as_json=as_json))


@webhooks_app.command(name="delete")
def delete_webhook(webhook_id: str, *, project: Project = None) -> int:
    """Delete a webhook."""
    return _finish(webhooks.delete(webhook_id, project=project))


@webhooks_app.command(name="listen")
def listen(
    *,
    port: Annotated[int, Parameter(validator=validators.Number(gte=0, lt=2**16))] = 8000,
    host: str = "127.0.0.1",
    as_json: Json = False,
) -> int:
    """Print the events that come to this machine, until it is interrupted; for development.

    Every path is taken for the webhook's. The secret is read from SINCH_WEBHOOK_SECRET.
    """
    return _finish(webhooks.listen(host, port, as_json=as_json))
