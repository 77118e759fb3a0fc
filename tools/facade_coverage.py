"""Finds which generated coroutines the facade uses, from its source: it may no longer be importable."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen


@frozen
class Use:
    """One use of a coroutine; `owner` is the method that uses it, or the attribute it is bound to."""

    function: str
    owner: str
    file: str
    line: int


def uses(folder: Path, package: str) -> list[Use]:
    """Return all uses of coroutines of a generated package in the modules of a folder."""
    found: list[Use] = []
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        names = dict(_imported(tree, package))
        if names:
            owners = list(_owners(tree, "", set(names)))
            file = path.relative_to(folder.parent).as_posix()
            found += [Use(names[name], owner, file, line) for name, owner, line in owners]
    return found


def _imported(tree: ast.Module, package: str) -> Iterator[tuple[str, str]]:
    """Yield local names and coroutines; names that are not in lower case are types."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(f"{package}.api."):
            for alias in node.names:
                if alias.name == alias.name.lower():
                    yield alias.asname or alias.name, alias.name


def _owners(node: ast.AST, owner: str, names: set[str]) -> Iterator[tuple[str, str, int]]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
        yield node.id, owner or "the module", node.lineno
    for child in ast.iter_child_nodes(node):
        inner = owner
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            inner = f"{owner}.{child.name}".lstrip(".")
        elif isinstance(child, ast.Assign | ast.AnnAssign):
            inner = _bound(child, owner) or owner
        yield from _owners(child, inner, names)


def _bound(node: ast.Assign | ast.AnnAssign, owner: str) -> str:
    """Return the attribute of self that a statement in a constructor binds."""
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    if owner.endswith(".__init__") and isinstance(target, ast.Attribute):
        return f"{owner.removesuffix('.__init__')}.{target.attr}"
    return ""
