"""What the command says of itself, and tables that ids can be copied from."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from sinch_provisioning.cli import main, output

ID = "01904f2e-7d5c-7a31-9d5f-0a1b2c3d4e5f"


def test_help_names_the_variables_and_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    """A reader of `--help` can set it up and start."""
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    for text in (
        "SINCH_PROJECT_ID",
        "SINCH_KEY_SECRET",
        "SINCH_TOKEN_URL",
        "sinch-provisioning senders list rcs",
    ):
        assert text in shown


def test_completion_says_where_its_script_goes(capsys: pytest.CaptureFixture[str]) -> None:
    """For each of the three shells."""
    assert main(["completion", "--help"]) == 0
    shown = "".join(capsys.readouterr().out.split())
    for place in ("bash-completion/completions/sinch-provisioning", "fpath", "fish/completions"):
        assert place in shown


def test_an_id_is_whole_at_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else is in the row is folded instead."""
    written = io.StringIO()
    monkeypatch.setattr(output, "on_terminal", lambda: True)
    monkeypatch.setattr(output, "console", lambda: Console(file=written, width=80, highlight=False))
    row = ("kakaotalk", ID, "A brand with quite a long name", "PREPARING_LAUNCH", "2026-11-25T18:00:00+00:00")
    output.records(("channel", "id", "name", "status", "created"), [row])
    assert ID in written.getvalue()
    assert all(len(line) <= 80 for line in written.getvalue().splitlines())


def test_without_the_extra_the_command_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing package is reported with the command that installs it."""
    monkeypatch.delitem(sys.modules, "sinch_provisioning.cli.app", raising=False)
    monkeypatch.setitem(sys.modules, "cyclopts", None)
    assert main(["--version"]) == 1
    assert "sinch-provisioning[cli]" in capsys.readouterr().err
