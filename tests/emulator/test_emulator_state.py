"""State over restarts: what was answered for is there again, whatever happened to the process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import sys
from pathlib import Path

import httpx
import pytest

from sinch_provisioning_emulator import Emulator, EmulatorError

RCS = "/v1/projects/emulator-project/rcs/senders"


def client(emulator: Emulator) -> httpx.AsyncClient:
    """A client with basic auth, in process."""
    auth = (emulator.key_id, emulator.key_secret)
    return httpx.AsyncClient(transport=emulator.transport(), base_url=emulator.base_url, auth=auth)


async def test_everything_is_there_after_a_restart(tmp_path: Path, brand: dict[str, str]) -> None:
    """Senders, their order, a launch under way, verdicts by id and by name, and the time."""
    path = tmp_path / "state.json"
    first = Emulator(state=path)
    async with client(first) as api:
        ids = [(await api.post(RCS, json=brand)).json()["id"] for _ in range(3)]
        await api.post(f"{RCS}/{ids[0]}/launch")
        first.reject("Acme")
        first.approve(ids[0])
        await api.delete(f"{RCS}/{ids[1]}")
        await api.patch(f"{RCS}/{ids[2]}", json={"description": "new"})
        first.advance(days=2)
        before = (await api.get(RCS)).json()
    first.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["state.json"]
    second = Emulator(state=path)
    async with client(second) as api:
        assert (await api.get(RCS)).json() == before
    assert second.clock.time() >= first.clock.time()
    assert second.lifecycle.announced == {"Acme": "rejected"}
    assert second.senders[ids[0]].status == "LAUNCHED"
    second.reset()
    second.close()
    third = Emulator(state=path)
    assert len(third.senders) == 0
    third.close()


def test_a_journal_that_ends_in_half_a_line_is_read_up_to_it(tmp_path: Path, brand: dict[str, str]) -> None:
    """Its request was never answered; and entries that the snapshot holds already do no harm."""
    path = tmp_path / "state.json"
    journal = tmp_path / "state.json.journal"
    emulator = Emulator(state=path)
    ids = [emulator.add("rcs", brand).id for _ in range(2)]
    written = journal.read_bytes()
    emulator.close()
    journal.write_bytes(written + written[: len(written) // 3])
    again = Emulator(state=path)
    assert [sender.id for sender in again.senders] == ids
    again.close()


def test_a_kill_between_snapshot_and_journal_repeats_what_was_done(
    tmp_path: Path, brand: dict[str, str]
) -> None:
    """Whatever moment a reset, a delete or a create is cut off at, the files read as one of the states there were."""
    path, journal = tmp_path / "state.json", tmp_path / "state.json.journal"
    emulator = Emulator(state=path)
    first, second = emulator.add("rcs", brand), emulator.add("rcs", brand)
    before = journal.read_bytes()
    emulator.reset()
    third = emulator.add("line", {"name": "A"})
    emulator.close()
    kept = path.read_bytes()
    # As if the old journal, complete with the reset, had outlived its snapshot.
    journal.write_bytes(before + b'{"emptied":true}\n')
    again = Emulator(state=path)
    assert len(again.senders) == 0
    again.close()
    path.write_bytes(kept)
    again = Emulator(state=path)
    assert [sender.id for sender in again.senders] == [third.id]
    assert again.senders.get(first.id) is again.senders.get(second.id) is None
    again.close()


def test_a_full_disk_is_an_error_and_no_half_line(
    tmp_path: Path, brand: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be written is not claimed, and what follows can be read."""
    path = tmp_path / "state.json"
    emulator = Emulator(state=path)
    write = os.write
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:10]))
        with pytest.raises(OSError, match="No space"):
            emulator.add("rcs", brand)
    kept = emulator.add("rcs", brand)
    journal = (tmp_path / "state.json.journal").read_text()
    assert [json.loads(line)["sender"]["id"] for line in journal.splitlines()] == [kept.id]
    emulator.close()


