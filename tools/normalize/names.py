"""Unique Python names that openapi-python-client will not change again."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

from attrs import field, frozen
from openapi_python_client.strings import ClassName, PythonIdentifier

from tools.openapi.loading import UnusableDocumentError

PREFIX = "field_"
# Well below the 255 bytes of most file systems, for a name in snake_case has more characters than in PascalCase.
_LONGEST = 100
# Names that generated modules import or define themselves.
_TAKEN_CLASSES = frozenset(
    [
        "Caller",
        "Reply",
        "Request",
        "Mapping",
        "Callable",
        "Literal",
        "Required",
        "Self",
        "TypedDict",
        "TypeAlias",
        "FileContent",
        "UnknownObject",
        "Sequence",
        "Any",
        "None",
    ]
)
_TAKEN_ATTRIBUTES = frozenset({"additional_properties", "from_dict", "to_dict"})
_TAKEN_ARGUMENTS = frozenset({"client", "body", "url"})


def _words(word: str) -> str:
    """Replace punctuation by spaces, and normalize as Python does with identifiers (NFKC)."""
    signed = re.sub(r"^\+(?=\d)", "plus ", re.sub(r"^-(?=\d)", "minus ", unicodedata.normalize("NFKC", word)))
    return re.sub(r"[^\w]+", " ", signed).strip(" ")


def identifier(word: str, prefix: str = PREFIX) -> str:
    """Convert to snake_case; idempotent."""
    name = str(PythonIdentifier(_words(word), prefix))
    for _ in range(5):
        again = str(PythonIdentifier(name, prefix))
        if again == name:
            return name
        name = again
    return prefix + re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def class_name(word: str) -> str:
    """Convert to PascalCase; idempotent."""
    name = str(ClassName(_words(word), PREFIX))
    for _ in range(5):
        again = str(ClassName(name, PREFIX))
        if again == name:
            return name
        name = again
    return "Model" + re.sub(r"[^A-Za-z0-9]+", "", name)


def shortened(name: str) -> str:
    """Shorten a name that file systems would refuse as a module, so that it stays unique."""
    if len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: _LONGEST - 8].rstrip('_')}{'_' if name.islower() else ''}{digest}"


def _unused(name: str, taken: Iterable[str], join: str) -> str:
    """Append a number; the trailing underscore that avoids a keyword is no longer needed then."""
    stem, number = name.rstrip("_"), 2
    while f"{stem}{join}{number}" in taken:
        number += 1
    return f"{stem}{join}{number}"


@frozen
class Names:
    """The class and function names assigned so far."""

    classes: set[str] = field(factory=lambda: set(_TAKEN_CLASSES))
    modules: set[str] = field(factory=set)
    functions: set[str] = field(factory=set)

    def reserve_class(self, name: str) -> str:
        """Take a class name from the names file; raise UnusableDocumentError if it cannot be used as it is."""
        if class_name(name) != name or not self._free(name):
            raise UnusableDocumentError(f"names file: {name!r} cannot be used as the name of a class")
        return self._take(name)

    def new_class(self, word: str) -> str:
        """Return a class name whose module name and TypedDict name are unused too."""
        name = class_name(shortened(class_name(word)))
        if name in _TAKEN_CLASSES:
            name = f"{name}Model"
        number = 1
        candidate = name
        while not self._free(candidate):
            number += 1
            candidate = class_name(f"{name}{number}")
        return self._take(candidate)

    def _take(self, name: str) -> str:
        self.classes.update((name, f"{name}Fields"))
        self.modules.add(identifier(name))
        return name

    def _free(self, name: str) -> bool:
        return (
            name not in self.classes
            and f"{name}Fields" not in self.classes
            and identifier(name) not in self.modules
        )

    def reserve_function(self, name: str) -> str:
        """Take a function name from the names file; raise UnusableDocumentError if it cannot be used as it is."""
        if identifier(name) != name:
            raise UnusableDocumentError(f"names file: {name!r} cannot be used as the name of a coroutine")
        self.functions.add(name)
        return name

    def new_function(self, word: str) -> str:
        """Return an unused function name."""
        name = identifier(shortened(identifier(word)))
        if name in self.functions:
            name = _unused(name, self.functions, "_")
        self.functions.add(name)
        return name

    def new_keywords(self, function: str) -> str:
        """Return an unused name for the TypedDict of a function's keyword arguments."""
        name = f"{class_name(function)}Arguments"
        if name in self.classes:
            name = _unused(
                name.removesuffix("Arguments"), {n.removesuffix("Arguments") for n in self.classes}, ""
            )
            name += "Arguments"
        self.classes.add(name)
        return name


def attributes(words: Iterable[str]) -> dict[str, str]:
    """Map attribute names to a model's properties; of two that collide, the second is numbered."""
    named: dict[str, str] = {}
    for word in words:
        name = identifier(word)
        if name in _TAKEN_ATTRIBUTES:
            name = PREFIX + name
        named[_unused(name, named, "_") if name in named else name] = word
    return named


def arguments(words: Iterable[tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Map argument names to (location, name) of parameters; path parameters come first and keep their names."""
    named: dict[str, tuple[str, str]] = {}
    for where, word in words:
        name = identifier(word)
        if where == "path" and not name.isascii():
            name = f"path_{len(named) + 1}"  # openapi-python-client only recognizes ASCII names in a path
        if name in _TAKEN_ARGUMENTS or name in named:
            name = f"{name.rstrip('_')}_{where}"
        named[_unused(name, named, "_") if name in named else name] = (where, word)
    return named
