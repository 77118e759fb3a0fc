"""The page of promises: every test that it names exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_every_promise_names_tests_that_exist() -> None:
    """A row of a table names at least one test, and each named test is in the suite."""
    page = (ROOT / "docs" / "reliability.md").read_text()
    rows = [
        line
        for line in page.splitlines()
        if line.startswith("| ") and not line.startswith(("| promise", "| ---"))
    ]
    named = [re.findall(r"`(test_\w+)`", row.rsplit("| ", 1)[1]) for row in rows]
    assert len(rows) > 30
    assert all(named)
    there = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name for row in named for name in row} - there == set()
