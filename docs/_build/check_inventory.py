"""Fails the build of the site where its reference lacks a public name."""

from __future__ import annotations

import ast
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

ROOT = Path(__file__).parents[2]


def public_names() -> Iterator[str]:
    """Yield the dotted names that the public modules list in `__all__`; private modules and `tools` have none."""
    for folder in (ROOT / "src", ROOT / "generated"):
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            module = [part for part in parts if part != "__init__"]
            if any(part.startswith("_") for part in module) or module[1:-1] in (["api"], ["models"]):
                continue
            for name in _listed(path):
                yield ".".join([*module, name])


def _listed(path: Path) -> list[str]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    return []


def on_post_build(config: Any) -> None:
    """Compare the inventory that the build wrote with the packages."""
    inventory = (Path(config.site_dir) / "objects.inv").read_bytes().split(b"\n", 4)[4]
    there = {line.split()[0] for line in zlib.decompress(inventory).decode().splitlines()}
    if missing := sorted(set(public_names()) - there):
        raise PluginError(f"the reference lacks {len(missing)} public names: {', '.join(missing[:20])}")
