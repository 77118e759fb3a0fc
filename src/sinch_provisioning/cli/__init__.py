"""The command `sinch-provisioning` (extra `cli`).

Exit codes: 0 done, 1 something failed or can't be, 2 there is more to do (`plan`: changes to apply, `status`:
orders not at their end), 130 interrupted.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `arguments` (default: the program's) and return its exit code."""
    from .. import ProvisioningError  # noqa: PLC0415 - in a program that only says its version, nothing is loaded twice

    try:
        from .app import run  # noqa: PLC0415 - the extra `cli`
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("sinch_provisioning"):
            raise
        return _fail(f'{error.name} is missing: pip install "sinch-provisioning[cli]"')
    # What is logged is told by the error itself; without a handler Python would print it beside that.
    logging.getLogger("sinch_provisioning").addHandler(logging.NullHandler())
    try:
        return run(arguments)
    except ProvisioningError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read the output has seen enough; the interpreter must not complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _fail(problem: str) -> int:
    sys.stderr.write(f"error: {problem}\n")
    return 1
