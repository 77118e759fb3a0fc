"""The command, its options, and its smallest subcommands; the others register themselves from files of their own."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter, validators

from .. import __version__
from ..desired import schema

Json = Annotated[bool, Parameter("--json", negative=(), help="Print JSON, for programs.")]
Project = Annotated[str | None, Parameter(help="Project id (default: SINCH_PROJECT_ID).")]
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

app = App(
    name="sinch-provisioning",
    help="Manage senders of the Sinch Provisioning API, one by one or from a file.",
    help_epilogue="Exit codes: 0 success, 1 failure, 2 more to do, 130 interrupted.",
    version=__version__,
    result_action="return_value",
)
senders_app = App(name="senders", help="List, show, launch and watch senders.")
token_app = App(name="token", help="Check the access token.")
app.command(senders_app)
app.command(token_app)


def run(arguments: Sequence[str] | None) -> int:
    """Run one command and return its exit code."""
    for name in ("durability", "health", "planning", "senders"):
        import_module(f".{name}", __package__)
    try:
        result = app(None if arguments is None else list(arguments))
    except SystemExit as ended:
        # A wrong argument, already reported; exit code 2 would mean that a plan has changes.
        return 1 if ended.code else 0
    return result if isinstance(result, int) else 0


@app.command(name="schema")
def print_schema() -> int:
    """Print the JSON schema of a desired-state file."""
    sys.stdout.write(schema.as_text())
    return 0


@app.command
def completion(shell: Literal["bash", "zsh", "fish"]) -> int:
    """Print the completion script of a shell."""
    sys.stdout.write(app.generate_completion(shell=shell))
    return 0
