"""Hostile replies: always one of our errors, with the status and the raw body; nothing foreign escapes."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from typing import Any
from urllib.parse import quote

import pytest

from sinch_provisioning import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    NotFoundError,
    OutcomeUnknownError,
    ResponseDecodeError,
)

from . import faults
from .clients import policy
from .conftest import Open
from .server import Server

SENDER = b'{"id": "s1", "displayName": "Acme"}'
GZIPPED = gzip.compress(SENDER * 50)

UNREADABLE: dict[str, bytes] = {
    "empty": b"",
    "html": b"<html>login</html>",
    "null": b"null",
    "list": b"[]",
    "text": b'"text"',
    "number": b"7",
    "cut_json": b'{"id": "s',
    "bad_utf8": b'{"id": "\xff\xfe"}',
    "utf16": SENDER.decode().encode("utf-16"),
    "nan": b'{"id": NaN}',
    "infinity": b'{"id": -Infinity}',
    "deep_list": b"[" * 100_000 + b"]" * 100_000,
    "deep_object": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "wrong_type": b'{"id": 7}',
    "object_for_text": b'{"displayName": {"a": 1}}',
    "bad_time": b'{"createTime": "yesterday"}',
    "number_for_time": b'{"createTime": 1e400}',
    "huge_integer": b'{"id": ' + b"9" * 10_000 + b"}",
}


@pytest.mark.parametrize("name", UNREADABLE)
@pytest.mark.parametrize("post", [False, True])
async def test_success_that_cannot_be_read_is_a_decode_error(
    server: Server, open_client: Open, name: str, post: bool
) -> None:
    """A 2xx whose body is not what the document says carries its status and its bytes, and is not repeated."""
    body = UNREADABLE[name]
    server.always("POST rcs" if post else "GET rcs/{id}", faults.status(200, body))
    sinch = open_client()
    with pytest.raises(ResponseDecodeError) as caught:
        await (sinch.rcs.create(display_name="Acme") if post else sinch.rcs.get("s1"))
    assert (caught.value.status_code, caught.value.body) == (200, body)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert server.count("POST rcs") + server.count("GET rcs/{id}") == 1
    assert [attempt.status for attempt in caught.value.attempts] == [200]


@pytest.mark.parametrize(
    "body",
    [
        b'{"senders": {"a": 1}}',
        b'{"senders": [null]}',
        b'{"senders": ["s1"]}',
        b'{"senders": [[]]}',
        b"[]",
    ],
)
async def test_list_of_something_else_is_a_decode_error(
    server: Server, open_client: Open, body: bytes
) -> None:
    """Null or text where a sender should be is the reply's fault."""
    server.always("GET rcs", faults.status(200, body))
    with pytest.raises(ResponseDecodeError):
        await open_client().rcs.list()


async def test_unknown_and_null_properties_are_no_error(server: Server, open_client: Open) -> None:
    """What the server adds is kept, what it leaves out or nulls reads as None, big numbers included."""
    body = (
        b'{"id": "s1", "status": "NEW_ONE", "website": null, "createTime": null, "extra": {"i": 1'
        + b"0" * 29
        + b"}}"
    )
    server.arm("GET rcs/{id}", faults.status(200, body))
    sender = await open_client().rcs.get("s1")
    assert (sender.status, sender.website, sender.create_time) == ("NEW_ONE", None, None)
    extra: Any = sender.additional_properties["extra"]
    assert extra["i"] == 1e29


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (GZIPPED[:-9], "gzip"),
        (GZIPPED[: len(GZIPPED) // 2], "gzip"),
        (b"\x1f\x8b\x08\x00garbage", "gzip"),
        (b"not gzip at all", "gzip"),
        (GZIPPED + b"trailing", "gzip"),
        (gzip.compress(b"") * 1000, "gzip"),
        (b"not deflate", "deflate"),
        (SENDER, "br"),
        (GZIPPED, "gzip, gzip"),
    ],
    ids=[
        "tail_cut",
        "half",
        "bad_header",
        "no_gzip",
        "trailing",
        "empty_members",
        "no_deflate",
        "brotli",
        "twice",
    ],
)
async def test_bad_compression_is_a_decode_error_with_the_raw_bytes(
    server: Server, open_client: Open, body: bytes, encoding: str
) -> None:
    """What can't be decoded is kept as it came; truncated gzip is noticed."""
    server.always("GET rcs/{id}", faults.status(200, body, Content_Encoding=encoding))
    with pytest.raises(ResponseDecodeError) as caught:
        await open_client().rcs.get("s1")
    assert caught.value.body == body


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(SENDER), "gzip"),
        (gzip.compress(SENDER), "X-GZIP"),
        (gzip.compress(SENDER[:9]) + gzip.compress(SENDER[9:]), "gzip"),
        (zlib.compress(SENDER), "deflate"),
        (zlib.compress(SENDER)[2:-4], "deflate"),
        (SENDER, "identity"),
    ],
    ids=["gzip", "x_gzip", "two_members", "zlib", "bare", "identity"],
)
async def test_good_compression_is_decoded(
    server: Server, open_client: Open, body: bytes, encoding: str
) -> None:
    """gzip, in several parts too, and deflate in both its forms are read."""
    server.always("GET rcs/{id}", faults.status(200, body, Content_Encoding=encoding))
    assert (await open_client().rcs.get("s1")).display_name == "Acme"


