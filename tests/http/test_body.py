"""A reply's bytes: bounded, decoded, bounded again; without a socket, as the function knows none."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinch_provisioning._http.body import UnreadableBodyError, decode_body


def body_of(content: bytes, encoding: str | None = None, limit: int = 10_000) -> bytes:
    """Decode a reply's body."""
    return decode_body(content, encoding, limit)


@given(st.binary(max_size=2000), st.sampled_from(["gzip", "deflate", "bare", "identity"]))
def test_any_body_comes_back_as_it_was(content: bytes, encoding: str) -> None:
    """What was compressed is decoded to the same bytes, in all the forms that servers send."""
    packed = {
        "gzip": gzip.compress(content),
        "deflate": zlib.compress(content),
        "bare": zlib.compress(content, wbits=-15),
        "identity": content,
    }[encoding]
    assert body_of(packed, "deflate" if encoding == "bare" else encoding) == content


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate", "br", "x"]))
def test_any_bytes_are_read_or_refused_with_what_came(content: bytes, encoding: str) -> None:
    """Bytes that are no compressed body raise our own exception, with the bytes on it, and nothing else."""
    try:
        body_of(content, encoding)
    except UnreadableBodyError as error:
        raw = error.raw
    else:
        return
    assert raw == content


def test_many_parts_are_refused_in_no_time() -> None:
    """A body of a hundred thousand empty parts is given up after a few."""
    with pytest.raises(UnreadableBodyError, match="too many parts"):
        body_of(gzip.compress(b"") * 100_000, "gzip", limit=16 * 2**20)


@pytest.mark.parametrize("encoding", ["none", "utf-8", "identity", "", "gzip, identity", " GZIP "])
def test_encodings_that_are_none_are_passed_over(encoding: str) -> None:
    """Servers name character sets and "none" where there is no content encoding."""
    packed = gzip.compress(b"body") if "gzip" in encoding.lower() else b"body"
    assert body_of(packed, encoding) == b"body"


def test_zero_bytes_behind_gzip_are_padding() -> None:
    """What follows a compressed body is ignored only if it is zero bytes."""
    assert body_of(gzip.compress(b"body") + bytes(100), "gzip") == b"body"
    with pytest.raises(UnreadableBodyError):
        body_of(gzip.compress(b"body") + bytes(3) + b"x", "gzip")
    with pytest.raises(UnreadableBodyError):
        body_of(bytes(20), "gzip")
