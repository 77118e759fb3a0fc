"""Reads the OpenAPI document."""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import attrs
import yaml

from .error_replies import EmulatorError
from .messages import Json, JsonObject
from .operations import Operation, read_operations
from .schemas import as_list, as_object


def _find(name: str) -> Path:
    package = Path(__file__).resolve().parents[1]
    packaged = package / name
    return packaged if packaged.exists() else package.parents[1] / "openapi" / name


_VENDORED = {"1.0": _find("sinch-provisioning.yaml"), "1.2": _find("sinch-provisioning-1.2.yaml")}


# libyaml's loader takes a fifth of the time, if PyYAML was built with it.
_SafeLoader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):  # type: ignore[misc, valid-type]  # both have the named type's interface
    """YAML with JSON's types only: a date remains a string."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@attrs.frozen
class Document:
    """The parts of an OpenAPI document that the emulator uses."""

    title: str
    base_path: str
    token_path: str
    operations: tuple[Operation, ...]


def vendored(api: str = "1.0") -> Path:
    """Return a vendored document's path: in the package if installed from a wheel, else in the checkout."""
    if api not in _VENDORED:
        raise EmulatorError(f"unknown API {api!r}: use one of {', '.join(_VENDORED)}")
    return _VENDORED[api]


def read_document(path: str | Path | None = None, api: str = "1.0") -> Document:
    """Read an OpenAPI 3.1 document, by default that of an API; EmulatorError if that fails."""
    if path is None:
        return _read_vendored(vendored(api))
    source = Path(path)
    try:
        return _read(source, source.stat().st_mtime_ns)
    except (OSError, UnicodeDecodeError) as error:
        raise EmulatorError(f"can't read the document {source}: {' '.join(str(error).split())}") from error


def read_own_file(path: Path) -> bytes:
    """Read a file of this package as its modules are read, so that it is there where a test fakes the file system."""
    return SourceFileLoader(__name__, __file__).get_data(str(path))


@cache
def _read_vendored(source: Path) -> Document:
    return _parse(source, read_own_file(source))


@lru_cache(maxsize=8)
def _read(source: Path, changed: int) -> Document:
    del changed  # part of the cache key, so that an edited file is read again
    return _parse(source, source.read_bytes())


def _parse(source: Path, content: bytes) -> Document:
    try:
        tree = parse_yaml(content.decode("utf-8"))
    except yaml.YAMLError as error:
        raise EmulatorError(f"can't read the document {source}: {' '.join(str(error).split())}") from error
    if not isinstance(tree, dict) or not str(tree.get("openapi", "")).startswith("3."):
        raise EmulatorError(f"{source} is not an OpenAPI 3 document")
    try:
        operations = read_operations(tree)
    except ValueError as error:
        raise EmulatorError(f"{source}: {error}") from error
    if not operations:
        raise EmulatorError(f"{source} has no operations")
    server = next((as_object(each).get("url") for each in as_list(tree.get("servers"))), "")
    return Document(
        title=str(as_object(tree.get("info")).get("title", "")),
        base_path=urlsplit(str(server)).path.rstrip("/"),
        token_path=_token_path(tree),
        operations=operations,
    )


def parse_yaml(text: str) -> Json:
    """Parse YAML into JSON values; yaml.YAMLError if it is invalid."""
    return cast("Json", yaml.load(text, Loader=_Loader))  # noqa: S506 - _Loader is a SafeLoader


def _token_path(tree: JsonObject) -> str:
    schemes = as_object(as_object(tree.get("components")).get("securitySchemes"))
    for scheme in schemes.values():
        for flow in as_object(as_object(scheme).get("flows")).values():
            url = as_object(flow).get("tokenUrl")
            if isinstance(url, str):
                return urlsplit(url).path or "/"
    return "/oauth2/token"
