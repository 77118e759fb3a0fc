"""The run as a picture: processor time of one get, by calls in flight, in SVG that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from .measure import Row

_WIDTH, _LEFT, _BAR, _GAP, _GROUP = 760, 190, 16, 4, 30
_COLOURS = {"SDK": "#0a7d55"}
_OTHERS = "#8a93a3"
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1f2933}.h{font-weight:600}"
    "@media(prefers-color-scheme:dark){text{fill:#e4e7eb}}"
)


def svg(rows: Sequence[Row], work: str = "get") -> str:
    """Draw one group of bars for each number of calls in flight; a bar too long for its group is cut and says so."""
    parts: list[str] = []
    top = 34
    for in_flight in sorted({row.in_flight for row in rows if row.work == work}):
        group = sorted(
            (row for row in rows if row.work == work and row.in_flight == in_flight), key=lambda row: row.cpu
        )
        parts.append(_text(_LEFT, top, f"{in_flight} in flight", "h"))
        top += 10
        # One very slow caller must not make all others look alike.
        longest = min(group[-1].cpu, 6 * group[len(group) // 2].cpu)
        for row in group:
            parts += _bar(row, top, longest)
            top += _BAR + _GAP
        top += _GROUP
    title = f"Processor time of one {work}, milliseconds (less is better)"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top}" width="{_WIDTH}" '
            f'height="{top}" role="img" aria-label="{escape(title)}">',
            f"<style>{_STYLE}</style>",
            _text(8, 16, title, "h"),
            *parts,
            "</svg>",
            "",
        ]
    )


def _bar(row: Row, top: int, longest: float) -> list[str]:
    room = _WIDTH - _LEFT - 90
    cut = row.cpu > longest
    length = max(1.0, room * min(row.cpu, longest) / longest)
    colour = _COLOURS.get(row.caller, _OTHERS)
    label = f"{row.cpu:.2f}{' (cut)' if cut else ''}"
    return [
        _text(_LEFT - 8, top + 12, row.caller, "", anchor="end"),
        f'<rect x="{_LEFT}" y="{top}" width="{length:.1f}" height="{_BAR}" rx="2" fill="{colour}"/>',
        _text(round(_LEFT + length + 6), top + 12, label, ""),
    ]


def _text(x: int, y: int, text: str, style: str, anchor: str = "start") -> str:
    kind = f' class="{style}"' if style else ""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{kind}>{escape(text)}</text>'
