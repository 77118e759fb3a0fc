"""The shape of the house: which room may import which, and what is public."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sinch_provisioning
import sinch_provisioning_api

SRC = Path(__file__).parents[1] / "src"
BUILT_ON_TOP = [
    *SRC.glob("sinch_provisioning/desired/*.py"),
    *SRC.glob("sinch_provisioning/cli/*.py"),
    *SRC.glob("sinch_provisioning/durable*.py"),
    *SRC.glob("sinch_provisioning/durable/*.py"),
]


def test_arrows_point_one_way() -> None:
    """The import rules of pyproject.toml hold: layers of the facade, pure retry decisions, emulator apart."""
    # In a process of its own: it switches off every logger there is, for all tests that come after it.
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program], cwd=SRC.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("package", [sinch_provisioning, sinch_provisioning_api])
def test_public_names_are_listed(package: object) -> None:
    """`__all__` is sorted, and every name in it is there."""
    names: list[str] = vars(package)["__all__"]
    assert sorted(names) == sorted(set(names))
    assert not [name for name in names if not hasattr(package, name)]


@pytest.mark.parametrize("path", BUILT_ON_TOP, ids=lambda path: str(path.relative_to(SRC)))
def test_what_is_built_on_top_uses_public_names(path: Path) -> None:
    """Desired state, commands and workflows stand where a user stands: on names without an underscore."""
    imported = [
        f"{node.module or ''}.{name.name}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.level > 0 or "sinch" in (node.module or ""))
        for name in node.names
    ]
    own = {f"_{each.stem.lstrip('_')}" for each in BUILT_ON_TOP}
    private = [
        name for name in imported for part in name.split(".") if part.startswith("_") and part not in own
    ]
    assert [name for name in private if "__" not in name] == []
