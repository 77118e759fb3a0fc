"""The names file: Python names that a renaming in the document does not change."""

from __future__ import annotations

from pathlib import Path

import pytest
from tools.generate import main
from tools.openapi.loading import UnusableDocumentError
from tools.openapi.names_file import NamesFile, OperationEntry

DOCUMENT = """
openapi: 3.1.0
info: {title: T, version: '1'}
paths:
  /things/{thing}:
    get:
      operationId: ThingController_get_v1
      parameters: [{name: thing, in: path, required: true, schema: {type: string}}]
      responses:
        '200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/ThingDto'}}}}
components:
  schemas:
    ThingDto: {type: object, properties: {id: {type: string}}}
"""
NAMES = """\
# Why these names.
operations:
  GET /things/{id}:
    name: get_thing
    repeatable: false
    slashes:
    - thing
schemas:
  ThingDto: Thing
"""


def test_names_are_used_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Coroutines and classes get the given names; the names of path parameters do not matter."""
    spec = tmp_path / "things.yaml"
    spec.write_text(DOCUMENT)
    (tmp_path / "things.names.yaml").write_text(NAMES)
    assert main(["--spec", str(spec), "--out", str(tmp_path), "--package", "things"]) == 0
    assert capsys.readouterr().out.endswith("0 warnings\n")
    module = (tmp_path / "things" / "api" / "default" / "get_thing.py").read_text()
    assert "async def get_thing(client: Caller, thing: str) -> Thing:" in module
    assert "repeatable=False" in module
    assert "slashes=True" in module


def test_the_file_round_trips(tmp_path: Path) -> None:
    """Reading and writing gives the same text, with the comment at its head."""
    path = tmp_path / "x.names.yaml"
    path.write_text(NAMES)
    names = NamesFile.load(path)
    assert names.text() == NAMES
    assert names.operation("GET", "/things/{anything}").name == "get_thing"
    assert names.operation("PUT", "/things/{id}") == OperationEntry("PUT", "/things/{id}")
    assert names.with_schema("ThingDtoV2", "Thing").schemas == {"ThingDtoV2": "Thing"}


def test_entries_that_match_nothing_are_warnings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A typo in the names file is not silently ignored."""
    spec = tmp_path / "things.yaml"
    spec.write_text(DOCUMENT)
    (tmp_path / "things.names.yaml").write_text(
        "operations: {POST /things: {name: x}, 'GET /things/{id}': {slashes: [other]}}\nschemas: {Thingy: Thing}\n"
    )
    assert main(["--spec", str(spec), "--out", str(tmp_path), "--package", "things"]) == 0
    out = capsys.readouterr().out
    assert "'POST /things' is not in the document" in out
    assert "'Thingy' is not in the document" in out
    assert "slashes in 'other', which is not a path parameter" in out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "expected an object with operations and schemas"),
        ("coroutines: {}", "expected an object with operations and schemas"),
        ("operations: {GET things: {}}", "expected a method and a path"),
        ("operations: {GET /things: {names: x}}", "expected an object with name, repeatable or slashes"),
        ("operations: {GET /things: {name: 5}}", "expected the name of a coroutine, not 5"),
        ("operations: {GET /things: {repeatable: 5}}", "expected true or false, not 5"),
        ("operations: {GET /things: {slashes: id}}", "expected a list of path parameters"),
        ("schemas: {A: not a name}", "expected a class name, not 'not a name'"),
        ("schemas: {A: X, B: X}", "the name X is used twice"),
        ("operations: {GET /a: {name: x}, GET /b: {name: x}}", "the name x is used twice"),
    ],
)
def test_unusable_files_say_why(text: str, words: str, tmp_path: Path) -> None:
    """One line names the place and what was expected."""
    path = tmp_path / "x.names.yaml"
    path.write_text(text)
    with pytest.raises(UnusableDocumentError, match=words):
        NamesFile.load(path)


@pytest.mark.parametrize(
    "names",
    [
        "schemas: {ThingDto: thing}",
        "schemas: {ThingDto: Mapping}",
        "operations: {'GET /things/{x}': {name: Get}}",
    ],
)
def test_names_that_cannot_be_used_as_they_are(names: str, tmp_path: Path) -> None:
    """A name that would be changed or would hide another one is refused."""
    spec = tmp_path / "things.yaml"
    spec.write_text(DOCUMENT)
    (tmp_path / "things.names.yaml").write_text(names)
    assert main(["--spec", str(spec), "--out", str(tmp_path), "--package", "things"]) == 2
