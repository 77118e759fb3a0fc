"""The vendored document, and what SOURCE says about it."""

from __future__ import annotations

import re
from pathlib import Path

from tools.openapi.document import Document, as_node, sha256

ROOT = Path(__file__).resolve().parents[2]
VENDORED = ROOT / "openapi" / "sinch-provisioning.yaml"
SOURCE = ROOT / "openapi" / "SOURCE"
PACKAGE = "sinch_provisioning_api"


def stated_sha256(source: str) -> str:
    """Return the checksum stated in SOURCE."""
    found = re.search(r"^sha256:\s*(\S+)", source, re.MULTILINE)
    return found.group(1) if found is not None else ""


def updated_source(source: str, spec: Path, document: Document) -> str:
    """Return SOURCE with the title, version and checksum of another file; the origin is left for people to edit."""
    info = as_node(document.data.get("info"))
    fresh = {"title": info.get("title"), "version": info.get("version"), "sha256": sha256(spec)}
    for name, value in fresh.items():
        line = f"{name}:".ljust(12) + " ".join(str(value).split())
        source = re.sub(rf"^{name}:.*$", line.replace("\\", r"\\"), source, count=1, flags=re.MULTILINE)
    return source
