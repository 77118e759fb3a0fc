"""`plan` and `apply`: exit codes, lines that can be grepped, JSON, and one line for what is wrong."""

from __future__ import annotations

import asyncio

import pytest

from sinch_provisioning.cli import output
from sinch_provisioning.durable import cancel
from sinch_provisioning_emulator import Emulator

from .conftest import FILE, Command, File

WRITES = ("createRcsSender", "updateRcsSender", "launchRcsSender")


async def test_plan_apply_plan(server: Emulator, command: Command, file: File) -> None:
    """A plan shows changes with code 2, applying makes them with 0, and then there is nothing to do: 0."""
    planned = await command("plan", file)
    assert planned.code == 2
    assert planned.lines == [
        ["create+launch", server.project_id, "rcs", "Acme", "-", "-"],
        ["create+launch", server.project_id, "rcs", "Bolt", "-", "-"],
        ["summary", "create=2", "update=0", "launch=2", "unchanged=0", "blocked=0"],
    ]
    assert len(server.senders) == 0
    applied = await command("apply", file, "--wait")
    assert applied.code == 0
    words = [line[0] for line in applied.lines]
    assert sorted(words) == ["created", "created", "launched", "launched", "live", "live", "summary"]
    assert applied.lines[-1][1:] == [
        "created=2", "updated=0", "launched=2", "done=2", "in_review=0", "failed=0", "left=0",
    ]  # fmt: skip
    server.requests.clear()
    assert (await command("apply", file)).code == 0
    empty = await command("plan", file)
    assert (empty.code, len(empty.lines)) == (0, 1)
    assert not any(server.requests.count(operation) for operation in WRITES)


async def test_programs_get_json(server: Emulator, command: Command, file: File) -> None:
    """--json prints one document and nothing else."""
    planned = await command("plan", file, "--json")
    assert planned.data["summary"]["create"] == 2
    assert planned.data["changes"][0]["actions"] == ["create", "launch"]
    applied = await command("apply", file, "--json")
    assert [each["done"] for each in applied.data["outcomes"]] == [["create", "launch"]] * 2


async def test_what_cannot_be_is_code_1(server: Emulator, command: Command, file: File) -> None:
    """A launch that is not ready fails plan and apply, which do what they can all the same."""
    file.write(FILE + "  - {display_name: Unready, description: ''}\n")
    planned = await command("plan", file)
    assert planned.code == 1
    assert planned.lines[2][5] == "not ready to be launched, missing: description"
    applied = await command("apply", file)
    assert applied.code == 1
    assert ["failed", server.project_id, "rcs", "Unready"] in [line[:4] for line in applied.lines]
    assert len(server.senders) == 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (FILE + "  - {display_nam: C}\n", ":14:6: unknown key 'display_nam'; did you mean 'display_name'?"),
        (FILE + "  - {display_name: [C]}\n", ":14:6: 'display_name' must be text in quotes"),
        (FILE + "  - {display_name: Acme}\n", ":14:6: duplicate rcs sender 'Acme'"),
        (
            FILE + "line:\n  - {name: L, channel_credentials: {token: {env: NOT_THERE}}}\n",
            ":15:37: environment variable NOT_THERE is not set",
        ),
        (FILE + "# " + "x" * 5_000_000, ":1:1: larger than 4 MiB"),
        ("a: &a [1]\nb: &b [*a, *a]\nc: [*c]\n", ":3:5: alias *c needs"),
    ],
)
@pytest.mark.parametrize("verb", ["plan", "apply"])
async def test_a_bad_file_is_one_line_and_nothing_is_sent(
    server: Emulator, command: Command, file: File, verb: str, text: str, told: str
) -> None:
    """One line on standard error says where and what; the exit code is 1; the API hears of nothing."""
    file.write(text)
    ran = await command(verb, file)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"error: {file}{told}")
    assert ran.err.count("\n") == 1
    assert len(server.requests) == 0


async def test_names_cannot_move_the_terminal(server: Emulator, command: Command, file: File) -> None:
    """Line breaks, tabs and escape sequences in a name are shown, not acted on."""
    file.write('version: 1\nrcs:\n  - display_name: "a\\tb\\n\\e[31mc"\n')
    planned = await command("plan", file)
    assert planned.lines[0] == ["create", server.project_id, "rcs", "a\\tb\\n\\x1b[31mc", "-", "-"]


async def test_a_file_may_bring_all_keys_itself(
    server: Emulator, command: Command, file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where every project has a name and a key, the environment needs none."""
    monkeypatch.setenv("ITS_SECRET", server.key_secret)
    for name in ("SINCH_PROJECT_ID", "SINCH_KEY_ID", "SINCH_KEY_SECRET"):
        monkeypatch.delenv(name)
    file.write(
        "version: 1\nprojects:\n  p9:\n"
        f"    credentials: {{key_id: {server.key_id}, key_secret: {{env: ITS_SECRET}}}}\n"
        "    rcs: [{display_name: A}]\n"
    )
    assert (await command("apply", file)).code == 0
    assert [sender.project_id for sender in server.senders] == ["p9"]


async def test_undecided_launches_after_the_wait_are_code_1(
    server: Emulator, command: Command, file: File
) -> None:
    """--wait --timeout says by its code that the carriers have not decided."""
    server.hold("Acme")
    ran = await command("apply", file, "--wait", "--timeout", "1.5")
    assert ran.code == 1
    assert "in_review=1" in ran.out


async def test_orders_are_placed_shown_and_cancelled(
    server: Emulator, command: Command, file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ordering sends no write; the status counts by project, and is 2 while orders are open."""
    monkeypatch.setenv("SINCH_PROVISIONING_DATABASE", f"sqlite:///{file.path.parent}/orders.sqlite")
    missing = await command("status")
    assert (missing.code, missing.out) == (1, "")
    ordered = await command("apply", file, "--durable")
    assert ordered.lines == [["summary", "ordered=2", "already_ordered=0", "unchanged=0", "blocked=0"]]
    assert len(server.senders) == 0
    assert (await command("status")).code == 2
    name = f"{server.project_id}/rcs/Acme"
    cancelled = await command("cancel", name, "nobody/rcs/X")
    assert (cancelled.code, cancelled.lines) == (1, [["cancelled", name], ["not open", "nobody/rcs/X"]])
    shown = await command("status", "--json")
    assert shown.code == 1
    assert shown.data["projects"][server.project_id]["queued"] == 1
    assert (name, "stopped") in [(each["id"], each["state"]) for each in shown.data["orders"]]


async def test_a_watched_status_ends_with_the_orders(
    server: Emulator, command: Command, file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--watch shows a table by project on a terminal until the last order has ended, and its code says how."""
    url = f"sqlite:///{file.path.parent}/orders.sqlite"
    monkeypatch.setenv("SINCH_PROVISIONING_DATABASE", url)
    assert (await command("apply", file, "--durable")).code == 0
    monkeypatch.setattr(output, "on_terminal", lambda: True)
    watching = command("status", "--watch")
    await asyncio.sleep(1.5)
    assert not watching.done()
    await cancel(url, [f"{server.project_id}/rcs/{name}" for name in ("Acme", "Bolt")])
    ran = await asyncio.wait_for(watching, 20)
    assert ran.code == 1
    shown = [each.split()[:6] for each in ran.out.splitlines() if each.startswith(server.project_id)]
    assert [server.project_id, "2", "0", "0", "0", "0"] in shown
    assert [server.project_id, "0", "0", "0", "0", "2"] in shown
