"""The vendored documents, and what SOURCE says about them."""

from __future__ import annotations

import re
from pathlib import Path

from attrs import frozen

from tools.openapi.document import Document, as_node
from tools.openapi.loading import sha256

ROOT = Path(__file__).resolve().parents[2]


@frozen
class Api:
    """One vendored document and the package generated from it; `version` is how commands refer to it."""

    version: str
    file: str
    package: str

    @property
    def spec(self) -> Path:
        """The document."""
        return ROOT / "openapi" / self.file


APIS = {
    "1.0": Api("1.0", "sinch-provisioning.yaml", "sinch_provisioning_api"),
    "1.2": Api("1.2", "sinch-provisioning-1.2.yaml", "sinch_provisioning_v1_2_api"),
}
VENDORED = APIS["1.0"].spec
PACKAGE = APIS["1.0"].package
SOURCE = ROOT / "openapi" / "SOURCE"


def stated_sha256(source: str, file: str) -> str:
    """Return the checksum that SOURCE states for a file, "" if it states none."""
    found = re.search(r"^sha256:\s*(\S+)", _block(source, file), re.MULTILINE)
    return found.group(1) if found is not None else ""


def updated_source(source: str, file: str, spec: Path, document: Document) -> str:
    """Return SOURCE with title, version and checksum of a new file; the origin is left for people to edit."""
    info = as_node(document.data.get("info"))
    fresh = {"title": info.get("title"), "version": info.get("version"), "sha256": sha256(spec)}
    block = _block(source, file)
    updated = block
    for name, value in fresh.items():
        line = f"{name}:".ljust(12) + " ".join(str(value).split())
        updated = re.sub(rf"^{name}:.*$", line.replace("\\", r"\\"), updated, count=1, flags=re.MULTILINE)
    return source.replace(block, updated)


def _block(source: str, file: str) -> str:
    """Return the paragraph of SOURCE about a file."""
    paragraphs = (
        one for one in source.split("\n\n") if re.search(rf"^file:\s*{re.escape(file)}$", one, re.M)
    )
    return next(paragraphs, "")
