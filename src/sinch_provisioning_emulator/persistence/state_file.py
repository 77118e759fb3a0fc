"""The state file: a snapshot, and a journal of the changes since.

Each change is appended to the journal before the reply is sent; a new snapshot is written to another file and renamed
over the old one. A process can be killed at any moment without losing a change it has confirmed: at worst the journal
ends in half a line, or repeats entries of the snapshot, which is harmless.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ..openapi.error_replies import EmulatorError
from ..openapi.messages import Json, JsonObject, dump, parse
from ..openapi.schemas import as_list

_FORMAT = "sinch-provisioning-emulator/1"
_LINES = 1000
"""The least number of journal lines before a new snapshot is written."""


class StateFile:
    """One open state file, locked against other processes."""

    def __init__(self, path: Path) -> None:
        """EmulatorError if the file can't be read or is in use."""
        self._path = path
        self._journal_path = path.with_name(path.name + ".journal")
        self.entries: list[JsonObject] = []
        try:
            self._journal = os.open(self._journal_path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise EmulatorError(f"can't write the state file {path}: {error.strerror or error}") from error
        try:
            self._lock()
            self.entries = [*_snapshot(path), *self._journaled()]
        except BaseException:
            os.close(self._journal)
            raise
        self._lines = 0

    def append(self, entry: JsonObject) -> None:
        """Append an entry, which survives a kill once this returns; OSError if the disk is full."""
        line = dump(entry) + b"\n"
        written = os.write(self._journal, line)
        if written < len(line):
            # Half a line would corrupt the next one.
            os.ftruncate(self._journal, os.fstat(self._journal).st_size - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._journal_path))
        self._lines += 1

    def is_long(self, entries: int) -> bool:
        """Return whether the journal is too long for a state of that many entries."""
        return self._lines > max(_LINES, entries)

    def rewrite(self, entries: Iterable[JsonObject]) -> None:
        """Write a new snapshot and empty the journal."""
        listed: list[Json] = [*entries]
        replacement = self._path.with_name(self._path.name + ".new")
        descriptor = os.open(replacement, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(dump({"format": _FORMAT, "entries": listed}) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        replacement.replace(self._path)
        os.ftruncate(self._journal, 0)
        self._lines = 0

    def close(self) -> None:
        """Close the file and release the lock."""
        os.close(self._journal)
        with suppress(OSError):
            if self._lines == 0:
                self._journal_path.unlink()

    def _lock(self) -> None:
        if sys.platform == "win32":
            return
        import fcntl  # noqa: PLC0415 - POSIX only

        try:
            fcntl.flock(self._journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise EmulatorError(f"the state file {self._path} is in use by another emulator") from error

    def _journaled(self) -> list[JsonObject]:
        text = self._journal_path.read_bytes()
        lines = text.split(b"\n")
        # Half a line at the end belongs to a request that was never answered.
        return [_entry(self._path, line) for line in lines[:-1]]


def _snapshot(path: Path) -> list[JsonObject]:
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise EmulatorError(f"can't read the state file {path}: {error.strerror or error}") from error
    try:
        tree = parse(text)
    except ValueError as error:
        raise EmulatorError(f"the state file {path} is not valid JSON: {error}") from error
    if not isinstance(tree, dict) or tree.get("format") != _FORMAT:
        raise EmulatorError(f"{path} is not a state file of this emulator")
    return [entry for entry in as_list(tree.get("entries")) if isinstance(entry, dict)]


def _entry(path: Path, line: bytes) -> JsonObject:
    try:
        entry = parse(line)
    except ValueError as error:
        raise EmulatorError(f"the journal of {path} is damaged: {error}") from error
    if not isinstance(entry, dict):
        raise EmulatorError(f"the journal of {path} is damaged: an entry is not an object")
    return entry
