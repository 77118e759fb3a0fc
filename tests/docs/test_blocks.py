"""Every Python block of README.md and docs/ is run as a file of its own, against the emulator on a real socket."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import trustme

from sinch_provisioning_emulator import Emulator, RunningClock

from ..valkey import Valkey, running
from .pages import DOCS, PAGES, ROOT, Block, blocks
from .reader import Reader

# `console` shows a session, `text` an output; the others are checked by the program that reads them.
LANGUAGES = {"python", "sh", "console", "text", "yaml", "dockerfile", "mermaid"}


@pytest.fixture
async def emulator(request: pytest.FixtureRequest) -> AsyncIterator[Emulator]:
    """Serve an emulator whose carriers decide at once, of the API that the page is about; it takes the pages' keys."""
    page = request.node.callspec.params.get("page")
    api = "1.2" if page in (DOCS / "sinch-own-api.md", DOCS / "webhooks.md") else "1.0"
    emulator = Emulator(api=api, clock=RunningClock(), review=0.2)
    emulator.add_key("your-key-id", "your-key-secret")
    async with emulator.serve():
        yield emulator


@pytest.fixture(scope="module")
def valkey() -> Iterator[Valkey]:
    """Run one Redis for all pages."""
    with running() as valkey:
        yield valkey


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Make a certificate authority such as companies have."""
    return trustme.CA()


@pytest.fixture
def reader(emulator: Emulator, valkey: Valkey, authority: trustme.CA, tmp_path: Path) -> Reader:
    """Set the environment that the pages name, and leave the certificates that they use in the folder."""
    authority.cert_pem.write_to_path(tmp_path / "company-ca.pem")
    client = authority.issue_cert("client.example")
    client.private_key_pem.write_to_path(tmp_path / "client.key")
    for certificate in client.cert_chain_pems:
        certificate.write_to_path(tmp_path / "client.pem", append=True)
    return Reader(
        tmp_path,
        {
            "SINCH_PROJECT_ID": emulator.project_id,
            "SINCH_KEY_ID": emulator.key_id,
            "SINCH_KEY_SECRET": emulator.key_secret,
            "SINCH_PROVISIONING_URL": emulator.base_url,
            "SINCH_TOKEN_URL": emulator.token_url,
            "SINCH_PROVISIONING_DATABASE": f"sqlite:///{tmp_path}/orders.sqlite",
            "SINCH_WEBHOOK_SECRET": "a-webhook-secret",
            "REDIS_URL": valkey.url,
        },
    )


def with_blocks(*languages: str) -> list[Path]:
    """Return the pages that have such a block."""
    return [page for page in PAGES if any(block.language in languages for block in blocks(page))]


def name(page: Path) -> str:
    """Return how a test names a page."""
    return str(page.relative_to(ROOT))


@pytest.mark.timeout(400)
@pytest.mark.parametrize("page", with_blocks("python"), ids=name)
async def test_python_blocks_run(page: Path, reader: Reader) -> None:
    """From the top of the page to its end, each block a process; it prints what the page says that it prints."""
    found = blocks(page)
    reader.save(found)
    for block in found:
        if block.language == "python" and not block.is_test:
            printed = await reader.run(block)
            if block.output is not None:
                assert printed == block.output, block.file
    await reader.test([block for block in found if block.is_test])


@pytest.mark.skipif(shutil.which("curl") is None, reason="pages call curl, which is not installed")
@pytest.mark.timeout(400)
@pytest.mark.parametrize("page", with_blocks("sh"), ids=name)
async def test_shell_blocks_run(page: Path, reader: Reader) -> None:
    """The commands of a page work, with the files that the page shows."""
    found = blocks(page)
    reader.save(found)
    await reader.type(block for block in found if block.language == "sh")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_block_is_of_another_kind(page: Path) -> None:
    """Nothing is shown under a language that no test looks at, and no two blocks are one file."""
    found = blocks(page)
    assert {block.language for block in found} <= LANGUAGES
    names = [block.name for block in found if block.name is not None]
    assert len(names) == len(set(names))


def test_indented_code_is_not_passed_over() -> None:
    """A fence that is indented (in a list) would be run by nobody."""
    assert [
        name(page) for page in PAGES if "\n   ```" in page.read_text() or "\n  ```" in page.read_text()
    ] == []


def test_a_block_is_read_for_what_it_is() -> None:
    """Names, tests, cells and promised outputs are recognized."""
    named = Block(0, "python", "# app.py\nx = 1\n", None)
    assert (named.file, named.is_test, named.is_cell) == ("app.py", False, False)
    tested = Block(1, "python", "async def test_it(): ...\n", None)
    assert (tested.file, tested.is_test) == ("test_block_1.py", True)
    assert Block(2, "python", "# In a notebook cell\nawait x\n", None).is_cell
