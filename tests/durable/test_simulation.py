"""The simulation that docs/scaling.md quotes."""

from __future__ import annotations

from pathlib import Path

from attrs import evolve
from benchmarks.simulation import Setting, line, means, settings, simulate

PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"


def test_the_page_quotes_what_the_simulation_prints() -> None:
    """The table's lines are the simulation's own; those that are quick are made again."""
    text = PAGE.read_text(encoding="utf-8")
    known = list(settings())
    assert all(setting.name in text for setting in known)
    for setting in known:
        if setting.senders <= 10_000:
            assert line(setting) in text


def test_the_scarcest_means_limits() -> None:
    """Means are what they are called, and more of one that isn't scarce changes nothing."""
    few = Setting("few", senders=300)
    assert means(few)["rate limit"] == 5.0
    assert simulate(few).limits == "rate limit"
    assert simulate(evolve(few, workers=20)).submitted == simulate(few).submitted
    assert simulate(evolve(few, rate=100.0, connections=1)).limits == "connections"
    assert simulate(evolve(few, rate=5000.0, workers=200)).limits == "database"
    assert simulate(evolve(few, rate=10.0)).submitted < simulate(few).submitted
