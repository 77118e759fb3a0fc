"""A PostgreSQL of the test's own, in a folder of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


def binaries() -> Path | None:
    """Return where PostgreSQL's programs are, None where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    if found:
        return found[0].parent
    program = shutil.which("initdb")
    return None if program is None else Path(program).parent


def _user() -> str | None:
    """Return whom to become: PostgreSQL refuses to run as root."""
    return "postgres" if os.geteuid() == 0 else None


def why_not() -> str | None:
    """Return why no cluster can be started here, None where one can."""
    if binaries() is None:
        return "PostgreSQL is not installed (apt: postgresql)"
    try:
        if _user() is not None:
            pwd.getpwnam("postgres")
    except KeyError:
        return "PostgreSQL does not run as root, and there is no user postgres"
    return None


@contextmanager
def cluster() -> Generator[str]:
    """Run an empty cluster on a free port; gives the URL of a database in it."""
    programs = binaries()
    assert programs is not None
    user = _user()
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        if user is not None:
            shutil.chown(folder, user, user)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        data = folder / "data"

        def run(*command: str | Path) -> None:
            subprocess.run(command, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL)

        run(programs / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "--no-sync")
        settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        run(programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", settings, "start")
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/orders"
        finally:
            run(programs / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
