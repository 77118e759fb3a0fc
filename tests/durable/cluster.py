"""A PostgreSQL of the test's own, in a folder of its own, that can be restarted and cut off."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from attrs import frozen

# Both ends of the only wire to a cluster that can be cut off.
_HERE, _THERE = "10.213.7.1", "10.213.7.2"


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


@frozen
class Cluster:
    """A running PostgreSQL; `namespace` is the network that it is alone in."""

    programs: Path
    folder: Path
    url: str
    namespace: str | None

    def control(self, *words: str) -> None:
        """Run pg_ctl, which waits until it is done."""
        inside = [] if self.namespace is None else ["ip", "netns", "exec", self.namespace]
        if inside:
            inside += ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        command: list[str | Path] = [
            *inside,
            self.programs / "pg_ctl",
            "-D",
            self.folder / "data",
            "-w",
            *words,
        ]
        user = None if inside else _user()
        subprocess.run(command, user=user, cwd=self.folder, check=True, stdout=subprocess.DEVNULL)

    def restart(self) -> None:
        """Restart it as an administrator would; connections are closed."""
        self.control("-m", "fast", "restart")

    def cut(self, *, off: bool) -> None:
        """Let every packet to and from it be lost, or none; needs root."""
        state = "down" if off else "up"
        _run("ip", "netns", "exec", f"{self.namespace}", "ip", "link", "set", "wire1", state)

    def query(self, sql: str) -> Sequence[tuple[Any, ...]]:
        """Return the rows of a query in the database of orders."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def _alone() -> Generator[str]:
    """Make a network whose only wire leads here."""
    namespace = f"orders{os.getpid()}"
    _run("ip", "netns", "add", namespace)
    try:
        _run("ip", "link", "add", "wire0", "type", "veth", "peer", "name", "wire1", "netns", namespace)
        _run("ip", "addr", "add", f"{_HERE}/30", "dev", "wire0")
        _run("ip", "link", "set", "wire0", "up")
        inside = ("ip", "netns", "exec", namespace, "ip")
        _run(*inside, "addr", "add", f"{_THERE}/30", "dev", "wire1")
        _run(*inside, "link", "set", "lo", "up")
        _run(*inside, "link", "set", "wire1", "up")
        yield namespace
    finally:
        subprocess.run(["ip", "link", "del", "wire0"], check=False)
        subprocess.run(["ip", "netns", "del", namespace], check=False)


@contextmanager
def cluster(*, alone: bool = False) -> Generator[Cluster]:
    """Run an empty cluster on a free port, whose statements are counted; `alone` in a network that can be cut."""
    if alone:
        with _alone() as namespace:
            yield from _cluster(namespace)
    else:
        yield from _cluster(None)


def _cluster(namespace: str | None) -> Generator[Cluster]:
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
        host = "127.0.0.1" if namespace is None else _THERE
        initdb: list[str | Path] = [
            programs / "initdb",
            "-D",
            folder / "data",
            "-A",
            "trust",
            "-U",
            "postgres",
            "--no-sync",
        ]
        subprocess.run(initdb, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        if namespace is not None:
            with (folder / "data" / "pg_hba.conf").open("a") as rules:
                rules.write(f"host all all {_HERE}/32 trust\n")
        made = Cluster(programs, folder, f"postgresql://postgres@{host}:{port}/orders", namespace)
        settings = (
            f"-p {port} -k {folder} -c listen_addresses={host} -c fsync=off -c max_connections=200"
            " -c shared_preload_libraries=pg_stat_statements"
        )
        made.control("-l", str(folder / "log"), "-o", settings, "start")
        try:
            yield made
        finally:
            made.control("-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