def test_a_long_journal_becomes_a_snapshot(tmp_path: Path) -> None:
    """The file does not grow with the number of changes."""
    emulator = Emulator(state=tmp_path / "state.json")
    sender = emulator.add("line", {"name": "A"})
    for _ in range(2_500):
        emulator.approve(sender.id)
    assert (tmp_path / "state.json.journal").stat().st_size < 1_100 * 400
    emulator.close()


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("state.json", "{", "not valid JSON"),
        ("state.json", "{}", "not a state file"),
        ("state.json", '{"format": "sinch-provisioning-emulator/1", "entries": [{"sender": {}}]}', "damaged"),
        ("state.json", '{"format": "sinch-provisioning-emulator/1", "entries": [{"clock": "x"}]}', "damaged"),
        ("state.json.journal", "{\n", "journal .* damaged"),
        ("state.json.journal", "[]\n", "journal .* damaged"),
    ],
)
def test_an_unreadable_state_file_is_told_in_one_line_and_left_alone(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    """Nothing is overwritten that somebody may want to mend."""
    (tmp_path / name).write_text(text)
    with pytest.raises(EmulatorError, match=told) as caught:
        Emulator(state=tmp_path / "state.json")
    assert "\n" not in str(caught.value)
    assert (tmp_path / name).read_text() == text


def test_a_state_file_is_of_one_api(tmp_path: Path, brand: dict[str, str]) -> None:
    """The other API's emulator says so and leaves it as it is."""
    emulator = Emulator(state=tmp_path / "state.json")
    emulator.add("rcs", brand)
    emulator.close()
    with pytest.raises(EmulatorError, match=r"is of API 1\.0, and this emulator of API 1\.2"):
        Emulator(api="1.2", state=tmp_path / "state.json")
    again = Emulator(state=tmp_path / "state.json")
    assert len(again.senders) == 1
    again.close()


def test_a_state_file_has_one_user_at_a_time(tmp_path: Path) -> None:
    """The second emulator is told so; afterwards the file is free."""
    emulator = Emulator(state=tmp_path / "state.json")
    with pytest.raises(EmulatorError, match="in use by another"):
        Emulator(state=tmp_path / "state.json")
    emulator.close()
    Emulator(state=tmp_path / "state.json").close()


async def test_a_kill_at_any_moment_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    """After kill -9 in the middle of concurrent creates, five times, every confirmed sender is restored."""
    path = tmp_path / "state.json"
    answered: set[str] = set()
    for creates in (1, 5, 17, 40, 80):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "sinch_provisioning_emulator",
            "--port",
            "0",
            "--state",
            str(path),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        while not (line := (await process.stdout.readline()).decode()).startswith("Serving"):
            assert line, "it ended before it served"
        origin = line.split(" at ")[1].split(" ")[0]
        auth = ("emulator-key-id", "emulator-key-secret")
        async with httpx.AsyncClient(base_url=origin, auth=auth) as api:
            listed = {each["id"] for each in (await api.get(RCS)).json()["senders"]}
            assert answered <= listed

            reached = asyncio.Event()
            goal = len(answered) + creates

            async def create(api: httpx.AsyncClient, goal: int, reached: asyncio.Event) -> None:
                while True:
                    reply = await api.post(RCS, json={"displayName": "A", "description": "x" * 2_000})
                    answered.add(reply.json()["id"])
                    if len(answered) >= goal:
                        reached.set()

            creators = [asyncio.create_task(create(api, goal, reached)) for _ in range(4)]
            await reached.wait()
            os.kill(process.pid, signal.SIGKILL)
            await asyncio.gather(*creators, return_exceptions=True)
        await process.communicate()
    assert len(answered) >= 143
    emulator = Emulator(state=path)
    assert answered <= {sender.id for sender in emulator.senders}
    emulator.close()
    assert json.loads(path.read_text())["format"]
