"""`python -m sinch_provisioning_emulator`: served, stopped, and told what can't be."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import httpx
import pytest

from sinch_provisioning_emulator.__main__ import main


async def started(*arguments: str) -> tuple[Process, str, str]:
    """The command on a free port, the URL it tells, and all that it tells."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sinch_provisioning_emulator",
        "--port",
        "0",
        *arguments,
        stdout=PIPE,
        stderr=PIPE,
    )
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or not lines[-1].startswith("Serving"):
        lines.append((await process.stdout.readline()).decode())
        assert lines[-1], "it ended before it served"
    return process, lines[-1].split(" at ")[1].split(" ")[0], "".join(lines)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_it_serves_until_it_is_stopped(
    tmp_path: Path, brand: dict[str, str], stop: signal.Signals
) -> None:
    """It tells where and with which key, launches within its short review, and ends with 0 and a tidy state file."""
    process, origin, told = await started("--state", str(tmp_path / "state.json"), "--control")
    assert f"{origin}/oauth2/token" in told
    assert f"{origin}/__emulator__/" in told
    async with httpx.AsyncClient(base_url=origin, auth=("emulator-key-id", "emulator-key-secret")) as api:
        base = "/v1/projects/p/rcs/senders"
        sender = (await api.post(base, json=brand)).json()
        await api.post(f"{base}/{sender['id']}/launch")
        await api.post("/__emulator__/clock", json={"seconds": 10})
        assert (await api.get(f"{base}/{sender['id']}")).json()["status"] == "LAUNCHED"
        token = await api.post("/oauth2/token", data={"grant_type": "client_credentials"})
        assert token.json()["expires_in"] == 3600
        process.send_signal(stop)
        _, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")
    assert os.listdir(tmp_path) == ["state.json"]


async def test_its_options_reach_the_emulator(tmp_path: Path) -> None:
    """Key, scenario, paging and unique names are those of the command line; a given secret is not told."""
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("senders: [{channel: line, project_id: p, fields: {name: A}}]")
    process, origin, told = await started(
        "--scenario",
        str(scenario),
        "--key-id",
        "me",
        "--key-secret",
        "hush",
        "--page-size",
        "1",
        "--unique-names",
        "--control",
    )
    assert "hush" not in told
    async with httpx.AsyncClient(base_url=origin, auth=("me", "hush")) as api:
        assert (await api.post("/v1/projects/p/line/senders", json={"name": "A"})).status_code == 409
        assert (await api.get("/v1/projects/p/line/senders")).json()["totalSize"] == 1
    process.send_signal(signal.SIGTERM)
    await process.communicate()


async def test_who_listens_everywhere_is_reached_at_loopback() -> None:
    """The URL that is told can be connected to."""
    process, origin, _ = await started("--host", "0.0.0.0")
    async with httpx.AsyncClient(base_url=origin) as api:
        assert (await api.get("/")).status_code == 404
    assert origin.startswith("http://127.0.0.1:")
    process.send_signal(signal.SIGTERM)
    await process.communicate()


async def test_a_scenario_is_not_played_twice_over_a_kept_state(tmp_path: Path) -> None:
    """Its senders are there once, however often the emulator starts."""
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("senders: [{channel: line, project_id: p, fields: {name: A}}]")
    for _ in range(2):
        process, origin, _ = await started(
            "--scenario", str(scenario), "--state", str(tmp_path / "s.json"), "--control"
        )
        async with httpx.AsyncClient(base_url=origin) as api:
            assert len((await api.get("/__emulator__/state")).json()["senders"]) == 1
        process.send_signal(signal.SIGTERM)
        await process.communicate()


async def test_bad_input_ends_the_process_with_2(tmp_path: Path) -> None:
    """The real process: nothing on stdout, one line on stderr, no traceback."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sinch_provisioning_emulator",
        "--state",
        str(tmp_path),
        stdout=PIPE,
        stderr=PIPE,
    )
    output, errors = await process.communicate()
    assert (process.returncode, output, errors.count(b"\n")) == (2, b"", 1)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--port", "TAKEN"], "can't listen on 127.0.0.1 port"),
        (["--port", "70000"], "can't listen"),
        (["--port", "x"], "--port"),
        (["--host", "nowhere.invalid"], "can't listen"),
        (["--scenario", "bad.yaml"], "unknown operation 'nope'"),
        (["--scenario", "none.yaml"], "No such file"),
        (["--state", "bad.json"], "not valid JSON"),
        (["--spec", "bad.yaml"], "not an OpenAPI 3 document"),
        (["--review", "-1"], "review"),
        (["--speed", "0"], "speed"),
        (["--approval", "maybe"], "unknown verdict"),
        (["--unknown"], "--unknown"),
    ],
)
def test_what_can_not_be_is_one_line_and_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
) -> None:
    """A used port, a broken scenario, an unreadable state file or document, a wrong option."""
    monkeypatch.chdir(tmp_path)
    Path("bad.yaml").write_text("faults: [{operation: nope, status: 500}]")
    Path("bad.json").write_text("{")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        arguments = [str(taken.getsockname()[1]) if each == "TAKEN" else each for each in arguments]
        try:
            code: object = main(arguments)
        except SystemExit as end:
            code = end.code
    output, errors = capsys.readouterr()
    assert (code, output, errors.count("\n")) == (2, "", 1)
    assert told in errors
