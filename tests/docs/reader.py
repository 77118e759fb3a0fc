"""A reader: saves a page's blocks as files, and runs them as the page says, in a folder of their own."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
from collections.abc import Iterable
from pathlib import Path

from .pages import Block

# A sinch-provisioning that is installed already satisfies pip; what is missing must not be looked for elsewhere.
_OFFLINE = {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
_PYTEST_INI = "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
# Of this Starlette's TestClient, about the HTTP library underneath it: nothing that a reader's test does.
_TESTCLIENT = "ignore:Using `httpx` with `starlette.testclient`"
_SERVERS = ("uvicorn ", "litestar ", "celery ", "taskiq ", "sinch-provisioning webhooks listen")
_CURL = 'curl() { command curl --silent --show-error --fail --retry 100 --retry-delay 1 --retry-connrefused "$@"; }'


class Reader:
    """Runs files in one folder with one environment."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = {
            **os.environ,
            **_OFFLINE,
            **environment,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(folder),
            "no_proxy": "127.0.0.1",
        }

    def save(self, blocks: Iterable[Block]) -> None:
        """Write every block that is a file."""
        for block in blocks:
            if block.language == "python" or block.name is not None:
                path = self._folder / block.file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text)

    async def run(self, block: Block) -> str:
        """Run one Python block by itself and return what it prints."""
        if block.is_cell:
            cell = self._folder / f"cell_{block.number}.ipy"
            cell.write_text(block.text)
            return await self._run(
                sys.executable, "-m", "IPython", "--no-banner", "--colors=nocolor", cell.name
            )
        return await self._run(sys.executable, "-W", "error", block.file)

    async def test(self, blocks: list[Block]) -> None:
        """Run the blocks that are tests; each has at least one that passes."""
        if not blocks:
            return
        (self._folder / "pytest.ini").write_text(_PYTEST_INI)
        told = await self._run(
            *(sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-p", "no:schemathesis"),
            *("-W", "error", "-W", _TESTCLIENT, *(block.file for block in blocks)),
        )
        passed = set(re.findall(r"^(\S+\.py)::.* PASSED", told, re.MULTILINE))
        assert passed == {block.file for block in blocks}, told

    async def type(self, blocks: Iterable[Block]) -> str:
        """Run the shell blocks as one script: servers go to the background, on a free port in place of 8000 or 8080."""
        lines = [line for block in blocks for line in block.text.splitlines()]
        if not lines:
            return ""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        script = [f"{line} &" if line.startswith(_SERVERS) else line for line in lines]
        # Jobs in groups of their own, so that a server's workers end with it.
        frame = ["set -meu", "trap 'for job in $(jobs -p); do kill -- -\"$job\"; done; wait' EXIT", _CURL]
        text = "\n".join([*frame, *script])
        return await self._run("bash", "-c", re.sub(r"\b80[08]0\b", port, text))

    async def _run(self, *command: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=self._folder,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            output, errors = await asyncio.wait_for(process.communicate(), 120)
        except BaseException:
            process.kill()
            await process.wait()
            raise
        assert process.returncode == 0, f"{' '.join(command)}\n{output.decode()}\n{errors.decode()}"
        return output.decode()
