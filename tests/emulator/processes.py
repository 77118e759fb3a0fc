"""The emulator and its judge as processes of their own, each ended with its block."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Self

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "openapi" / "sinch-provisioning.yaml"
SPECS = {"1.0": SPEC, "1.2": ROOT / "openapi" / "sinch-provisioning-1.2.yaml"}


class Command:
    """`python -m sinch_provisioning_emulator` on a free port."""

    def __init__(self, *arguments: str) -> None:
        """`arguments` are the command's own."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sinch_provisioning_emulator", "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        while not (line := self.process.stdout.readline()).startswith("Serving"):
            assert line, "it ended before it served"
        self.origin = line.split(" at ")[1].split(" ")[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.communicate(timeout=30)


class Prism:
    """Prism, a third party's reading of the same document."""

    def __init__(self, *arguments: str) -> None:
        """`arguments` are those of the command line; the document comes first."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        prism = ROOT / "node_modules" / ".bin" / "prism"
        node = shutil.which("node")
        if node is None or not prism.exists():
            pytest.skip("Prism needs Node and `npm ci`")
        self.process = subprocess.Popen(
            [node, str(prism), *arguments, "-h", "127.0.0.1", "-p", str(port)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "Prism is listening" in line:
                break
        else:
            raise AssertionError("Prism ended before it listened")
        self.origin = f"http://127.0.0.1:{port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.communicate(timeout=30)