async def test_gzip_bomb_costs_no_more_than_the_bound(server: Server, open_client: Open) -> None:
    """A reply of 20 KiB that grows to 20 MiB is given up at 1 MiB."""
    server.always("GET rcs/{id}", faults.bomb(20))
    sinch = open_client(max_response_bytes=2**20)
    tracemalloc.start()
    try:
        with pytest.raises(ResponseDecodeError, match="decoded, is larger than 1048576 bytes") as caught:
            await sinch.rcs.get("s1")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * 2**20
    assert len(caught.value.body) < 200_000


async def test_endless_reply_is_given_up_at_the_bound(server: Server, open_client: Open) -> None:
    """A body that never ends is read up to the bound, and its connection closed."""

    async def endless(exchange: faults.Exchange) -> bool:
        await exchange.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await exchange.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")

    server.arm("GET rcs/{id}", endless)
    server.add("Acme")
    sinch = open_client(max_response_bytes=100_000)
    with pytest.raises(ResponseDecodeError, match="larger than 100000 bytes"):
        await sinch.rcs.get("s1")
    assert (await sinch.rcs.get("s1")).display_name == "Acme"


@pytest.mark.parametrize("size", [999, 1000, 1001])
async def test_bound_is_exact(server: Server, open_client: Open, size: int) -> None:
    """A reply of just the allowed size is read, on the wire and decoded."""
    body = b'{"id": "' + b"x" * (size - 10) + b'"}'
    server.arm(
        "GET rcs/{id}",
        faults.status(200, body),
        faults.status(200, gzip.compress(body), Content_Encoding="gzip"),
    )
    sinch = open_client(max_response_bytes=1000)
    for _ in range(2):
        if size <= 1000:
            assert (await sinch.rcs.get("s1")).id == "x" * (size - 10)
        else:
            with pytest.raises(ResponseDecodeError):
                await sinch.rcs.get("s1")


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01",
        b"HTTP/9.9 banana\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: banana\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000,
        b"<html>HTTP/0.9</html>",
    ],
    ids=["tls", "version", "length", "negative", "chunk", "huge_header", "no_http"],
)
async def test_broken_http_is_a_connection_error(server: Server, open_client: Open, data: bytes) -> None:
    """What is no HTTP is no reply: reads are tried again, a create's outcome is unknown."""
    server.always("GET rcs/{id}", faults.raw(data))
    server.always("POST rcs", faults.raw(data))
    sinch = open_client(retry=policy(max_attempts=2))
    with pytest.raises(APIConnectionError) as caught:
        await sinch.rcs.get("s1")
    assert type(caught.value) is APIConnectionError
    assert caught.value.__context__ is None
    assert server.count("GET rcs/{id}") == 2
    with pytest.raises(OutcomeUnknownError):
        await sinch.rcs.create(display_name="Acme")
    assert server.count("POST rcs") == 1


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_redirect_is_never_followed(server: Server, open_client: Open, code: int) -> None:
    """A token goes to no other place than the one it is for."""
    async with Server() as elsewhere:
        location = f"{elsewhere.url}/v1/projects/p1/rcs/senders/s1"
        server.always("GET rcs/{id}", faults.status(code, None, Location=location))
        with pytest.raises(APIStatusError) as caught:
            await open_client().rcs.get("s1")
        assert caught.value.status_code == code
        assert elsewhere.connections == 0


async def test_dripping_reply_ends_with_the_attempts_time(server: Server, open_client: Open) -> None:
    """A byte now and then satisfies a read timeout, and not the bound on the attempt as a whole."""
    server.add("Acme")
    server.always("GET rcs/{id}", faults.drip(0.02))
    with pytest.raises(APITimeoutError):
        await open_client(timeout=0.1, retry=policy(max_attempts=1)).rcs.get("s1")


async def test_ids_arrive_as_they_are_spelled(server: Server, open_client: Open) -> None:
    """Both transports send the path that was built, character by character."""
    name = "a~b'(c)!$&+,;=:@é"
    sinch = open_client()
    with pytest.raises(NotFoundError):
        await sinch.rcs.get(name)
    assert server.seen[-1].target.rpartition("/")[2] == quote(name, safe="")
