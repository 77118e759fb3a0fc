"""A CONNECT proxy on loopback that counts, and refuses, drops or stalls when it is told to."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

from attrs import define, field


@define(eq=False)
class Proxy:
    """`answer`: the status line's code sent to CONNECT; None closes without a word, 0 never answers."""

    answer: int | None = 200
    tunnels: list[str] = field(factory=list[str])
    authorizations: list[str] = field(factory=list[str])
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(factory=set[asyncio.Task[None]])

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    @property
    def url(self) -> str:
        """What HTTPS_PROXY is set to."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with suppress(ConnectionError, asyncio.CancelledError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            target = head.split(b" ")[1].decode()
            self.tunnels.append(target)
            lines = head.decode().split("\r\n")
            self.authorizations += [
                line.partition(": ")[2] for line in lines if line.startswith("Proxy-Authorization")
            ]
            if self.answer == 0:
                await reader.read()
            if self.answer:
                writer.write(f"HTTP/1.1 {self.answer} Status\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
            if self.answer == 200:
                # Whatever the name, it is here: only the proxy resolves it.
                port = target.rpartition(":")[2]
                there, back = await asyncio.open_connection("127.0.0.1", int(port))
                try:
                    await asyncio.gather(_pipe(reader, back), _pipe(there, writer))
                finally:
                    back.close()
        writer.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
