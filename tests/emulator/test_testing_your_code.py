"""The scenario that docs/testing-your-code.md shows, and the sample project."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from sinch_provisioning_emulator import Emulator

from ..docs.pages import DOCS, blocks
from .processes import ROOT

EXAMPLE = ROOT / "examples" / "testing_your_service"


def test_the_scenario_can_be_played(tmp_path: Path) -> None:
    """The YAML block is a scenario of two senders and two faults."""
    (scenario,) = [block for block in blocks(DOCS / "testing-your-code.md") if block.language == "yaml"]
    path = tmp_path / "scenario.yaml"
    path.write_text(scenario.text)
    emulator = Emulator(scenario=path)
    assert (len(emulator.senders), len(emulator.faults)) == (2, 2)


def test_the_sample_project_passes() -> None:
    """The example's own tests pass when run as its reader would run them."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:schemathesis", str(EXAMPLE)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    passed = re.search(r"(\d+) passed", run.stdout)
    assert passed is not None
    assert int(passed[1]) >= 5
