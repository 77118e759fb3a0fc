"""What comes off the wire is read or refused, and the next call gets its own answer, on both transports."""

from __future__ import annotations

import pytest

from sinch_provisioning import APIConnectionError, APIStatusError, BearerToken, ResponseDecodeError

from ..faults import faults
from ..faults.clients import TRANSPORTS, client_on, policy
from ..faults.server import Server
from ..faults.wire import reset
from .raw_replies import BODY, MAX_BYTES, REFUSED, REPLIES, Reply


def sending(reply: Reply) -> faults.Fault:
    """Answer with the bytes, and do with the connection what the row says."""

    async def act(exchange: faults.Exchange) -> bool:
        await exchange.write(reply.data)
        if reply.then == "reset":
            reset(exchange.writer)
        return reply.then == "keep"

    return act


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("name", REPLIES)
async def test_raw_reply_is_read_or_refused_and_the_next_is_its_own(name: str, transport: str) -> None:
    """Nothing but the content that the reply frames is ever read, and nothing of it by another call."""
    reply = REPLIES[name]
    async with Server() as server:
        server.valid.add("token")
        server.add("Acme")
        server.arm(f"{reply.method} rcs/{{id}}", sending(reply))
        async with client_on(
            server,
            transport=transport,
            credentials=BearerToken("token"),
            retry=policy(max_attempts=1),
            timeout=0.3 if name == "end: no length, kept" else 5.0,
            max_response_bytes=MAX_BYTES,
        ) as sinch:
            content: bytes | None
            try:
                path = "/v1/projects/{project_id}/rcs/senders/s1"
                content = (await sinch.request(reply.method, path)).content
            except APIStatusError as error:
                content = error.body
            except (APIConnectionError, ResponseDecodeError):
                content = REFUSED
            expected = reply.content
            if reply.why and transport != "own":
                expected = BODY if expected is REFUSED else REFUSED
            assert content == expected
            # httpx's pool does not see what is left on a connection: that part is ours alone.
            if transport == "own" or not reply.left_behind:
                assert (await sinch.rcs.get("s1")).display_name == "Acme"
