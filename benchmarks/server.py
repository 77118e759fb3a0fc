"""The server that all are measured against: asyncio protocols in a process of their own, answers made beforehand."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import ssl
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

# Callers without OAuth2 send this one, which never expires.
FIXED_TOKEN: Final = "benchmark-fixed-token"  # noqa: S105 - of a server on loopback that ends with the run
LIST_LENGTH: Final = 1000
_END_OF_HEAD: Final = b"\r\n\r\n"
_RELAYED_AT_ONCE: Final = 65_536
_UNAUTHORIZED: Final = b'{"errorCode":"unauthorized","message":"no such token"}'


def sender(sender_id: str) -> dict[str, str]:
    """Make the sender of that id, all thirteen fields filled in."""
    return {
        "id": sender_id,
        "displayName": f"Acme {sender_id}",
        "description": "Everything a coyote needs, delivered to the desert within a day.",
        "logoUrl": "https://cdn.acme.example/logo.png",
        "heroImageUrl": "https://cdn.acme.example/hero.png",
        "phoneNumber": "+15550100200",
        "color": "#aa3311",
        "website": "https://acme.example",
        "privacyPolicy": "https://acme.example/privacy",
        "termsOfService": "https://acme.example/terms",
        "status": "LAUNCHED",
        "createTime": "2023-01-19T13:11:08.204Z",
        "updateTime": "2024-05-02T08:00:59.120Z",
    }


def reply(status: str, body: bytes) -> bytes:
    """Make a reply with the headers that an API gateway sends."""
    return (
        b"HTTP/1.1 %s\r\ndate: Mon, 06 Jan 2025 10:00:00 GMT\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\nx-request-id: 5c1f2f0e-5d0c-4c57-9a8e-0d6a2b7b9b11\r\n"
        b"cache-control: no-store\r\nvia: 1.1 gateway\r\n\r\n%s" % (status.encode(), len(body), body)
    )


class Answers:
    """What is answered to whom; tokens live `lifetime` seconds and are checked with every request."""

    def __init__(self, lifetime: float, latency: float) -> None:
        self.latency = latency
        self._lifetime = lifetime
        self._numbers = itertools.count()
        self._alive = {b"Bearer " + FIXED_TOKEN.encode(): float("inf")}
        self._one: dict[bytes, bytes] = {}
        listed = json.dumps({"senders": [sender(f"sender-{number}") for number in range(LIST_LENGTH)]})
        self._list = reply("200 OK", listed.encode())
        self._refusal = reply("401 Unauthorized", _UNAUTHORIZED)

    def answer(self, method: bytes, path: bytes, authorization: bytes, body: bytes) -> bytes:
        """Answer one request."""
        if path == b"/oauth2/token":
            return self._token()
        if self._alive.get(authorization, 0.0) < time.monotonic():
            return self._refusal
        if method == b"POST":
            return reply("200 OK", json.dumps(sender(json.loads(body)["displayName"])).encode())
        name = path.rpartition(b"/")[2]
        if name == b"senders":
            return self._list
        known = self._one.get(name)
        if known is None:
            known = self._one[name] = reply("200 OK", json.dumps(sender(name.decode())).encode())
        return known

    def _token(self) -> bytes:
        token = f"benchmark-token-{next(self._numbers)}"
        self._alive[b"Bearer " + token.encode()] = time.monotonic() + self._lifetime
        grant = {"access_token": token, "token_type": "bearer", "expires_in": self._lifetime}
        return reply("200 OK", json.dumps(grant).encode())


class Connection(asyncio.Protocol):
    """One keep-alive connection; reads what the benchmark's clients send and no more of HTTP than that."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._pending = b""
        self._send: Callable[[bytes], None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._send = transport.write

    def data_received(self, data: bytes) -> None:
        """Answer every whole request."""
        pending = self._pending + data
        while (end := pending.find(_END_OF_HEAD)) >= 0:
            first, *lines = pending[:end].split(b"\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (x.partition(b":") for x in lines)}
            body_end = end + len(_END_OF_HEAD) + int(headers.get(b"content-length", b"0"))
            if b"chunked" in headers.get(b"transfer-encoding", b""):
                raise ValueError("a chunked request: no client here should need one")
            if len(pending) < body_end:
                break
            method, path, _ = first.split(b" ", 2)
            body = pending[end + len(_END_OF_HEAD) : body_end]
            answer = self._answers.answer(method, path, headers.get(b"authorization", b""), body)
            pending = pending[body_end:]
            if self._answers.latency:
                asyncio.get_running_loop().call_later(self._answers.latency, self._send, answer)
            else:
                self._send(answer)
        self._pending = pending


async def tunnel(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a proxy's CONNECT, whatever it names, with a tunnel to `port` of this machine."""
    await reader.readuntil(_END_OF_HEAD)
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    # Cancelled with the server, when the run ends: asyncio would report that as an error.
    with suppress(asyncio.CancelledError):
        await asyncio.gather(_relay(reader, far_writer), _relay(far_reader, writer))


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(_RELAYED_AT_ONCE):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def serve(lifetime: float, latency: float, certificate: str | None) -> None:
    """Serve on a free port, over TLS given a certificate; print the port and the proxy's; end with standard input."""
    loop = asyncio.get_running_loop()
    answers = Answers(lifetime, latency)
    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    server = await loop.create_server(lambda: Connection(answers), "127.0.0.1", 0, backlog=2048, ssl=context)
    port = server.sockets[0].getsockname()[1]
    proxy = await asyncio.start_server(partial(tunnel, port), "127.0.0.1", 0)
    sys.stdout.write(f"{port} {proxy.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()
    proxy.close()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lifetime", type=float, default=3600.0, help="seconds that a token lives")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--certificate", help="a PEM file with key and certificates: serves over TLS")
    options = parser.parse_args()
    asyncio.run(serve(options.lifetime, options.latency, options.certificate))


if __name__ == "__main__":
    main()
