"""A third-party fuzzer reads the document and tries to catch the emulator out."""

from __future__ import annotations

import base64
import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

from sinch_provisioning_emulator import Emulator

from .processes import SPEC, Command

# A page token that was not issued is a 400, which a document can't express.
PAGED = any(each.name == "pageToken" for op in Emulator().document.operations for each in op.parameters)
CONFIG = f"""
[checks.positive_data_acceptance]
expected-statuses = ["2xx", {"400, " if PAGED else ""}401, 404, 409, 412]
"""


@pytest.mark.timeout(300)
def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    """All checks, all phases, valid and invalid data, against the served emulator: no failure.

    The vendored document as it is, but for three statuses that it leaves out; see documented.py.
    """
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    basic = base64.b64encode(b"emulator-key-id:emulator-key-secret").decode()
    with Command("--review", "0") as served:
        run = subprocess.run(
            [
                Path(sysconfig.get_path("scripts")) / "schemathesis",
                "run",
                SPEC,
                "--url",
                served.origin,
                "--header",
                f"Authorization: Basic {basic}",
                "--checks",
                "all",
                "--mode",
                "all",
                "--max-examples",
                "12",
                "--seed",
                "20",
                "--no-color",
                "--warnings",
                "off",
            ],
            cwd=tmp_path,
            env={**os.environ, "SCHEMATHESIS_HOOKS": "documented", "PYTHONPATH": str(Path(__file__).parent)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert served.process.poll() is None
    assert run.returncode == 0, run.stdout[-6_000:] + run.stderr[-2_000:]
    assert f"Tested: {len(Emulator().document.operations)}" in run.stdout
    assert "Stateful" in run.stdout
