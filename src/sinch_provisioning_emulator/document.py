"""The OpenAPI document, read: what it serves, under which paths, behind which doors."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import attrs
import yaml

from .operations import Operation, read_operations
from .problems import EmulatorError
from .schemas import as_list, as_object
from .wire import Json, JsonObject

_NAME = "sinch-provisioning.yaml"


# libyaml's loader reads the document in a fifth of the time, where PyYAML was built with it.
_SafeLoader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):  # type: ignore[misc, valid-type]  # either one behaves as the named type says
    """YAML with the types JSON has: a date in an example stays text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@attrs.frozen
class Document:
    """What the emulator needs of an OpenAPI document."""

    title: str
    base_path: str
    token_path: str
    operations: tuple[Operation, ...]


def vendored() -> Path:
    """Where the vendored document lies: beside this module in a wheel, in `openapi/` in a checkout."""
    here = Path(__file__).resolve()
    packaged = here.with_name(_NAME)
    return packaged if packaged.exists() else here.parents[2] / "openapi" / _NAME


def read_document(path: str | Path | None = None) -> Document:
    """Read an OpenAPI 3.1 document (the vendored one by default), or raise an EmulatorError in one line."""
    source = vendored() if path is None else Path(path)
    try:
        changed = source.stat().st_mtime_ns
    except OSError as error:
        raise EmulatorError(f"can't read the document {source}: {error.strerror or error}") from error
    return _read(source, changed)


@lru_cache(maxsize=8)
def _read(source: Path, changed: int) -> Document:
    del changed  # only part of the key: an edited file is read again
    try:
        tree = parse_yaml(source.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise EmulatorError(f"can't read the document {source}: {' '.join(str(error).split())}") from error
    if not isinstance(tree, dict) or not str(tree.get("openapi", "")).startswith("3."):
        raise EmulatorError(f"{source} is no OpenAPI 3 document")
    try:
        operations = read_operations(tree)
    except ValueError as error:
        raise EmulatorError(f"{source}: {error}") from error
    if not operations:
        raise EmulatorError(f"{source} describes no operation")
    server = next((as_object(each).get("url") for each in as_list(tree.get("servers"))), "")
    return Document(
        title=str(as_object(tree.get("info")).get("title", "")),
        base_path=urlsplit(str(server)).path.rstrip("/"),
        token_path=_token_path(tree),
        operations=operations,
    )


def parse_yaml(text: str) -> Json:
    """YAML as JSON values; raises yaml.YAMLError."""
    return cast("Json", yaml.load(text, Loader=_Loader))  # noqa: S506 - _Loader is a SafeLoader


def _token_path(tree: JsonObject) -> str:
    schemes = as_object(as_object(tree.get("components")).get("securitySchemes"))
    for scheme in schemes.values():
        for flow in as_object(as_object(scheme).get("flows")).values():
            url = as_object(flow).get("tokenUrl")
            if isinstance(url, str):
                return urlsplit(url).path or "/"
    return "/oauth2/token"
