"""The README's examples, run as they stand."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

import sinch_provisioning
from sinch_provisioning import ProvisioningClient
from sinch_provisioning_emulator import Emulator

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"^## ([^\n]+)\n|^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)


def examples() -> list[tuple[str, str]]:
    """Pair each Python block with the heading it stands under."""
    found: list[tuple[str, str]] = []
    heading = ""
    for title, code in BLOCKS:
        heading = title or heading
        if code:
            found.append((heading, code))
    return found


@pytest.fixture
def emulated(sinch_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """Point the README's client at the emulator, the way a user would: by the environment and by its arguments."""
    monkeypatch.setenv("SINCH_PROJECT_ID", sinch_emulator.project_id)
    monkeypatch.setenv("SINCH_KEY_ID", sinch_emulator.key_id)
    monkeypatch.setenv("SINCH_KEY_SECRET", sinch_emulator.key_secret)
    monkeypatch.setenv("SINCH_PROVISIONING_URL", sinch_emulator.base_url)
    monkeypatch.setenv("SINCH_TOKEN_URL", sinch_emulator.token_url)
    sinch_emulator.add_key("your-key-id", "your-key-secret")
    client = partial(ProvisioningClient, transport=sinch_emulator.transport(), clock=sinch_emulator.clock)
    monkeypatch.setattr(sinch_provisioning, "ProvisioningClient", client)
    return sinch_emulator


async def run(code: str, namespace: dict[str, object]) -> None:
    """Run code that may await at its top level."""
    compiled = compile(code, str(README), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result: object = eval(compiled, namespace)
    if inspect.isawaitable(result):
        await result


WANTED = {
    "Authenticate": "0 RCS senders\n",
    "Create and launch an RCS sender": "Acme LAUNCHED\n",
    "LINE, Telegram and KakaoTalk senders": """\
        LINE Acme LINE ACTIVE
        Telegram Acme Telegram ACTIVE
        KakaoTalk Acme KakaoTalk PENDING_VERIFICATION
        """,
    "Handle errors": (
        "still missing: description, logo_url, hero_image_url, phone_number, website, "
        "privacy_policy, terms_of_service\n"
    ),
}


@pytest.mark.parametrize(("heading", "code"), [pair for pair in examples() if pair[0] in WANTED])
async def test_example_does_what_it_says(
    heading: str, code: str, emulated: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each block prints what a reader expects, and reached the server for it."""
    await run(code, {})
    assert capsys.readouterr().out == textwrap.dedent(WANTED[heading])
    assert len(emulated.requests) > 1


async def test_test_example_passes(sinch: ProvisioningClient, sinch_emulator: Emulator) -> None:
    """The example of a user's own test is itself a passing test."""
    [code] = [code for heading, code in examples() if heading == "Test your own code"]
    namespace: dict[str, Callable[..., Awaitable[None]]] = {}
    exec(code, namespace)
    await namespace["test_that_a_brand_goes_live"](sinch, sinch_emulator)


def test_links_lead_somewhere() -> None:
    """Every file that the README points to is there."""
    linked = re.findall(r"\]\((?!https?:)([^)#]+)", README.read_text())
    assert linked
    assert [name for name in linked if not (README.parent / name).exists()] == []


def test_every_example_is_run() -> None:
    """No block stands under a heading that these tests pass over."""
    assert {heading for heading, _ in examples()} == {*WANTED, "Test your own code"}
