"""A thousand senders, a tenth of all calls failing, and workers that are killed at random."""

from __future__ import annotations

from pathlib import Path

import pytest

from sinch_provisioning_emulator import Emulator, RunningClock

from ..desired.brands import arm
from .chaos import chaos
from .cluster import why_not
from .fleet import Fleet
from .trial import database


@pytest.mark.parametrize("webhooks", [False, True])
@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
async def test_every_sender_is_launched_once_whatever_dies(tmp_path: Path, webhooks: bool) -> None:
    """None is doubled, none is left behind, and no second sees more requests than the rate."""
    emulator = Emulator(clock=RunningClock(), review=1.0, history=100_000, page_size=50)
    arm(emulator)
    with database("postgresql", tmp_path) as url:
        async with Fleet.on(emulator, url) as fleet:
            came = await chaos(
                fleet,
                tmp_path,
                number=1_000,
                rate=400.0,
                poll=0.5,
                kill_every=1.5,
                kills=3,
                incidents={},
                webhooks=webhooks,
            )
    assert came.is_right(1_000, 400.0), came
