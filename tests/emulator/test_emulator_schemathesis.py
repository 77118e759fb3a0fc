"""A third-party fuzzer reads the document and tries to catch the emulator out."""

from __future__ import annotations

import base64
import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

from sinch_provisioning_emulator import Emulator

from .processes import SPECS, Command

CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", {}401, 404, 409, 412, 424, 429]
"""
# Sinch's own API has 2,700 requests in the coverage phase alone: run that by hand, with more examples.
EFFORT = {"1.0": ["--max-examples", "12"], "1.2": ["--max-examples", "4", "--phases", "fuzzing,stateful"]}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("api", EFFORT)
def test_schemathesis_finds_nothing(api: str, tmp_path: Path) -> None:
    """All checks, valid and invalid data, against the served emulator: no failure.

    The documents as they are, but for three statuses that the vendored one leaves out; see documented.py.
    """
    operations = Emulator(api=api).document.operations
    # A page token that was not issued is a 400, which a document can't express.
    paged = any(each.name == "pageToken" for operation in operations for each in operation.parameters)
    (tmp_path / "schemathesis.toml").write_text(CONFIG.format("400, " if paged else ""))
    basic = base64.b64encode(b"emulator-key-id:emulator-key-secret").decode()
    with Command("--review", "0", "--api", api) as served:
        run = subprocess.run(
            [
                Path(sysconfig.get_path("scripts")) / "schemathesis",
                "run",
                SPECS[api],
                "--url",
                served.origin,
                "--header",
                f"Authorization: Basic {basic}",
                "--checks",
                "all",
                "--mode",
                "all",
                *EFFORT[api],
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
    assert f"Tested: {len(operations)}" in run.stdout
    assert "Stateful" in run.stdout
