"""docs/testing-your-code.md and the sample project: every block is run as it stands."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sinch_provisioning_emulator import Emulator

from .processes import ROOT

PAGE = (ROOT / "docs" / "testing-your-code.md").read_text()
EXAMPLE = ROOT / "examples" / "testing_your_service"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
# Of this Starlette's TestClient, about the HTTP library underneath it: nothing that a reader's test does.
TESTCLIENT = "ignore:Using `httpx` with `starlette.testclient`"


def ran(*arguments: str, folder: Path) -> str:
    """What pytest says about these arguments, warnings being errors."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:schemathesis", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_every_python_block_is_a_test_that_passes(tmp_path: Path) -> None:
    """Each block by itself, as somebody would copy it."""
    blocks = [text for language, text in BLOCKS if language == "python"]
    for number, text in enumerate(blocks):
        (tmp_path / f"test_block_{number}.py").write_text(text)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
    )
    told = ran("-W", "error", "-W", TESTCLIENT, "-v", folder=tmp_path)
    assert {f"test_block_{number}.py" for number in range(len(blocks))} <= set(
        re.findall(r"test_block_\d+\.py", told)
    )
    assert len(blocks) == 13


def test_the_scenario_can_be_played(tmp_path: Path) -> None:
    """The YAML block is a scenario of two senders and two faults."""
    (text,) = [text for language, text in BLOCKS if language == "yaml"]
    path = tmp_path / "scenario.yaml"
    path.write_text(text)
    emulator = Emulator(scenario=path)
    assert (len(emulator.senders), len(emulator.faults)) == (2, 2)


@pytest.mark.skipif(shutil.which("curl") is None, reason="the block calls curl, which is not installed")
def test_the_shell_block_runs(tmp_path: Path) -> None:
    """On a free port in place of 8080; the emulator answers, obeys, and ends cleanly."""
    (script,) = [text for language, text in BLOCKS if language == "sh"]
    (scenario,) = [text for language, text in BLOCKS if language == "yaml"]
    (tmp_path / "scenario.yaml").write_text(scenario)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    run = subprocess.run(
        ["bash", "-eu", "-c", script.replace("8080", str(port))],
        cwd=tmp_path,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "no_proxy": "127.0.0.1",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert '"name":"Shop"' in run.stdout
    assert '"operation":"launchRcsSender"' in run.stdout
    assert (tmp_path / "state.json").exists()


def test_no_block_is_of_another_kind() -> None:
    """Whatever is shown is run by one of the tests above."""
    assert {language for language, _ in BLOCKS} == {"python", "yaml", "sh"}


def test_the_sample_project_passes() -> None:
    """The example's own tests pass when run as its reader would run them."""
    passed = re.search(r"(\d+) passed", ran(str(EXAMPLE), folder=ROOT))
    assert passed is not None
    assert int(passed[1]) >= 5
