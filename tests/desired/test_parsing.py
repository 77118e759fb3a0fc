"""YAML and JSON as plain data, and the places of what is wrong with them."""

from __future__ import annotations

import pytest

from sinch_provisioning.desired.parsing import Malformed, parse, position


def test_yaml_is_read_as_json_with_fewer_quotes() -> None:
    """Country codes, phone numbers and dates stay text; numbers, true, false and null are what they are."""
    text = (
        "a: no\nb: +46701234567\nc: 2026-01-02\nd: 0123\ne: 12\nf: 1.5\ng: true\nh: ~\ni: 'true'\nj: 0x10\n"
    )
    assert parse(text, is_json=False) == {
        "a": "no", "b": "+46701234567", "c": "2026-01-02", "d": "0123", "e": 12, "f": 1.5,
        "g": True, "h": None, "i": "true", "j": "0x10",
    }  # fmt: skip


def test_aliases_and_merges_are_expanded() -> None:
    """An alias gives the same value again, and << fills in what a mapping does not say itself."""
    text = "base: &b {x: 1, y: 2}\nlist: [*b]\nmore:\n  <<: *b\n  y: 3\nboth:\n  <<: [{y: 9}, *b]\n"
    data = parse(text, is_json=False)
    assert data == {
        "base": {"x": 1, "y": 2}, "list": [{"x": 1, "y": 2}], "more": {"x": 1, "y": 3}, "both": {"x": 1, "y": 9},
    }  # fmt: skip


def _bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "line", "column", "problem"),
    [
        (_bomb(12), 6, 45, "aliases expand"),
        ("a: &x [*x]", 1, 8, "needs a complete anchor"),
        ("a: 1\nb: 2\na: 3\n", 3, 1, "duplicate"),
        ("a: [1, 2\nb: 3", 2, 2, "invalid YAML"),
        ("a: \x01", 1, 1, "characters"),
        ("? [a]\n: b", 1, 3, "keys must be text"),
        ("a: 1\n---\nb: 2", 2, 1, "second document"),
        ("<<: 3", 1, 1, "only merge mappings"),
        ("a: " + "[" * 30 + "]" * 30, 1, 24, "deep"),
        ("\n".join(["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 40))]), 20, 12, "deep"),
    ],
)
def test_bad_yaml_is_refused_with_its_place(text: str, line: int, column: int, problem: str) -> None:
    """What can't be read, or would multiply without end, is named by line and column."""
    with pytest.raises(Malformed, match=problem) as caught:
        parse(text, is_json=False)
    assert (caught.value.line, caught.value.column) == (line, column)


@pytest.mark.parametrize(
    ("text", "line", "column", "problem"),
    [
        ('{\n\t"a": 1,\n\t"a": 2\n}', 3, 2, "duplicate"),
        ('{"a": }', 1, 7, "invalid JSON"),
        ('{"a": NaN}', 1, 1, "NaN"),
        ("[" * 100_000, 1, 22, "deep"),
    ],
)
def test_bad_json_is_refused_with_its_place(text: str, line: int, column: int, problem: str) -> None:
    """JSON is read by JSON's own rules, and its troubles have places too."""
    with pytest.raises(Malformed, match=problem) as caught:
        parse(text, is_json=True)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_a_path_leads_to_a_place() -> None:
    """Keys, items and what they hold are found again; what isn't there gives the last place on the way."""
    text = "a:\n  - b: 1\n  - c:\n      d: 2\n"
    assert position(text, ("a", 1, "c", "d")) == (4, 7)
    assert position(text, ("a", 1)) == (3, 5)
    assert position(text, ("a", 0, "nothing")) == (2, 5)
    assert position('{"a":\n\t[{"b": 1}]}', ("a", 0, "b")) == (2, 4)
