"""Pages that list everything of a kind list all of it, and nothing that is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType

import pytest

import sinch_provisioning
import sinch_provisioning_api
import sinch_provisioning_emulator
import sinch_provisioning_v1_2_api
from sinch_provisioning import errors
from sinch_provisioning.errors import ProvisioningError

from .pages import DOCS

PACKAGES = (
    sinch_provisioning,
    sinch_provisioning_api,
    sinch_provisioning_v1_2_api,
    sinch_provisioning_emulator,
)
ERRORS = (DOCS / "errors.md").read_text()


def public_modules() -> Iterator[ModuleType]:
    """Yield the modules that list their public names and have no underscore on their way."""
    for package in PACKAGES:
        yield package
        for found in walk_packages(package.__path__, f"{package.__name__}."):
            if not any(part.startswith("_") for part in found.name.split(".")):
                module = import_module(found.name)
                if "__all__" in vars(module):
                    yield module


def classes() -> dict[str, type[ProvisioningError]]:
    """Return every error class by its name."""
    found = {name: vars(errors)[name] for name in errors.__all__}
    return {
        name: value
        for name, value in found.items()
        if isinstance(value, type) and issubclass(value, ProvisioningError)
    }


def test_every_error_is_explained() -> None:
    """One row a class, with when, what to do, and whether it was retried."""
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|([^|]*)\|$", ERRORS, re.MULTILINE)
    catalogue = [row for row in rows if row[0].endswith("Error")]
    assert sorted(name for name, *_ in catalogue) == sorted(classes())
    assert all(when.strip() and todo.strip() for _, when, todo, _ in catalogue)


def test_the_tree_is_the_tree() -> None:
    """Each class is drawn beneath its parent."""
    parents = {}
    above: dict[int, str] = {}
    [tree] = re.findall(r"^```text\n(ProvisioningError\n.*?)^```", ERRORS, re.MULTILINE | re.DOTALL)
    for line in tree.splitlines():
        depth = (len(line) - len(line.lstrip("│├└─ "))) // 4
        for name in re.findall(r"(\w+Error)\b(?! 4|\))", re.sub(r"\(.*?\)", "", line)):
            parents[name] = above.get(depth - 1)
            above[depth] = name
    assert parents == {
        name: None if value is ProvisioningError else value.__mro__[1].__name__
        for name, value in classes().items()
    }


def test_every_public_module_is_in_the_reference() -> None:
    """A page shows it, or one that has all its names; `make docs` compares the names on the pages with `__all__`."""
    pages = "\n".join(page.read_text() for page in (DOCS / "reference").glob("*.md"))
    shown = set(re.findall(r"^::: (\S+)$", pages, re.MULTILINE))
    modules = list(public_modules())
    assert len(modules) > 15
    names = {module.__name__: set(vars(module)["__all__"]) for module in modules}
    by_parent = {name: names.get(name.rpartition(".")[0], set()) for name in names}
    # A module may hand on all names of another.
    whole = [names[name] for name in names if name in shown]
    left = {name for name in names if name not in shown and not names[name] <= by_parent[name]}
    assert {name for name in left if names[name] not in whole} == set()
    assert {name for name in shown if name not in names} == set()


@pytest.mark.parametrize(
    "name", ["request(", "call(", "Polling", "max_response_bytes", "Clock", "OPERATIONS", "RetryPolicy"]
)
def test_what_people_look_for_is_on_a_guide(name: str) -> None:
    """Not only in the reference."""
    guides = [page for page in DOCS.glob("*.md") if page.name not in ("changelog.md", "architecture.md")]
    assert [page.name for page in guides if re.search(rf"`[^`\n]*{re.escape(name)}", page.read_text())]
