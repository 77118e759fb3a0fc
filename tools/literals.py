"""Python literals and docstrings that hold a document's words, whatever characters they are made of."""

from __future__ import annotations

import textwrap
import unicodedata

from openapi_python_client.schema.untrusted_string import UntrustedString
from openapi_python_client.strings import safe_for_docstring

WIDTH = 110


def literal(value: object) -> str:
    """Write a value as Python source, as the formatter would quote it."""
    return ascii(value.get_untrusted_value() if isinstance(value, UntrustedString) else value)


def line(text: str) -> str:
    """Put words on one line of source."""
    return " ".join(_printable(text).split())


def docstring(text: UntrustedString | str, indent: int) -> str:
    """Write a docstring, wrapped and indented but for its first line."""
    value = text.get_untrusted_value() if isinstance(text, UntrustedString) else text
    words = safe_for_docstring(_printable(value))
    margin = " " * indent
    paragraphs = [" ".join(part.split()) for part in words.split("\n\n")]
    lines: list[str] = []
    for paragraph in filter(None, paragraphs):
        lines += [
            *([""] if lines else []),
            *textwrap.wrap(paragraph, WIDTH - indent - 6, break_long_words=False),
        ]
    lines = lines or ["Without a description."]
    if lines[-1].endswith(('"', "\\")):
        lines[-1] += " "
    if len(lines) == 1:
        return f'"""{lines[0]}"""'
    return "\n".join([f'"""{lines[0]}', *(f"{margin}{one}".rstrip() for one in lines[1:]), f'{margin}"""'])


def _printable(text: str) -> str:
    """Leave out what no Python file may hold: control characters and lone surrogates."""
    return "".join(one for one in text if one.isspace() or unicodedata.category(one) not in {"Cc", "Cs"})
