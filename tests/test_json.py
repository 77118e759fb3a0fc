"""JSON from bytes: one verdict whichever decoder is installed."""

from __future__ import annotations

import codecs
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinch_provisioning._json import loads, loads_standard

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"\xff",
        b'"\xc3"',
        b"[" * 100_000,
        b"1e999",
        b"9" * 5000,
        b"{}x",
    ],
)
def test_what_is_no_json_is_a_value_error(content: bytes) -> None:
    """Both decoders refuse the same, and with nothing but ValueError."""
    for decode in (loads, loads_standard):
        with pytest.raises(ValueError):  # noqa: PT011 - each decoder words it its own way
            decode(content)


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"18446744073709551615", 2**64 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b"18446744073709551616", 1.8446744073709552e19),
        (b"1" + b"0" * 30, 1e30),
        (b"0.1", 0.1),
        (codecs.BOM_UTF8 + b"7", 7),
    ],
)
def test_numbers_read_alike(content: bytes, value: float) -> None:
    """Within 64 bits an integer is exact, beyond them a float; a byte order mark means nothing."""
    for decode in (loads, loads_standard):
        assert decode(content) == value
        assert type(decode(content)) is type(value)


@given(VALUES)
def test_any_value_reads_alike(value: object) -> None:
    """The fast decoder and the standard one agree on whatever can be written."""
    content = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    assert loads(content) == loads_standard(content)
