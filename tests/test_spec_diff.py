"""The differ of documents: each change on a line of its own, rated by whom it breaks."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tools.differ.changes import bump
from tools.differ.document_changes import compare
from tools.openapi.document import Document
from tools.openapi.vendored import VENDORED
from tools.spec_diff import main

from tests import redocly

# A document with each kind of thing that can change.
BASE = """
openapi: 3.1.0
info: {title: T, version: '1'}
servers: [{url: https://one.example}]
security: [{key: []}, {oauth: [read]}]
paths:
  /things/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    get:
      operationId: getThing
      parameters:
        - {name: view, in: query, schema: {type: string, enum: [full, short]}}
        - {name: page, in: query, style: form, schema: {type: integer}}
      responses:
        '200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Thing'}}}}
        '404': {description: none}
    put:
      operationId: putThing
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/NewThing'}}}}
      responses:
        '200':
          description: ok
          content: {application/json: {schema: {type: array, items: {$ref: '#/components/schemas/Thing'}}}}
        '202': {description: later}
    delete: {responses: {'204': {description: gone}}}
components:
  securitySchemes:
    key: {type: http, scheme: basic}
    oauth: {type: oauth2, flows: {clientCredentials: {tokenUrl: https://a, scopes: {read: r}}}}
  schemas:
    Thing:
      type: object
      required: [id]
      properties:
        id: {type: string}
        name: {type: string, description: words}
        kind: {type: string, enum: [a, b]}
        size: {type: [integer, 'null']}
        at: {type: string, format: date-time}
        part: {type: object, properties: {deep: {type: string}}}
        more: {oneOf: [{$ref: '#/components/schemas/Both'}, {type: string}]}
    NewThing:
      allOf:
        - {$ref: '#/components/schemas/Both'}
        - type: object
          required: [id]
          properties:
            id: {type: string, maxLength: 10}
            name: {type: string}
            kind: {type: string, enum: [a, b]}
            tags: {type: array, items: {type: string}}
    Both: {type: object, properties: {both: {type: string}}}
"""

Edit = Callable[[Any], object]


def difference(edit: Edit) -> list[str]:
    """Give the lines for one edit of the document, the bump included."""
    old = yaml.safe_load(BASE)
    new = copy.deepcopy(old)
    edit(new)
    found = compare(Document.check(old, "old"), Document.check(new, "new"))
    return [*(one.line() for one in found), bump(found)]


def thing(document: Any, name: str = "Thing") -> Any:
    """Give a schema's properties."""
    schema = document["components"]["schemas"][name]
    return (schema["allOf"][1] if "allOf" in schema else schema)["properties"]


def item(document: Any) -> Any:
    """Give the one path."""
    return document["paths"]["/things/{id}"]


def rename(node: Any, old: str, new: str) -> None:
    """Give a key another name."""
    node[new] = node.pop(old)


CASES: list[tuple[Edit, list[str]]] = [
    # Nothing that anyone's code sees.
    (lambda d: None, ["patch"]),
    (lambda d: thing(d)["name"].update(description="other words"), ["patch"]),
    # Operations.
    (
        lambda d: d["paths"].update({"/new": {"get": {"operationId": "listNew", "responses": {}}}}),
        ["compatible  listNew  operation added (GET /new)  [names]", "minor"],
    ),
    (
        lambda d: item(d).pop("put"),
        ["breaking  putThing  operation removed (PUT /things/{id})  [names, request]", "major"],
    ),
    (
        lambda d: item(d).pop("delete"),
        ["breaking  DELETE /things/{id}  operation removed (DELETE /things/{id})  [names, request]", "major"],
    ),
    (
        lambda d: item(d)["get"].update(operationId="readThing"),
        ["breaking  getThing  operationId changed from getThing to readThing  [names]", "major"],
    ),
    (
        lambda d: rename(item(d), "put", "patch"),
        ["breaking  putThing  method changed from PUT to PATCH  [request]", "major"],
    ),
    (
        lambda d: item(d)["get"].update(deprecated=True),
        ["compatible  getThing  operation deprecated  [names]", "patch"],
    ),
    (
        lambda d: item(d)["get"].update(tags=["x"]),
        ["breaking  getThing  tag changed from default to x  [names]", "major"],
    ),
    # Parameters.
    (
        lambda d: item(d)["get"]["parameters"].append(
            {"name": "new", "in": "query", "schema": {"type": "string"}}
        ),
        ["compatible  getThing  query parameter new added  [request]", "minor"],
    ),
    (
        lambda d: item(d)["get"]["parameters"].append(
            {"name": "new", "in": "header", "required": True, "schema": {}}
        ),
        ["breaking  getThing  required header parameter new added  [request]", "major"],
    ),
    (
        lambda d: item(d)["get"]["parameters"].pop(0),
        ["breaking  getThing  query parameter view removed  [names, request]", "major"],
    ),
    (
        lambda d: item(d)["get"]["parameters"][0].update(required=True),
        ["breaking  getThing  query parameter view made required  [request]", "major"],
    ),
    (
        lambda d: item(d)["get"]["parameters"][0]["schema"]["enum"].remove("full"),
        ['breaking  getThing  query parameter view enum value "full" removed  [request]', "major"],
    ),
    (
        lambda d: item(d)["get"]["parameters"][1]["schema"].update(type="number"),
        [
            "compatible  getThing  query parameter page type changed from integer to number  [request]",
            "minor",
        ],
    ),
    (
        lambda d: item(d)["get"]["parameters"][1].update(style="pipeDelimited"),
        [
            "breaking  getThing  query parameter page style changed from form to pipeDelimited  [request]",
            "major",
        ],
    ),
    # Bodies and statuses.
    (
        lambda d: item(d)["put"]["requestBody"].update(required=True),
        ["breaking  putThing  request body made required  [request]", "major"],
    ),
    (
        lambda d: item(d)["get"].update(requestBody={"required": True}),
        ["breaking  getThing  required request body added  [request]", "major"],
    ),
    (
        lambda d: item(d)["put"].pop("requestBody"),
        ["breaking  putThing  request body removed  [names, request]", "major"],
    ),
    (
        lambda d: rename(item(d)["put"]["requestBody"]["content"], "application/json", "text/json"),
        [
            "breaking  putThing  request body media type application/json removed  [request]",
            "compatible  putThing  request body media type text/json added  [request]",
            "major",
        ],
    ),
    (
        lambda d: item(d)["get"]["responses"].update({"429": {"description": "slow"}}),
        ["compatible  getThing  response status 429 added  [response]", "minor"],
    ),
    (
        lambda d: item(d)["put"]["responses"].pop("202"),
        ["breaking  putThing  response status 202 removed  [response]", "major"],
    ),
    (
        lambda d: item(d)["get"]["responses"].pop("404"),
        ["compatible  getThing  response status 404 removed  [response]", "minor"],
    ),
    # Properties of requests.
    (
        lambda d: thing(d, "NewThing").update(extra={"type": "string"}),
        ["compatible  NewThing.extra  request property added  [request]", "minor"],
    ),
    (
        lambda d: d["components"]["schemas"]["NewThing"]["allOf"][1]["required"].append("name"),
        ["breaking  NewThing.name  request property made required  [request]", "major"],
    ),
    (
        lambda d: rename(thing(d, "NewThing"), "name", "title"),
        [
            "breaking  NewThing.name  request property removed  [names, request]",
            "compatible  NewThing.title  request property added  [request]",
            "major",
        ],
    ),
    (
        lambda d: thing(d, "NewThing")["name"].update(type="integer"),
        ["breaking  NewThing.name  request property type changed from string to integer  [request]", "major"],
    ),
    (
        lambda d: thing(d, "NewThing")["name"].update(type=["string", "integer"]),
        [
            "compatible  NewThing.name  request property type changed from string to integer, string  [request]",
            "minor",
        ],
    ),
    (
        lambda d: thing(d, "NewThing")["name"].update(format="date"),
        ["breaking  NewThing.name  request property format changed from none to date  [request]", "major"],
    ),
    (
        lambda d: thing(d, "NewThing")["kind"]["enum"].append("c"),
        ['compatible  NewThing.kind  request property enum value "c" added  [request]', "minor"],
    ),
    (
        lambda d: thing(d, "NewThing")["name"].update(enum=["x"]),
        ['breaking  NewThing.name  request property values are restricted to "x"  [request]', "major"],
    ),
    (
        lambda d: thing(d, "NewThing")["id"].update(maxLength=5),
        ["breaking  NewThing.id  maxLength changed from 10 to 5  [request]", "major"],
    ),
    (
        lambda d: thing(d, "NewThing")["id"].update(maxLength=20),
        ["compatible  NewThing.id  maxLength changed from 10 to 20  [request]", "minor"],
    ),
    (
        lambda d: thing(d, "NewThing")["tags"]["items"].update(type="integer"),
        [
            "breaking  NewThing.tags  request property items' type changed from string to integer  [request]",
            "major",
        ],
    ),
    # Properties of replies.
    (
        lambda d: thing(d).update(extra={}),
        ["compatible  Thing.extra  response property added  [response]", "minor"],
    ),
    (
        lambda d: thing(d).pop("name"),
        ["breaking  Thing.name  response property removed  [names, response]", "major"],
    ),
    (
        lambda d: thing(d)["name"].update(type="integer"),
        ["breaking  Thing.name  response property type changed from string to integer  [response]", "major"],
    ),
    (
        lambda d: thing(d)["kind"]["enum"].append("c"),
        ['compatible  Thing.kind  response property enum value "c" added  [response]', "minor"],
    ),
    (
        lambda d: d["components"]["schemas"]["Thing"].update(required=[]),
        ["breaking  Thing.id  response property made optional  [response]", "major"],
    ),
    (
        lambda d: thing(d)["size"].update(type="integer"),
        ["compatible  Thing.size  response property value may no longer be null  [response]", "minor"],
    ),
    (
        lambda d: thing(d)["part"]["properties"].pop("deep"),
        ["breaking  Thing.part.deep  response property removed  [names, response]", "major"],
    ),
    (
        lambda d: thing(d)["more"]["oneOf"].append({"type": "integer"}),
        ["breaking  Thing.more  response property alternative integer added  [response]", "major"],
    ),
    (
        lambda d: thing(d)["more"]["oneOf"].append({"$ref": "#/components/schemas/Thing"}),
        ["breaking  Thing.more  response property alternative Thing added  [response]", "major"],
    ),
    (
        lambda d: thing(d)["more"]["oneOf"].append({"title": "Whole", "type": "integer"}),
        ["breaking  Thing.more  response property alternative Whole added  [response]", "major"],
    ),
    (
        lambda d: thing(d)["name"].update(default="a", maxLength=3),
        [
            "compatible  Thing.name  maxLength changed from none to 3  [response]",
            'compatible  Thing.name  response property default changed from null to "a"  [response]',
            "minor",
        ],
    ),
    (
        lambda d: thing(d)["name"].update(default="a"),
        ['compatible  Thing.name  response property default changed from null to "a"  [response]', "patch"],
    ),
    # A schema of both directions: what breaks either breaks.
    (
        lambda d: d["components"]["schemas"]["Both"].update(required=["both"]),
        [
            "breaking  NewThing.both  request property made required  [request]",
            "breaking  Both.both  request/response property made required  [request]",
            "major",
        ],
    ),
    # Components, servers and security.
    (
        lambda d: d["components"]["schemas"].update(New={"type": "string", "enum": ["x"]}),
        ["compatible  New  schema added  [names]", "minor"],
    ),
    (
        lambda d: d["servers"][0].update(url="https://two.example"),
        [
            "breaking  servers  server changed from https://one.example to https://two.example  [request]",
            "major",
        ],
    ),
    (
        lambda d: d["servers"].append({"url": "b"}),
        ["compatible  servers  server added: b  [request]", "minor"],
    ),
    (
        lambda d: d["security"].pop(0),
        ["breaking  security  security requirement removed: key  [request]", "major"],
    ),
    (
        lambda d: d["security"].append({}),
        ["compatible  security  security requirement added: none  [request]", "minor"],
    ),
    (
        lambda d: item(d)["get"].update(security=[{"key": []}]),
        ["breaking  getThing  security requirement removed: oauth(read)  [request]", "major"],
    ),
    (
        lambda d: d["components"]["securitySchemes"]["oauth"]["flows"]["clientCredentials"].update(
            tokenUrl="https://x"
        ),
        [
            'breaking  securitySchemes.oauth  clientCredentials tokenUrl changed from "https://a" to "https://x"  [request]',  # noqa: E501
            "major",
        ],
    ),
]


@pytest.mark.parametrize(("edit", "lines"), CASES, ids=[lines[0] for _, lines in CASES])
def test_each_change_has_its_line(edit: Edit, lines: list[str]) -> None:
    """What happened, to what, and whether it breaks anyone."""
    assert difference(edit) == lines


def test_moved_paths_are_one_change() -> None:
    """An operation that goes by the same id elsewhere has moved."""
    lines = difference(lambda d: rename(d["paths"], "/things/{id}", "/items/{id}"))
    assert "breaking  getThing  path moved from /things/{id} to /items/{id}  [request]" in lines


def test_a_placeholder_is_known_by_its_place() -> None:
    """Its name is not on the wire: another one breaks no call."""

    def edit(document: Any) -> None:
        rename(document["paths"], "/things/{id}", "/things/{key}")
        document["paths"]["/things/{key}"]["parameters"][0].update(name="key")

    words = "path parameter renamed: /things/{id} to /things/{key}  [names]"
    names = ("getThing", "putThing", "DELETE /things/{id}")
    assert difference(edit) == [*(f"compatible  {name}  {words}" for name in names), "minor"]


def test_where_a_schema_is_written_does_not_matter() -> None:
    """Moving an inline schema into a component changes nothing for the schema it came from."""

    def extract(document: Any) -> None:
        document["components"]["schemas"]["Part"] = thing(document)["part"]
        thing(document)["part"] = {"$ref": "#/components/schemas/Part"}

    assert difference(extract) == ["compatible  Part  schema added  [names]", "minor"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "No such file"),
        ("a: [", "not YAML at line 2"),
        ("openapi: 2.0.0", "'2.0.0' is not supported"),
        (
            BASE.replace("schemas/Thing", "schemas/Nothing", 1),
            "'#/components/schemas/Nothing' does not resolve",
        ),
    ],
)
def test_unusable_documents_exit_with_2(
    text: str | None, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says what and where."""
    spec = tmp_path / "spec.yaml"
    if text is not None:
        spec.write_text(text)
    assert main([str(spec)]) == 2
    seen = capsys.readouterr()
    assert (seen.out, seen.err.count("\n")) == ("", 1)
    assert words in seen.err


def test_exit_codes_tell_what_breaks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0 for the vendored document itself, 1 for one that breaks its users; the bump comes last."""
    assert main([str(VENDORED)]) == 0
    assert capsys.readouterr().out == "patch\n"
    data = yaml.safe_load(VENDORED.read_text("utf-8"))
    del data["components"]["schemas"]["RcsSender"]["properties"]["status"]
    broken = tmp_path / "broken.yaml"
    broken.write_text(yaml.safe_dump(data))
    assert main([str(broken)]) == 1
    assert (
        capsys.readouterr().out
        == "breaking  RcsSender.status  response property removed  [names, response]\nmajor\n"
    )
    with pytest.raises(SystemExit, match="2"):
        main([""])


def test_json_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For pipelines: each change with its subject and those whom it hits or concerns, and the bump."""
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(BASE)
    new.write_text(BASE.replace("name: {type: string, ", "name: {type: [string, 'null'], default: a, "))
    assert main([str(new), "--base", str(old), "--json"]) == 1
    seen = json.loads(capsys.readouterr().out)
    null, default = (
        "response property value may be null now",
        'response property default changed from null to "a"',
    )
    assert seen == {
        "bump": "major",
        "changes": [
            {"subject": "Thing.name", "change": null, "breaking": True, "sides": ["response"]},
            {"subject": "Thing.name", "change": default, "breaking": False, "sides": ["response"]},
        ],
    }
    assert main([str(old), "--base", str(old), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"bump": "patch", "changes": []}
    assert main([str(tmp_path / "none.yaml"), "--json"]) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.skipif(not redocly.is_available(), reason="Redocly's differ needs Node, which is optional")
def test_redocly_finds_nothing_that_we_miss(tmp_path: Path) -> None:
    """Redocly's differ rates nothing as breaking that ours does not."""
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(BASE)
    data = yaml.safe_load(BASE)
    thing(data).pop("name")
    thing(data, "NewThing").pop("name")
    del item(data)["delete"]
    item(data)["get"]["parameters"][0]["required"] = True
    new.write_text(yaml.safe_dump(data))
    judged = redocly.breaking_changes(old, new)
    assert {one.subject for one in judged} >= {"Thing.name", "getThing"}
    assert redocly.missed(compare(Document.load(old), Document.load(new)), judged) == []
    assert redocly.missed([], judged) == judged
