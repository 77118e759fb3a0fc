"""Python literals and docstrings that can hold any text of a document."""

from __future__ import annotations

import textwrap
import unicodedata

from openapi_python_client.schema.untrusted_string import UntrustedString
from openapi_python_client.strings import safe_for_docstring

WIDTH = 110


def literal(value: object) -> str:
    """Return a value as Python source, in ASCII."""
    return ascii(value.get_untrusted_value() if isinstance(value, UntrustedString) else value)


def line(text: str) -> str:
    """Return text as one line of source."""
    return " ".join(_printable(text).split())


def docstring(text: UntrustedString | str, indent: int) -> str:
    """Return a docstring, wrapped, and indented except for its first line."""
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
    lines = lines or ["No description."]
    if lines[-1].endswith(('"', "\\")):
        lines[-1] += " "
    if len(lines) == 1:
        return f'"""{lines[0]}"""'
    return "\n".join([f'"""{lines[0]}', *(f"{margin}{one}".rstrip() for one in lines[1:]), f'{margin}"""'])


def _printable(text: str) -> str:
    """Remove what a Python file cannot contain: control characters and lone surrogates."""
    return "".join(one for one in text if one.isspace() or unicodedata.category(one) not in {"Cc", "Cs"})
