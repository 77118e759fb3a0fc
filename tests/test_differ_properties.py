"""Random documents: what holds for the differ whatever they say. `tests/differ_oracle.py` makes them."""

from __future__ import annotations

import copy
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tools.differ.document_changes import compare
from tools.openapi.document import Document
from tools.openapi.vendored import VENDORED

from tests.differ_oracle import COMPONENTS, difference, disagreements, document, mirrored, trial


@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(st.integers(0, 2000))
def test_a_change_breaks_those_of_whom_it_is_known(seed: int) -> None:
    """Done and undone, which mirror each other; the same document again is no change."""
    one = trial(seed)
    done, undone = difference(one.old, one.new), difference(one.new, one.old)
    assert disagreements(one, done, undone) == []
    assert mirrored(done) == sorted(change.what for change in undone)
    if one.edit != "name":  # an operation goes by its old name
        assert {change.subject for change in done} == {change.subject for change in undone}
    assert difference(one.old, copy.deepcopy(one.old)) == []


@pytest.mark.parametrize("name", ["sinch-provisioning", "sinch-provisioning-1.2"])
def test_a_vendored_document_is_no_change_of_itself(name: str) -> None:
    """Neither API's."""
    one = Document.load(VENDORED.with_name(f"{name}.yaml"))
    assert compare(one, one) == []


def test_schemas_that_contain_each_other_by_all_of_come_to_an_end() -> None:
    """However deep they are put together; a change in them is found."""
    old = document(random.Random(0))
    parts = old["components"]["schemas"]
    for one, other in (("C0", "C1"), ("C1", "C0")):
        again = {"allOf": [{"$ref": f"{COMPONENTS}{other}"}, {"properties": {"again": {"type": "object"}}}]}
        parts[one]["properties"]["again"] = again
    new = copy.deepcopy(old)
    new["components"]["schemas"]["C1"]["properties"]["more"] = {"type": "string"}
    assert difference(old, copy.deepcopy(old)) == []
    assert "C1.more" in {change.subject for change in difference(old, new)}
