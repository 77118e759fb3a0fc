"""The documentation's pages and the fenced blocks on them."""

from __future__ import annotations

import re
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]

_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"# ([\w./-]+\.\w+)\n")
_TEST = re.compile(r"^(async )?def test_|^class \w+\(unittest\.", re.MULTILINE)
_CELL = "# In a notebook cell\n"


@frozen
class Block:
    """One fenced block: its language, its text, and the output that the page promises beneath it."""

    number: int
    language: str
    text: str
    output: str | None

    @property
    def name(self) -> str | None:
        """The file that the block is, as its first line says."""
        named = _NAME.match(self.text)
        return None if named is None else named[1]

    @property
    def is_test(self) -> bool:
        """Whether it is for pytest."""
        return self.language == "python" and _TEST.search(self.text) is not None

    @property
    def is_cell(self) -> bool:
        """Whether it is for a notebook, where `await` may stand alone."""
        return self.text.startswith(_CELL)

    @property
    def file(self) -> str:
        """The name that it is run under."""
        default = f"test_block_{self.number}.py" if self.is_test else f"block_{self.number}.py"
        return self.name or default


def blocks(page: Path) -> list[Block]:
    """Return the page's blocks in order; a `text` block right beneath a Python block is what that prints."""
    text = page.read_text()
    found = list(_FENCE.finditer(text))
    told: list[Block] = []
    for number, fence in enumerate(found):
        after = found[number + 1] if number + 1 < len(found) else None
        prints = (
            after is not None
            and fence[1] == "python"
            and after[1] == "text"
            and not text[fence.end() : after.start()].strip()
        )
        told.append(Block(number, fence[1], fence[2], after[2] if after is not None and prints else None))
    return told
