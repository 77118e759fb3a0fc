"""Finds what the facade uses of a generated package, from its source: it may no longer be importable."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen


@frozen
class Use:
    """One use of a generated coroutine or type.

    `owner` is the class or function that uses it, the attribute it is bound to, or "the module".
    """

    name: str
    owner: str
    file: str
    line: int


def uses(folder: Path, package: str) -> list[Use]:
    """Return all uses of the coroutines and types of a generated package in the modules of a folder."""
    found: list[Use] = []
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        names = {local: (name, line) for local, name, line in _imported(tree, package)}
        modules = {f"{local}." for local in _imported_modules(tree, package)}
        file = path.relative_to(folder.parent).as_posix()
        used = [
            Use(names[name][0] if name in names else name.partition(".")[2], owner, file, line)
            for name, owner, line in _owners(tree, "", {*names, *modules})
        ]
        reexported = {name for name, _ in names.values()} - {use.name for use in used}
        found += used
        found += [Use(name, "the module", file, line) for name, line in names.values() if name in reexported]
    return found


def exported(package: Path) -> set[str]:
    """Return the coroutines and types that a generated package exports."""
    names: set[str] = set()
    for module in ("api", "models"):
        tree = ast.parse((package / module / "__init__.py").read_text(encoding="utf-8"))
        names.update(
            alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
        )
    return names


def _imported(tree: ast.Module, package: str) -> Iterator[tuple[str, str, int]]:
    """Yield local name, name in the generated package and line."""
    modules = (f"{package}.api.", f"{package}.models.")
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(modules):
            # A star needs none of the names, nor does `__all__`: they take those that are there.
            for alias in (each for each in node.names if each.name not in ("*", "__all__")):
                yield alias.asname or alias.name, alias.name, node.lineno


def _imported_modules(tree: ast.Module, package: str) -> Iterator[str]:
    """Yield the local names of the modules of coroutines and of types."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == package:
            for alias in node.names:
                if alias.name in ("api", "models"):
                    yield alias.asname or alias.name


def _owners(node: ast.AST, owner: str, names: set[str]) -> Iterator[tuple[str, str, int]]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
        yield node.id, owner or "the module", node.lineno
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and f"{node.value.id}." in names:
        yield f"{node.value.id}.{node.attr}", owner or "the module", node.lineno
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
