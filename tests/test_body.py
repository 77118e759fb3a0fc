"""A reply's bytes: bounded, decoded, bounded again; without a socket, as the function knows none."""

from __future__ import annotations

import gzip
import zlib

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinch_provisioning._http.body import UnreadableBodyError, read


async def body_of(content: bytes, encoding: str | None = None, limit: int = 10_000) -> bytes:
    """Read a response with that content."""
    headers = {} if encoding is None else {"Content-Encoding": encoding}
    return await read(httpx.Response(200, headers=headers, stream=httpx.ByteStream(content)), limit)


@given(st.binary(max_size=2000), st.sampled_from(["gzip", "deflate", "bare", "identity"]))
async def test_any_body_comes_back_as_it_was(content: bytes, encoding: str) -> None:
    """What was compressed is decoded to the same bytes, in all the forms that servers send."""
    packed = {
        "gzip": gzip.compress(content),
        "deflate": zlib.compress(content),
        "bare": zlib.compress(content, wbits=-15),
        "identity": content,
    }[encoding]
    assert await body_of(packed, "deflate" if encoding == "bare" else encoding) == content


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate", "br", "x"]))
async def test_any_bytes_are_read_or_refused_with_what_came(content: bytes, encoding: str) -> None:
    """Bytes that are no compressed body raise our own exception, with the bytes on it, and nothing else."""
    try:
        await body_of(content, encoding)
    except UnreadableBodyError as error:
        raw = error.raw
    else:
        return
    assert raw == content


async def test_many_parts_are_refused_in_no_time() -> None:
    """A body of a hundred thousand empty parts is given up after a few."""
    with pytest.raises(UnreadableBodyError, match="too many parts"):
        await body_of(gzip.compress(b"") * 100_000, "gzip", limit=16 * 2**20)
