"""Where the vendored document is, and what SOURCE says of it."""

from __future__ import annotations

import re
from pathlib import Path

from tools.document import Document, as_node, sha256

ROOT = Path(__file__).resolve().parent.parent
VENDORED = ROOT / "openapi" / "sinch-provisioning.yaml"
SOURCE = ROOT / "openapi" / "SOURCE"
PACKAGE = "sinch_provisioning_api"


def stated_sha256(source: str) -> str:
    """Read the sum that SOURCE states."""
    found = re.search(r"^sha256:\s*(\S+)", source, re.MULTILINE)
    return found.group(1) if found is not None else ""


def updated_source(source: str, spec: Path, document: Document) -> str:
    """Write SOURCE for another file: its title, version and sum; where it came from is for people to say."""
    info = as_node(document.data.get("info"))
    fresh = {"title": info.get("title"), "version": info.get("version"), "sha256": sha256(spec)}
    for name, value in fresh.items():
        line = f"{name}:".ljust(12) + " ".join(str(value).split())
        source = re.sub(rf"^{name}:.*$", line.replace("\\", r"\\"), source, count=1, flags=re.MULTILINE)
    return source
