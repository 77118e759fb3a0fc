"""The commands and their options; each one says here what it takes, and is done in its own file."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter, validators

from .. import ConfigurationError, __version__
from ..desired import schema
from . import health, planning, senders

Json = Annotated[bool, Parameter("--json", negative=(), help="Print JSON, for programs.")]
Project = Annotated[str | None, Parameter(help="The project's id (default: SINCH_PROJECT_ID).")]
File = Annotated[Path, Parameter(help="A desired-state file, YAML or JSON.")]
Inline = Annotated[
    bool, Parameter("--allow-inline-secrets", negative=(), help="Take secrets that stand in the file itself.")
]
Timeout = Annotated[float | None, Parameter(help="Seconds to wait at most (default: as long as it takes).")]
Database = Annotated[
    str | None,
    Parameter(
        help="sqlite:///FILE or postgresql://... (default: SINCH_PROVISIONING_DATABASE, else a file here)."
    ),
]
Flag = Parameter(negative=())
Positive = Annotated[int, Parameter(validator=validators.Number(gte=1))]

app = App(
    name="sinch-provisioning",
    help="Senders at the Sinch Provisioning API: one by one, or all of a file.",
    help_epilogue="Exit codes: 0 done, 1 something failed or can't be, 2 there is more to do, 130 interrupted.",
    version=__version__,
    result_action="return_value",
)
senders_app = App(name="senders", help="Look at senders, and launch them.")
token_app = App(name="token", help="Look at the token.")
app.command(senders_app)
app.command(token_app)


def run(arguments: Sequence[str] | None) -> int:
    """Run one command and return its exit code."""
    try:
        result = app(None if arguments is None else list(arguments))
    except SystemExit as ended:
        # A wrong argument, told already; its usual 2 would say that a plan has changes.
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
    """Show what applying a file would do; changes nothing.

    Exit code 0: nothing to do; 2: there are changes; 1: something can't be, or went wrong.

    Parameters
    ----------
    everything
        Show the senders that would be left alone, too.
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
    """Create, update and launch what a file wants and is missing; safe to run again at any time.

    Exit code 0: everything is there, or under review; 1: something failed, or was still under review when --wait's
    time was over; 130: interrupted, run it again to go on.

    Parameters
    ----------
    concurrency
        Senders worked on at once.
    wait
        Wait until the carriers have decided about every launch.
    durable
        Only order it all from the workers that share the database.
    poll
        With --durable: seconds until a sender under review is first asked for; growing by half each time.
    longest_poll
        With --durable: the longest such pause, in seconds.
    """
    if durable:
        from . import durability  # noqa: PLC0415 - the extra `durable`

        if allow_inline_secrets or wait:
            raise ConfigurationError("--durable goes with neither --wait nor --allow-inline-secrets")
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
    take_over_every: Annotated[float, Parameter(validator=validators.Number(gt=0))] = 10.0,
) -> int:
    """Carry out what `apply --durable` orders, together with all workers on the same database.

    Parameters
    ----------
    rate
        Requests per second that all workers together may send (default: 5); the last worker started decides.
    take_over_every
        Seconds between two looks for workers that died.
    """
    from . import durability  # noqa: PLC0415 - the extra `durable`

    return durability.run_worker(database=database, rate=rate, take_over_every=take_over_every)


@app.command
def status(
    *,
    database: Database = None,
    everything: Annotated[bool, Parameter("--all", negative=())] = False,
    as_json: Json = False,
) -> int:
    """Show how the orders of `apply --durable` stand.

    Exit code 0: all done; 1: some failed; 2: some are not at their end.

    Parameters
    ----------
    everything
        Show those that are done or under way, too.
    """
    from . import durability  # noqa: PLC0415 - the extra `durable`

    return _finish(durability.show_status(database=database, everything=everything, as_json=as_json))


@app.command(name="schema")
def print_schema() -> int:
    """Print the JSON schema of a desired-state file."""
    sys.stdout.write(schema.as_text())
    return 0


@app.command
def completion(shell: Literal["bash", "zsh", "fish"]) -> int:
    """Print a shell's completion script, to be put where that shell looks for them."""
    sys.stdout.write(app.generate_completion(shell=shell))
    return 0


@app.command
def doctor(*, project: Project = None, as_json: Json = False) -> int:
    """Say what is configured and from where, and whether it reaches the API."""
    return _finish(health.examine(project=project, as_json=as_json))


@token_app.command(name="check")
def check(*, project: Project = None, as_json: Json = False) -> int:
    """Fetch a token and use it once."""
    return _finish(health.check_token(project=project, as_json=as_json))


@senders_app.command(name="list")
def list_senders(
    channel: senders.Channel | None = None, *, project: Project = None, as_json: Json = False
) -> int:
    """List senders.

    Parameters
    ----------
    channel
        One channel's only (default: all of them).
    """
    return _finish(senders.list_senders(channel, project=project, as_json=as_json))


@senders_app.command(name="get")
def get(sender_id: str, *, project: Project = None, as_json: Json = False) -> int:
    """Show one RCS sender."""
    return _finish(senders.get_sender(sender_id, project=project, as_json=as_json))


@senders_app.command(name="launch")
def launch(
    sender_id: str,
    *,
    project: Project = None,
    wait: Annotated[bool, Flag] = False,
    timeout: Timeout = None,
    as_json: Json = False,
) -> int:
    """Launch one RCS sender, unless that is under way.

    Parameters
    ----------
    wait
        Wait until it is live.
    """
    return _finish(
        senders.launch_sender(sender_id, project=project, wait=wait, timeout=timeout, as_json=as_json)
    )


@senders_app.command(name="watch")
def watch(sender_id: str, *, project: Project = None, timeout: Timeout = None, as_json: Json = False) -> int:
    """Print an RCS sender's status now and at each change, until it is live or has failed."""
    return _finish(senders.watch_sender(sender_id, project=project, timeout=timeout, as_json=as_json))
