"""A raw server on a real socket that does as it is told, keeps senders, and counts what it saw."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self

from .faults import Exchange, Fault
from .wire import Seen, read_request, reply_bytes, reset

PROJECT = "p1"


class Server:
    """Token endpoint and API on one port; faults are armed per request key, see `Seen.key`.

    `on_accept` acts on connections before anything is read: "close", "reset" or "stall".
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.context = context
        self.seen: list[Seen] = []
        self.senders: dict[str, dict[str, object]] = {}
        self.issued: list[str] = []
        self.valid: set[str] = set()
        self.expires_in: object = 3600
        self.connections = 0
        self.peak = 0
        self.on_accept: deque[str] = deque()
        self.chaos: Callable[[Seen], Fault | None] | None = None
        self._made = 0
        self._faults: dict[str, deque[Fault]] = {}
        self._always: dict[str, Fault] = {}
        self._open: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.context, limit=2**20)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        tasks = [task for task in self._open.values() if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await asyncio.sleep(0)

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"{'http' if self.context is None else 'https'}://127.0.0.1:{self.port}"

    @property
    def open_connections(self) -> int:
        """Connections that neither side has ended."""
        return len(self._open)

    def arm(self, key: str, *faults: Fault) -> None:
        """Do these to the next requests of that key, one each."""
        self._faults.setdefault(key, deque()).extend(faults)

    def always(self, key: str, fault: Fault | None) -> None:
        """Do this to every request of that key once what is armed is used up; None ends it."""
        if fault is None:
            self._always.pop(key, None)
        else:
            self._always[key] = fault

    def count(self, key: str) -> int:
        """How many requests of that key were read whole."""
        return sum(seen.key == key for seen in self.seen)

    @property
    def counts(self) -> Counter[str]:
        """All requests by key."""
        return Counter(seen.key for seen in self.seen)

    def rotate(self) -> None:
        """Refuse every token issued so far."""
        self.valid.clear()

    def names(self) -> Counter[str]:
        """How many senders bear each name."""
        return Counter(str(sender["displayName"]) for sender in self.senders.values())

    def add(self, name: str, **fields: object) -> str:
        """Keep a sender; returns its id."""
        self._made += 1
        sender_id = f"s{self._made}"
        self.senders[sender_id] = {"id": sender_id, "displayName": name, "status": "DRAFT"} | fields
        return sender_id

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open[writer] = asyncio.current_task()
        self.peak = max(self.peak, len(self._open))
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            # Cancelled only by `__aexit__`; asyncio's streams complain about a handler that ends so.
            pass
        finally:
            writer.close()
            # asyncio closes the socket in its next turn; before that nobody can see it.
            await asyncio.sleep(0)
            del self._open[writer]

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        act = self.on_accept.popleft() if self.on_accept else None
        if act == "reset":
            reset(writer)
        if act in ("close", "reset"):
            return
        if act == "stall":
            await reader.read()
            return
        while (seen := await read_request(reader)) is not None:
            self.seen.append(seen)
            fault = self._fault(seen)
            exchange = Exchange(seen, writer, partial(self.answer, seen))
            if fault is None:
                await exchange.write(self.answer(seen))
                continue
            # A fault that waits must notice that the caller has gone.
            acting = asyncio.ensure_future(fault(exchange))
            gone = asyncio.ensure_future(_eof(reader))
            try:
                await asyncio.wait([acting, gone], return_when=asyncio.FIRST_COMPLETED)
            finally:
                gone.cancel()
                ended = acting.done()
                if not ended:
                    acting.cancel()
                    await asyncio.wait([acting])
            if not ended or not acting.result():
                return

    def _fault(self, seen: Seen) -> Fault | None:
        armed = self._faults.get(seen.key)
        if armed:
            return armed.popleft()
        if seen.key in self._always:
            return self._always[seen.key]
        return None if self.chaos is None else self.chaos(seen)

    def answer(self, seen: Seen) -> bytes:
        """Do what `seen` asks for, and return the reply."""
        if seen.key == "token":
            token = f"token-{len(self.issued) + 1:06d}-canary"
            self.issued.append(token)
            self.valid.add(token)
            grant = {"access_token": token, "token_type": "bearer", "expires_in": self.expires_in}
            return reply_bytes(200, {name: value for name, value in grant.items() if value is not ...})
        if seen.token not in self.valid:
            return reply_bytes(401, {"errorCode": "unauthorized", "message": "invalid token"})
        sender_id = seen.path.split("/")[6] if seen.key.count("/") else ""
        return self._operation(seen, sender_id)

    def _operation(self, seen: Seen, sender_id: str) -> bytes:
        if seen.key == "GET rcs":
            return reply_bytes(200, {"senders": list(self.senders.values())})
        if seen.key == "POST rcs":
            fields = json.loads(seen.body)
            sender_id = self.add(fields.pop("displayName"), **fields)
            return reply_bytes(201, self.senders[sender_id])
        if sender_id not in self.senders:
            return reply_bytes(404, {"errorCode": "not_found", "message": "no such sender"})
        if seen.method == "DELETE":
            del self.senders[sender_id]
            return reply_bytes(204)
        if seen.key.endswith("launch"):
            self.senders[sender_id]["status"] = "LAUNCHING"
        if seen.method in ("PUT", "PATCH"):
            self.senders[sender_id] |= json.loads(seen.body)
        return reply_bytes(200, self.senders[sender_id])


async def _eof(reader: asyncio.StreamReader) -> None:
    # Nothing is pipelined, so any end of the stream means that the caller is gone.
    while not reader.at_eof() and reader.exception() is None:  # noqa: ASYNC110 - reading would steal the next request's bytes
        await asyncio.sleep(0.002)
