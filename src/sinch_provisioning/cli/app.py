"""The command, its options, and its smallest subcommands; the others register themselves from files of their own."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import App, Parameter, validators

from .. import __version__
from ..desired import schema

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


@app.meta.default
def command(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    debug: Annotated[
        bool, Flag, Parameter(show_default=False, help="Log each request to standard error.")
    ] = False,
) -> int | None:
    """Run one command."""
    if debug:
        logging.basicConfig(format="%(name)s: %(message)s")
        logging.getLogger("sinch_provisioning").setLevel(logging.DEBUG)
    result: int | None = app(tokens)
    return result


def run(arguments: Sequence[str] | None) -> int:
    """Run one command and return its exit code."""
    for name in ("durability", "health", "planning", "senders", "webhooks"):
        import_module(f".{name}", __package__)
    try:
        result = app.meta(None if arguments is None else list(arguments))
    except SystemExit as ended:
        # A wrong argument, already reported; exit code 2 would mean that a plan has changes.
        return 1 if ended.code else 0
    return result if isinstance(result, int) else 0


@app.command(name="schema")
def print_schema() -> int:
    """Print the JSON schema of a desired-state file."""
    sys.stdout.write(schema.published())
    return 0


@app.command
def completion(shell: Literal["bash", "zsh", "fish"]) -> int:
    """Print the completion script of a shell.

    bash: write it to ~/.local/share/bash-completion/completions/sinch-provisioning; zsh: to a file _sinch-provisioning
    in a folder of fpath; fish: to ~/.config/fish/completions/sinch-provisioning.fish.
    """
    sys.stdout.write(app.generate_completion(shell=shell))
    return 0
