"""Output: tables on a terminal, tab-separated lines in a pipe, JSON on request."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

_COLOURS = {
    "ok": "green",
    "done": "green",
    "create": "green",
    "created": "green",
    "update": "yellow",
    "updated": "yellow",
    "launch": "cyan",
    "launched": "cyan",
    "blocked": "red",
    "failed": "red",
    "fail": "red",
    "warn": "yellow",
}


def on_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


def console() -> Console:
    """Return a console on standard output."""
    return Console(file=sys.stdout, highlight=False)


def clean(value: object) -> str:
    """Return `value` as text with control characters escaped; "-" for None."""
    if value is None:
        return "-"
    text = str(value)
    return text if text.isprintable() else "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")


def line(*cells: object) -> None:
    """Print one record of tab-separated cells."""
    sys.stdout.write("\t".join(clean(cell) for cell in cells) + "\n")
    sys.stdout.flush()


def records(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows, the first cell in a colour; column titles on a terminal only."""
    if not on_terminal():
        for row in rows:
            line(*row)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in columns:
        # An id is copied from the terminal, which a line break in it would spoil.
        table.add_column(title, overflow="fold", no_wrap=title == "id")
    for row in rows:
        first, *others = (clean(cell) for cell in row)
        table.add_row(Text(first, _COLOURS.get(first.split("+")[0], "")), *(Text(cell) for cell in others))
    console().print(table)


def as_json(value: object) -> None:
    """Print a value as JSON."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Print a message for people on standard error, outside of any pipe."""
    sys.stderr.write(clean(text) + "\n")
