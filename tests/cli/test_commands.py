"""`senders`, `token check`, `doctor`, `schema`, `completion`, and the command as a program."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sinch_provisioning import ProvisioningClient, __version__
from sinch_provisioning.cli import main
from sinch_provisioning.desired import schema
from sinch_provisioning_emulator import Emulator

from .conftest import Command

BRAND: dict[str, Any] = {
    "description": "Orders and deliveries",
    "logo_url": "https://acme.example/logo.png",
    "hero_image_url": "https://acme.example/hero.png",
    "website": "https://acme.example",
    "privacy_policy": "https://acme.example/privacy",
    "terms_of_service": "https://acme.example/terms",
}


async def test_senders_are_listed_shown_launched_and_watched(server: Emulator, command: Command) -> None:
    """The facade's calls as commands; credentials are in no output."""
    async with ProvisioningClient() as sinch:
        acme = await sinch.rcs.create(display_name="Acme", **BRAND)
        await sinch.line.create(name="L", channel_credentials={"token": "t0ken", "secret": "s3cret"})
    listed = await command("senders", "list")
    assert [line[:4] for line in listed.lines] == [
        ["rcs", acme.id, "Acme", "IN_TEST"],
        ["line", server.senders[1].id, "L", "ACTIVE"],
    ]
    found = await command("senders", "list", "line", "--json")
    assert [each["name"] for each in found.data] == ["L"]
    assert "t0ken" not in found.out + listed.out
    launched = await command("senders", "launch", acme.id, "--wait", "--json")
    assert (launched.code, launched.data["status"]) == (0, "LAUNCHED")
    shown = await command("senders", "get", acme.id)
    assert ["display_name", "Acme"] in shown.lines
    watched = await command("senders", "watch", acme.id)
    assert (watched.code, watched.lines[0][1:]) == (0, [acme.id, "LAUNCHED"])


async def test_a_rejected_launch_is_code_1(server: Emulator, command: Command) -> None:
    """Watching and waiting tell by their codes that the carriers refused."""
    server.reject("Acme")
    async with ProvisioningClient() as sinch:
        acme = await sinch.rcs.create(display_name="Acme", **BRAND)
    launched = await command("senders", "launch", acme.id, "--wait")
    assert launched.code == 1
    assert "REJECTED" in launched.err
    assert (await command("senders", "watch", acme.id)).code == 1


async def test_a_sender_that_is_not_there_is_one_line(server: Emulator, command: Command) -> None:
    """The API's refusal is told in one line on standard error."""
    ran = await command("senders", "get", "nobody")
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert "404" in ran.err


