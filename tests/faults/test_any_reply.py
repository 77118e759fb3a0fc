"""Generated replies, without a socket for the number of them: a value or one of our errors comes of each."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from sinch_provisioning import ProvisioningError

from .clients import client_on, policy


@settings(max_examples=150, deadline=None)
@given(
    status=st.integers(200, 599),
    body=st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=8) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "id",
                        "senders",
                        "error",
                        "message",
                        "errorCode",
                        "createTime",
                        "nextPageToken",
                        "details",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
    retry_after=st.none() | st.text("0123456789.-eE +", max_size=12),
    request_id=st.none() | st.text("abcdef0123456789-\t \x7f", max_size=20),
    encoding=st.none() | st.sampled_from(["gzip", "deflate", "br", "", "identity", "gzip,gzip"]),
)
def test_any_reply_is_a_value_or_one_of_our_errors(
    status: int, body: bytes, retry_after: str | None, request_id: str | None, encoding: str | None
) -> None:
    """Whatever bytes and headers come back, a call returns or raises what is in the tree."""
    headers = {"Retry-After": retry_after, "X-Request-Id": request_id, "Content-Encoding": encoding}
    given_headers = {name: value for name, value in headers.items() if value is not None}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("token"):
            return httpx.Response(200, json={"access_token": "t"})
        return httpx.Response(status, headers=given_headers, stream=httpx.ByteStream(body))

    async def calls() -> None:
        server: Any = type("Nowhere", (), {"url": "http://127.0.0.1:1"})
        async with client_on(
            server, transport=httpx.MockTransport(answer), retry=policy(max_attempts=2)
        ) as sinch:
            outcomes = await asyncio.gather(
                sinch.rcs.list(),
                sinch.rcs.create(display_name="x"),
                sinch.rcs.launch("s1"),
                sinch.rcs.delete("s1"),
                return_exceptions=True,
            )
        for error in (outcome for outcome in outcomes if isinstance(outcome, BaseException)):
            assert isinstance(error, ProvisioningError)
            assert len(str(error).splitlines()) == 1

    asyncio.run(calls())
