"""`unixepoch('subsec')` for a SQLite that lacks it: on Python 3.12 and later the engine's tables use it.

SQLite has it from 3.42 on (https://www.sqlite.org/lang_datefunc.html); an older one answers NULL, where the engine's
columns must not be.
"""

import sqlite3
import time
from typing import Any, Final


class _Connection(sqlite3.Connection):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.create_function("unixepoch", 1, _unixepoch)


def _unixepoch(modifier: str) -> float:
    if modifier != "subsec":
        raise ValueError(f"unixepoch({modifier!r}) is not supported")
    return time.time()


_NEEDED: Final = sqlite3.sqlite_version_info < (3, 42)

SQLITE_ARGUMENTS: Final[dict[str, Any]] = {"factory": _Connection} if _NEEDED else {}
