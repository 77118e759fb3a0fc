"""The command `sinch-provisioning` (extra `cli`).

Exit codes: 0 success, 1 failure, 2 more to do (`plan`: changes to apply, `status`: open orders), 130 interrupted.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `arguments` (default: the program's) and return its exit code."""
    from .. import ProvisioningError  # noqa: PLC0415 - keeps `--version` fast

    try:
        from .app import run  # noqa: PLC0415 - the extra `cli`
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("sinch_provisioning"):
            raise
        return _fail(f'{error.name} is not installed: pip install "sinch-provisioning[cli]"')
    # The error says what is logged; without a handler Python would print both.
    logging.getLogger("sinch_provisioning").addHandler(logging.NullHandler())
    try:
        return run(arguments)
    except ProvisioningError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of the pipe is gone; keep the interpreter from failing when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _fail(problem: str) -> int:
    # A server's text may hold escape sequences, which a terminal would obey.
    shown = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in problem)
    sys.stderr.write(f"error: {shown}\n")
    return 1
