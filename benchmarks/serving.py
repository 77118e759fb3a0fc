"""Starting the server in a process of its own, so that its work is nobody's cost."""

from __future__ import annotations

import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import trustme
from attrs import frozen

ROOT = Path(__file__).parent.parent
TLS_HOST: Final = "api.bench.test"


@frozen
class TlsServer:
    """A server over TLS: its port, the context that trusts it, and the URL of a proxy whose tunnels all end there."""

    port: int
    context: ssl.SSLContext
    proxy: str


@contextmanager
def serving(*, lifetime: float = 3600.0, latency: float = 0.0) -> Iterator[str]:
    """Give the URL of a server whose tokens live `lifetime` seconds and whose answers take `latency` seconds."""
    with _server("--lifetime", str(lifetime), "--latency", str(latency)) as ports:
        yield f"http://127.0.0.1:{ports[0]}"


@contextmanager
def serving_tls() -> Iterator[TlsServer]:
    """Give a server with a certificate for localhost and TLS_HOST, by an authority made for the run."""
    authority = trustme.CA()
    context = ssl.create_default_context()
    authority.configure_trust(context)
    certificate = authority.issue_cert("localhost", TLS_HOST).private_key_and_cert_chain_pem
    with certificate.tempfile() as path, _server("--certificate", path) as (port, proxy):
        yield TlsServer(port, context, f"http://127.0.0.1:{proxy}")


@contextmanager
def _server(*options: str) -> Iterator[list[int]]:
    with subprocess.Popen(  # noqa: S603 - this interpreter, a module of ours
        [sys.executable, "-m", "benchmarks.server", *options],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield [int(port) for port in process.stdout.readline().split()]
        finally:
            # The server ends with its standard input.
            process.stdin.close()
            process.wait(10)
