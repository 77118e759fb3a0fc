"""Starting the server in a process of its own, so that its work is nobody's cost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent


@contextmanager
def serving(*, lifetime: float = 3600.0, latency: float = 0.0) -> Iterator[str]:
    """Give the URL of a server whose tokens live `lifetime` seconds and whose answers take `latency` seconds."""
    command = [sys.executable, "-m", "benchmarks.server"]
    with subprocess.Popen(  # noqa: S603 - this interpreter, a module of ours
        [*command, "--lifetime", str(lifetime), "--latency", str(latency)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            # The server ends with its standard input.
            process.stdin.close()
            process.wait(10)
