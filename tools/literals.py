"""Python literals and docstrings that hold a document's words, whatever characters they are made of."""

from __future__ import annotations

import textwrap

from openapi_python_client.schema.untrusted_string import UntrustedString
from openapi_python_client.strings import safe_for_docstring

WIDTH = 110


def literal(value: object) -> str:
    """Write a value as Python source, as the formatter would quote it."""
    return ascii(value.get_untrusted_value() if isinstance(value, UntrustedString) else value)


def docstring(text: UntrustedString | str, indent: int) -> str:
    """Write a docstring, wrapped and indented but for its first line."""
    words = safe_for_docstring(text).strip() or "Without a description."
    if words.endswith(('"', "\\")):
        words += " "
    margin = " " * indent
    paragraphs = [" ".join(part.split()) for part in words.split("\n\n")]
    lines: list[str] = []
    for paragraph in filter(None, paragraphs):
        lines += [
            *([""] if lines else []),
            *textwrap.wrap(paragraph, WIDTH - indent - 6, break_long_words=False),
        ]
    if len(lines) == 1:
        return f'"""{lines[0]}"""'
    return "\n".join([f'"""{lines[0]}', *(f"{margin}{line}".rstrip() for line in lines[1:]), f'{margin}"""'])
