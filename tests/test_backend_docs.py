"""`docs/fastapi.md` and `docs/operations.md`: every block is run as it stands, on the emulator and a real Redis."""

from __future__ import annotations

import ast
import asyncio
import inspect
import logging
import os
import re
import shlex
import socket
import sys
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType

import httpx
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

import sinch_provisioning
from sinch_provisioning.otel import OpenTelemetry
from sinch_provisioning_emulator import Emulator, RunningClock

from .conftest import client_on
from .valkey import running

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LANGUAGES = {"sh", "python"}


@pytest.fixture
async def environment(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Emulator]:
    """Serve an emulator and a Redis, and name them in the environment as the documents do."""
    emulator = Emulator(clock=RunningClock(), key_id="your-key-id", key_secret="your-key-secret")
    with running() as valkey:
        async with emulator.serve():
            monkeypatch.setenv("SINCH_PROJECT_ID", emulator.project_id)
            monkeypatch.setenv("SINCH_KEY_ID", emulator.key_id)
            monkeypatch.setenv("SINCH_KEY_SECRET", emulator.key_secret)
            monkeypatch.setenv("SINCH_PROVISIONING_URL", emulator.base_url)
            monkeypatch.setenv("SINCH_TOKEN_URL", emulator.token_url)
            monkeypatch.setenv("REDIS_URL", valkey.url)
            # What is installed already satisfies pip; where something is missing it must not look for it elsewhere.
            monkeypatch.setenv("PIP_NO_INDEX", "1")
            monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
            yield emulator


class Shell:
    """Runs a document's commands: pip, export, a server in the background, and requests to it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._exported: dict[str, str] = {}
        self._server: asyncio.subprocess.Process | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = str(free.getsockname()[1])

    async def run(self, block: str) -> None:
        """Run each line."""
        for line in block.splitlines():
            program, *arguments = shlex.split(line)
            if program == "export":
                name, _, value = arguments[0].partition("=")
                self._exported[name] = value
            elif program == "pip":
                assert await (await self._start("pip", *arguments)).wait() == 0
            elif program == "uvicorn":
                self._server = await self._start("uvicorn", *(self._here(each) for each in arguments))
            else:
                assert program == "curl", f"a command that this test does not know: {line}"
                await self._ask(self._here(arguments[0]))

    def _here(self, argument: str) -> str:
        return argument.replace("8000", self._port)

    async def _start(self, module: str, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *arguments),
            cwd=self._folder,
            env={**os.environ, **self._exported},
            stdout=asyncio.subprocess.DEVNULL,
        )

    async def _ask(self, url: str) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
            for _ in range(2400):
                try:
                    reply = await http.get(url)
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
                    continue
                assert reply.status_code == 200, reply.text
                return
        raise AssertionError("the service did not come up")

    async def stop(self) -> None:
        """Stop the server."""
        if self._server is not None:
            self._server.terminate()
            await self._server.wait()


async def run_python(code: str, namespace: ModuleType) -> None:
    """Run code that may await at its top level, as lines of one module."""
    compiled = compile(code, namespace.__name__, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result: object = eval(compiled, vars(namespace))
    if inspect.isawaitable(result):
        await result


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", ["fastapi.md", "operations.md"])
async def test_every_block_runs(
    name: str, environment: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From `pip install` to a running service: files are written, commands run, and the other code runs in order."""
    blocks = BLOCK.findall((DOCS / name).read_text())
    assert {language for language, _ in blocks} == LANGUAGES
    module = ModuleType(f"docs_{name.partition('.')[0]}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    shell, root = Shell(tmp_path), logging.getLogger("sinch_provisioning")
    handlers, level = list(root.handlers), root.level
    try:
        for language, code in blocks:
            if language == "sh":
                await shell.run(code)
            elif code.startswith("# service.py\n"):
                (tmp_path / "service.py").write_text(code)
            else:
                await run_python(code, module)
    finally:
        await shell.stop()
        root.handlers[:] = handlers
        root.setLevel(level)
    assert environment.requests.count("token") >= 1
    assert environment.requests.count("listRcsSenders", status=200) >= 1


def section(title: str) -> str:
    """Return the part of operations.md under that heading."""
    text = (DOCS / "operations.md").read_text()
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def first_column(text: str) -> set[str]:
    """Return the names in the first column of a table; `.name` takes its beginning from the name before it."""
    names: list[str] = []
    for row in re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE):
        for name in re.findall(r"`([^`]+)`", row):
            names.append(names[-1].rpartition(".")[0] + name if name.startswith(".") else name)
    return set(names)


def loggers() -> set[str]:
    """Return the loggers that exist once every module of the package is imported."""
    modules = [each.name for each in walk_packages(sinch_provisioning.__path__, "sinch_provisioning.")]
    for name in modules:
        if not name.endswith("__main__"):
            import_module(name)
    known = logging.Logger.manager.loggerDict
    return {
        name
        for name, logger in known.items()
        if name.startswith("sinch_provisioning.") and isinstance(logger, logging.Logger)
    }


async def metrics() -> set[str]:
    """Return the metrics that an exporter is given after a call with a retry."""
    reader, emulator = InMemoryMetricReader(), Emulator()
    emulator.inject("listRcsSenders", status=503)
    telemetry = OpenTelemetry(meter_provider=MeterProvider(metric_readers=[reader]))
    async with client_on(emulator, telemetry=telemetry) as sinch:
        await sinch.rcs.list()
        data = reader.get_metrics_data()
    assert data is not None
    scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics]
    return {metric.name for scope in scopes for metric in scope.metrics}


def test_the_page_names_the_loggers_that_there_are() -> None:
    """The table of loggers is complete, and each of them exists."""
    assert first_column(section("Logs")) == loggers()


async def test_the_page_names_the_metrics_that_there_are() -> None:
    """The table of metrics is complete, and each of them is exported."""
    assert first_column(section("Traces and metrics")) == await metrics()


async def test_the_page_names_nothing_else_of_the_package() -> None:
    """Whatever starts with the package's name, anywhere on the page, is a logger, a metric or a module."""
    named = set(re.findall(r"`(sinch_provisioning\.[\w.]+)`", (DOCS / "operations.md").read_text()))
    modules = {each.name for each in walk_packages(sinch_provisioning.__path__, "sinch_provisioning.")}
    assert named <= loggers() | await metrics() | modules
