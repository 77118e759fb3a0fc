"""Which workers are alive: each holds a lock that the operating system or PostgreSQL releases when it dies.

The engine doesn't notice that a worker is gone; the lock tells another one, which takes its workflows over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Protocol

import psycopg
from attrs import define, field

from .. import ConfigurationError

# A worker's machine can vanish without a word; after about this many seconds PostgreSQL gives its lock up.
_SILENCE = 30


class Liveness(Protocol):
    """Where workers show that they live."""

    def hold(self, executor_id: str) -> None:
        """Show this process as alive until it ends."""
        ...

    def is_held(self) -> bool:
        """Whether this process still shows as alive."""
        ...

    def claim_if_dead(self, executor_id: str) -> AbstractContextManager[bool]:
        """Tell whether that worker is dead; within the context nobody else is told so."""
        ...

    def close(self) -> None:
        """Stop showing as alive."""
        ...


def liveness_for(url: str) -> Liveness:
    """Return what suits the database."""
    if url.startswith("sqlite"):
        path = url.partition("///")[2].partition("?")[0]
        if not path:
            raise ConfigurationError("the database needs a file: sqlite:///path")
        return FileLocks(Path(f"{path}.workers"))
    return AdvisoryLocks(url)


@define
class FileLocks:
    """A locked file for each worker, beside the SQLite database."""

    folder: Path
    _own: IO[bytes] | None = None

    def hold(self, executor_id: str) -> None:
        """Lock this worker's file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self._path(executor_id).open("ab")
        if not _lock(file):
            file.close()
            raise ConfigurationError(f"another worker is called {executor_id!r}")
        self._own = file

    def is_held(self) -> bool:
        """Whether it is locked; nothing but this process's end changes that."""
        return self._own is not None

    @contextmanager
    def claim_if_dead(self, executor_id: str) -> Generator[bool]:
        """Try that worker's file; one that can be locked belongs to nobody alive."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._path(executor_id).open("ab") as file:
            dead = _lock(file)
            yield dead
            if dead:
                self._path(executor_id).unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the file, and leave none behind: no worker is ever called the same again."""
        if self._own is not None:
            Path(self._own.name).unlink(missing_ok=True)
            self._own.close()
            self._own = None

    def _path(self, executor_id: str) -> Path:
        return self.folder / hashlib.sha256(executor_id.encode()).hexdigest()[:32]


def _lock(file: IO[bytes]) -> bool:
    try:
        import fcntl  # noqa: PLC0415 - absent on Windows
    except ImportError:
        raise ConfigurationError("workers on SQLite need a POSIX system; use PostgreSQL here") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@define
class AdvisoryLocks:
    """A session-level advisory lock of PostgreSQL for each worker, on a connection of its own."""

    url: str
    _own: psycopg.Connection | None = field(default=None, init=False)

    def hold(self, executor_id: str) -> None:
        """Take this worker's lock."""
        self._own = self._connect()
        if not _try(self._own, executor_id):
            self.close()
            raise ConfigurationError(f"another worker is called {executor_id!r}")

    def is_held(self) -> bool:
        """Whether the session that holds the lock still answers."""
        if self._own is None:
            return False
        try:
            self._own.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    @contextmanager
    def claim_if_dead(self, executor_id: str) -> Generator[bool]:
        """Try that worker's lock on a new session, which ends with the context."""
        with self._connect() as connection:
            yield _try(connection, executor_id)

    def close(self) -> None:
        """End the session, and the lock with it."""
        if self._own is not None:
            self._own.close()
            self._own = None

    def _connect(self) -> psycopg.Connection:
        plain = "postgresql://" + self.url.partition("://")[2]
        options = (
            f"-c tcp_keepalives_idle={_SILENCE // 2} -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
        )
        try:
            return psycopg.connect(plain, autocommit=True, connect_timeout=_SILENCE, options=options)
        except psycopg.OperationalError as error:
            reason = type(error).__name__
        raise ConfigurationError(f"the database can't be reached ({reason}): check its URL and that it runs")


def _try(connection: psycopg.Connection, executor_id: str) -> bool:
    digest = hashlib.sha256(f"sinch-provisioning worker {executor_id}".encode()).digest()
    key = int.from_bytes(digest[:8], "big", signed=True)
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (key,)).fetchone()
    return row is not None and bool(row[0])
