"""The README stays short, renders on a package index, and its links lead to pages that are there."""

from __future__ import annotations

import re

from .pages import DOCS, ROOT

SITE = "https://sinch-provisioning.readthedocs.io/"
REPOSITORY = "https://github.com/sinch-provisioning/sinch-provisioning/blob/main/"
README = (ROOT / "README.md").read_text()
LINKS = re.findall(r"\]\(([^)]+)\)", README)


def test_it_is_short() -> None:
    """At most 150 lines."""
    assert len(README.splitlines()) <= 150


def test_links_are_absolute_and_lead_somewhere() -> None:
    """Each goes to a page of the site that docs/ has, or to a file of the repository."""
    assert LINKS
    for link in LINKS:
        if link.startswith(REPOSITORY):
            assert (ROOT / link.removeprefix(REPOSITORY)).is_file(), link
        else:
            assert link.startswith(SITE), link
            page = link.removeprefix(SITE).strip("/")
            assert (DOCS / f"{page or 'index'}.md").is_file(), link


def test_the_first_screen_says_what_one_needs() -> None:
    """Both APIs, the two commands and a program stand in the first sixty lines."""
    first = "\n".join(README.splitlines()[:60])
    for wanted in (
        "`sinch_provisioning`",
        "`sinch_provisioning.v1_2`",
        "$ make demo",
        "$ make test",
        "# launch.py",
    ):
        assert wanted in first
