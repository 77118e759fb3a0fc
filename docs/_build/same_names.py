"""A griffe extension: a function imported from a module of the same name is documented as the function."""

from __future__ import annotations

from typing import Any

import griffe


class SameNames(griffe.Extension):
    """Lets such imports point to the function; griffe knows a submodule and an import by one name, the submodule's."""

    def on_package(self, *, pkg: griffe.Module, loader: griffe.GriffeLoader, **_: Any) -> None:
        """Correct the imports of a package once all of it is loaded."""
        _correct(pkg, loader)


def _correct(package: griffe.Module, loader: griffe.GriffeLoader) -> None:
    for name, member in list(package.members.items()):
        if isinstance(member, griffe.Alias):
            _retarget(member, loader)
        elif isinstance(member, griffe.Module):
            _correct(member, loader)
            if name in (package.exports or ()) and name in member.members:
                package.set_member(name, griffe.Alias(name, f"{member.path}.{name}", parent=package))


def _retarget(alias: griffe.Alias, loader: griffe.GriffeLoader) -> None:
    name = alias.target_path.rpartition(".")[2]
    try:
        target = loader.modules_collection.get_member(alias.target_path)
        if isinstance(target, griffe.Module) and name in target.members:
            alias.target_path = f"{alias.target_path}.{name}"
    except (KeyError, griffe.AliasResolutionError):
        return
