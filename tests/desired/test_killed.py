"""The command killed for real, and run again."""

from __future__ import annotations

from pathlib import Path

from . import full_size


async def test_killed_and_run_again_it_comes_to_the_same_end(tmp_path: Path) -> None:
    """kill -9 in the midst of faults leaves no gap and no double; afterwards nothing is left to do."""
    assert await full_size.run(80, tmp_path, kills=1)
