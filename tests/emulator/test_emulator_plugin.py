"""The pytest plugin, in a test run of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess

import pytest

import sinch_provisioning_emulator

# Plugins of this project's own suite that take longer to load than the tests here to run.
WITHOUT = ("-p", "no:schemathesis", "-p", "no:hypothesispytest")

TESTS = """
import asyncio

import pytest


@pytest.mark.parametrize("number", range(20))
def test_each_test_has_an_emulator_of_its_own(sinch_emulator, number):
    assert len(sinch_emulator.senders) == 0
    sinch_emulator.add("line", {"name": str(number)})
    sinch_emulator.inject("token", status=500, times=None)
    sinch_emulator.clock.advance(days=number)


@pytest.mark.parametrize("number", range(5))
def test_the_client_talks_to_it(sinch, sinch_emulator, number):
    async def main():
        async with sinch:
            await sinch.line.create(name="A")
            return await sinch.line.list()

    assert [each.name for each in asyncio.run(main())] == ["A"]
    assert [each.name for each in sinch_emulator.senders] == ["A"]


async def test_the_client_reaches_nothing_else(sinch, sinch_emulator):
    from sinch_provisioning import APIConnectionError, OAuth2ClientCredentials

    elsewhere = OAuth2ClientCredentials("id", "secret", token_url="https://auth.example/oauth2/token")
    with pytest.raises(APIConnectionError):
        await sinch.for_project("p", elsewhere).line.list()
    assert len(sinch_emulator.requests) == 0


async def test_it_works_inside_an_async_test(sinch, sinch_emulator):
    sender = await sinch.rcs.create(display_name="A")
    assert sinch_emulator.senders[sender.id].status == "DRAFT"
"""


def _pytest(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> CompletedProcess[str]:
    """Run the tests of a folder in a process of their own."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *WITHOUT, *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_its_fixtures_are_isolated_also_with_xdist(tmp_path: Path) -> None:
    """The entry point alone brings them; two workers and strict warnings do no harm."""
    (tmp_path / "test_user.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
    )
    run = _pytest(tmp_path, "-n", "2", "-W", "error")
    assert "27 passed" in run.stdout, run.stdout + run.stderr


@pytest.mark.parametrize("fixture", ["sinch", "sinch_v1_2"])
@pytest.mark.parametrize("imported", ["", "import sinch_provisioning_emulator.emulator\n"])
def test_faked_file_system_does_not_hide_the_documents(tmp_path: Path, fixture: str, imported: str) -> None:
    """pyfakefs may come first where the emulator has been imported, and second anywhere."""
    fixtures = f"fs, {fixture}" if imported else f"{fixture}, fs"
    (tmp_path / "test_user.py").write_text(
        f"import asyncio\n{imported}\ndef test_it({fixtures}):\n"
        f"    assert asyncio.run({fixture}.rcs.list()) == []\n"
    )
    run = _pytest(tmp_path, "-p", "no:asyncio")
    assert "1 passed" in run.stdout, run.stdout + run.stderr


def test_variables_that_name_the_real_service_do_not_lead_there(tmp_path: Path) -> None:
    """The environment of a deployment changes neither the address, the project nor the key of the fixture's client."""
    (tmp_path / "test_user.py").write_text(
        "import asyncio\n\ndef test_it(sinch, sinch_emulator):\n"
        "    assert sinch.project_id == sinch_emulator.project_id\n"
        "    asyncio.run(sinch.line.create(name='A'))\n"
        "    assert [each.operation_id for each in sinch_emulator.requests] == ['token', 'createLineSender']\n"
    )
    real = {
        "SINCH_PROVISIONING_URL": "https://provisioning.api.sinch.com",
        "SINCH_TOKEN_URL": "https://auth.sinch.com/oauth2/token",
        "SINCH_PROJECT_ID": "real-project",
        "SINCH_KEY_ID": "real-key",
        "SINCH_KEY_SECRET": "real-secret",
        "HTTPS_PROXY": "http://proxy.example:3128",
    }
    run = _pytest(tmp_path, "-p", "no:asyncio", env={**os.environ, **real})
    assert "1 passed" in run.stdout, run.stdout + run.stderr


def test_the_plugin_costs_nothing_where_it_is_not_used(tmp_path: Path) -> None:
    """A run that asks for no fixture of it imports neither the emulator nor the SDK."""
    (tmp_path / "test_other.py").write_text(
        "import sys\n\ndef test_nothing():\n"
        "    assert 'sinch_provisioning' not in sys.modules\n"
        "    assert 'sinch_provisioning_emulator.emulator' not in sys.modules\n"
    )
    run = _pytest(tmp_path, "-p", "no:asyncio")
    assert "1 passed" in run.stdout, run.stdout + run.stderr


def test_without_the_extra_nothing_breaks_until_it_is_asked_for(tmp_path: Path) -> None:
    """pytest runs as ever, a fixture says what to install, and so does the command, with exit code 2."""
    (tmp_path / "conftest.py").write_text("import sys\nsys.modules['starlette'] = None\n")
    (tmp_path / "test_both.py").write_text("def test_a(): pass\n\n\ndef test_b(sinch_emulator): pass\n")
    run = _pytest(tmp_path, "-p", "no:asyncio")
    assert "1 passed, 1 error" in run.stdout, run.stdout + run.stderr
    assert "install sinch-provisioning[emulator]" in run.stdout
    code = (
        "import sys, runpy; sys.modules['starlette'] = None; sys.argv = ['emulator'];"
        "runpy.run_module('sinch_provisioning_emulator', run_name='__main__')"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr.count("\n")) == (2, 1), run.stderr
    assert "install sinch-provisioning[emulator]" in run.stderr


def test_every_public_name_is_there() -> None:
    """What `__all__` promises can be imported, and nothing else is made up."""
    for name in sinch_provisioning_emulator.__all__:
        assert getattr(sinch_provisioning_emulator, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = sinch_provisioning_emulator.Nothing