async def test_token_check_says_whether_the_key_works(
    server: Emulator, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A good key is fetched for and used once; a bad one fails with the server's word, and shows nothing."""
    good = await command("token", "check")
    assert good.code == 0
    assert [line[:2] for line in good.lines] == [["ok", "token"], ["ok", "reachable"]]
    monkeypatch.setenv("SINCH_KEY_SECRET", "wr0ng-one")
    bad = await command("token", "check", "--json")
    assert bad.code == 1
    assert bad.data[0]["verdict"] == "fail"
    assert "wr0ng-one" not in bad.out + bad.err
    closed = await command("token", "check", "--project", "a/b")
    assert (closed.code, closed.out) == (1, "")


async def test_doctor_says_what_is_set_and_from_where(
    server: Emulator, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings with their origin, the token, the API and the clock; a secret is never shown, a gap is code 1."""
    good = await command("doctor")
    assert good.code == 0
    told = {line[1]: line for line in good.lines}
    assert told["version"][2] == __version__
    assert told["project"][2] == f"{server.project_id} (SINCH_PROJECT_ID)"
    assert told["API"][2] == f"{server.base_url} (SINCH_PROVISIONING_URL)"
    assert set(told) >= {"token", "reachable", "clock"}
    assert server.key_secret not in good.out
    monkeypatch.delenv("SINCH_KEY_SECRET")
    bad = await command("doctor")
    assert bad.code == 1
    assert ["fail", "key secret", "not set: set SINCH_KEY_SECRET"] in bad.lines


@pytest.mark.parametrize(
    ("date", "verdict"), [("Mon, 05 Jan 2015 10:00:00 GMT", "fail"), ("rubbish", "warn")]
)
async def test_doctor_compares_the_clock(server: Emulator, command: Command, date: str, verdict: str) -> None:
    """A clock years off is a failure; a date that can't be read is only said."""
    server.inject("listRcsSenders", headers={"Date": date}, times=None)
    ran = await command("doctor", "--json")
    assert {each["what"]: each["verdict"] for each in ran.data}["clock"] == verdict


async def test_an_api_that_is_not_there_is_found_out(
    server: Emulator, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The doctor tells a token endpoint that answers from an API that does not."""
    monkeypatch.setenv("SINCH_PROVISIONING_URL", "http://127.0.0.1:9")
    ran = await command("doctor")
    told = {line[1]: line[0] for line in ran.lines}
    assert (ran.code, told["token"], told["reachable"]) == (1, "ok", "fail")


def test_the_schema_can_be_printed(capfd: pytest.CaptureFixture[str]) -> None:
    """Editors are given what files are held against."""
    assert main(["schema"]) == 0
    assert json.loads(capfd.readouterr().out) == schema.document()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed(capfd: pytest.CaptureFixture[str], shell: str) -> None:
    """Every shell gets a script that knows the commands."""
    assert main(["completion", shell]) == 0
    assert "doctor" in capfd.readouterr().out


def test_a_wrong_argument_is_code_1(capfd: pytest.CaptureFixture[str]) -> None:
    """Unknown commands and options, and numbers that make no sense, are told on standard error."""
    for arguments in (
        ["nonsense"],
        ["plan"],
        ["apply", "f", "--concurrency", "0"],
        ["apply", "f", "--durabel"],
    ):
        assert main(arguments) == 1
        assert capfd.readouterr().err


def test_the_command_is_a_program() -> None:
    """It runs by its module, says its version, and explains its exit codes."""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-m", "sinch_provisioning.cli", "--help"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "Exit codes: 0 success" in run.stdout


def test_a_failure_is_one_line_on_standard_error(tmp_path: Path) -> None:
    """As a program, with nobody's log handlers, an unreachable endpoint is one line and no log record beside it."""
    settings = {
        "SINCH_PROJECT_ID": "p",
        "SINCH_KEY_ID": "k",
        "SINCH_KEY_SECRET": "s",
        "SINCH_PROVISIONING_URL": "http://127.0.0.1:9",
        "SINCH_TOKEN_URL": "http://127.0.0.1:9/token",
    }
    run = subprocess.run(
        [sys.executable, "-m", "sinch_provisioning.cli", "senders", "list", "line"],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=os.environ | settings,
    )  # fmt: skip
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith("error: listLineSenders: no token")
    assert run.stderr.count("\n") == 1


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    """A missing library is named in one line, with the way to get it."""
    for library, extra in (("cyclopts", "cli"), ("dbos", "cli,durable")):
        code = (
            f"import sys; sys.modules[{library!r}] = None\n"
            "from sinch_provisioning.cli import main\n"
            "sys.exit(main(['worker']))"
        )
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert (run.returncode, run.stdout) == (1, "")
        assert run.stderr == f'error: {library} is not installed: pip install "sinch-provisioning[{extra}]"\n'


async def test_debug_logs_each_request_to_standard_error(server: Emulator) -> None:
    """By operation, attempt and status, beside the output and without the key."""
    server.inject("listRcsSenders", status=503)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sinch_provisioning.cli", "senders", "list", "rcs", "--debug", "--json",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert (process.returncode, json.loads(out)) == (0, [])
    logged = err.decode()
    assert "listRcsSenders attempt 1: 503" in logged
    assert "listRcsSenders attempt 2: 200" in logged
    assert server.key_secret not in logged
