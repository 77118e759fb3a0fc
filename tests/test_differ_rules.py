"""The table of docs/regenerating.md says what breaks whom: the differ is run on examples of each of its rows."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from tools.differ.changes import NAMES, REQUEST, RESPONSE, Change
from tools.differ.document_changes import compare
from tools.openapi.document import Document

from tests.differ_oracle import mirrored

PAGE = Path(__file__).parents[1] / "docs" / "regenerating.md"
LINES = Path(__file__).with_name("differ_lines.txt")
Json = dict[str, Any]


@cache
def rows(columns: int) -> dict[str, list[str]]:
    """Read the rows of the table with so many columns."""
    section = PAGE.read_text().split("\n## What breaks\n")[1].split("\n## ")[0]
    cells = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return {
        row[0]: row[1:]
        for row in cells
        if len(row) == columns and "---" not in row[0] and row[0] not in ("In a schema", "Elsewhere")
    }


def document(operation: Json, **parts: Any) -> Json:
    """Make a document of one operation."""
    named = {"operationId": "act", "responses": {"200": {"description": "ok"}}, **operation}
    return {
        "openapi": "3.1.0",
        "info": {"title": "T", "version": "1"},
        "paths": {"/a": {"post": named}},
        **parts,
    }


def changes(old: Json, new: Json) -> list[Change]:
    """Compare two documents."""
    return compare(Document.check(old, "old"), Document.check(new, "new"))


def content(schema: Any, media: str = "application/json") -> Json:
    return {"content": {media: {"schema": schema}}}


def of_request(schema: Any, **parts: Any) -> Json:
    return document({"requestBody": content(schema)}, **parts)


def answering(schema: Any) -> Json:
    return {"responses": {"200": {"description": "ok", **content(schema)}}}


def of_response(schema: Any, **parts: Any) -> Json:
    return document(answering(schema), **parts)


PARTS = yaml.safe_load("""
A: {type: object, required: [kind, a], properties: {kind: {type: string}, a: {type: string}}}
B: {type: object, required: [kind, b], properties: {kind: {type: string}, b: {type: string}}}
C: {type: object, required: [kind, c], properties: {kind: {type: string}, c: {type: string}}}
A2: {type: object, required: [kind, a], properties: {kind: {type: string}, a: {type: string}}}
Open: {type: object, properties: {a: {type: string}}}
Seen: {type: string, readOnly: true}
Text: {type: string}
""")


def union(discriminator: str, names: str = "AB") -> str:
    return f"{{oneOf: [{', '.join(f'@{name}' for name in names)}]{discriminator}}}"


def read(text: str) -> Any:
    """Read a schema, in which @A refers to a component of that name."""
    return yaml.safe_load(re.sub(r"@(\w+)", r"{$ref: '#/components/schemas/\1'}", text))


KIND = ", discriminator: {propertyName: kind}"


def mapped(mapping: str) -> str:
    return f", discriminator: {{propertyName: kind, mapping: {{{mapping}}}}}"


# The row, and examples: the old schema and the new one.
SCHEMAS: dict[str, list[tuple[str, str]]] = {
    "the same, written otherwise": [
        ("{type: object, properties: {a: {type: string}}}", "{properties: {a: {type: string}}}"),
        ("{type: string}", "@Text"),
        ("{type: string}", "{oneOf: [{type: string}]}"),
        ("{type: string}", "{type: [string]}"),
        ("{type: string}", "{allOf: [{type: string}]}"),
        ("{anyOf: [{type: string}, {type: integer}]}", "{oneOf: [{type: integer}, {type: string}]}"),
        ("{type: [string, 'null']}", "{oneOf: [{type: string}, {type: 'null'}]}"),
        ("{type: string, enum: [a]}", "{type: string, const: a}"),
        ("{type: object}", "{type: object, additionalProperties: true}"),
        ("{type: object}", "{type: object, additionalProperties: {}}"),
        ("{type: string}", "{type: string, minLength: 0}"),
        ("{type: string}", "{type: string, pattern: .*}"),
        ("{type: integer}", "{type: integer, multipleOf: 1}"),
        ("{type: array}", "{type: array, uniqueItems: false, minItems: 0}"),
        ("{type: array}", "{type: array, minContains: 2, maxContains: 3}"),
        (
            "{type: array, contains: {type: string}}",
            "{type: array, contains: {type: string}, minContains: 1}",
        ),
        ("{type: object}", "{type: object, unevaluatedProperties: true, dependentRequired: {a: []}}"),
        (union(KIND), union(mapped("A: A, B: '#/components/schemas/B'"))),
        (union(mapped("A: A, B: B")), union(KIND)),
        (
            union(mapped("x: A, y: '#/components/schemas/B'")),
            union(mapped("x: '#/components/schemas/A', y: B")),
        ),
        (union(""), union(KIND)),
        ("{type: object, required: [a, b], dependentRequired: {a: [b]}}", "{type: object, required: [a, b]}"),
        ("{enum: [[1], [2]]}", "{type: array, enum: [[1], [2]]}"),
        ("{const: {a: 1}}", "{type: object, const: {a: 1}}"),
        ("{enum: [1.5]}", "{type: number, enum: [1.5]}"),
        ("{enum: [a]}", "{type: string, enum: [a]}"),
        ("{enum: [1]}", "{type: integer, enum: [1]}"),
        ("{enum: [true]}", "{type: boolean, enum: [true]}"),
        ("{items: {type: string}}", "{type: array, items: {type: string}}"),
        ("{prefixItems: [{type: string}]}", "{type: array, prefixItems: [{type: string}]}"),
        ("{type: integer, minimum: 1, exclusiveMinimum: true}", "{type: integer, exclusiveMinimum: 1}"),
        ("{type: integer, maximum: 9, exclusiveMaximum: true}", "{type: integer, exclusiveMaximum: 9}"),
        ("{type: integer, maximum: 9, exclusiveMaximum: false}", "{type: integer, maximum: 9}"),
        ("{type: string, nullable: true}", "{type: [string, 'null']}"),
        (
            "{oneOf: [{type: string}, {oneOf: [{type: integer}, {type: 'null'}]}]}",
            "{type: [string, integer, 'null']}",
        ),
        (
            "{properties: {a: {}}, oneOf: [{required: [a]}, {required: [b]}]}",
            "{oneOf: [{properties: {a: {}}, required: [a]}, {properties: {a: {}}, required: [b]}]}",
        ),
    ],
    "a property removed or renamed (`[names]` too)": [
        ("{type: object, properties: {a: {type: string}}}", "{type: object}"),
        (
            "{type: object, properties: {a: {type: string}}}",
            "{type: object, properties: {b: {type: string}}}",
        ),
        (
            "{oneOf: [{properties: {a: {}, b: {}}}, {type: string}]}",
            "{oneOf: [{properties: {a: {}}}, {type: string}]}",
        ),
        (
            "{type: object, properties: {a: {}, b: {}}, oneOf: [{required: [a]}, {required: [b]}]}",
            "{type: object, properties: {b: {}}, oneOf: [{required: [a]}, {required: [b]}]}",
        ),
    ],
    "an optional property added": [
        ("{type: object}", "{type: object, properties: {a: {type: string}}}"),
        ("{type: object, required: [a]}", "{type: object, required: [a], properties: {a: {type: string}}}"),
        ("{type: object}", "{type: object, required: [a], properties: {a: {type: string, readOnly: true}}}"),
        ("{type: object}", "{allOf: [{type: object}, {type: object, properties: {a: {type: string}}}]}"),
    ],
    "a required property added": [
        ("{type: object}", "{type: object, required: [a], properties: {a: {type: string}}}"),
        ("{type: object}", "{allOf: [{type: object}, {required: [a], properties: {a: {type: string}}}]}"),
    ],
    "an optional property made required": [
        ("{properties: {a: {type: string}}}", "{required: [a], properties: {a: {type: string}}}"),
        (
            "{properties: {a: {type: string}}}",
            "{allOf: [{properties: {a: {type: string}}}, {required: [a]}]}",
        ),
        ("{type: object}", "{type: object, required: [a]}"),
        (
            "{oneOf: [{type: string}, {properties: {a: {type: string}}}]}",
            "{oneOf: [{type: string}, {required: [a], properties: {a: {type: string}}}]}",
        ),
        (
            "{properties: {a: {}}, oneOf: [{required: [b]}, {required: [c]}]}",
            "{required: [a], properties: {a: {}}, oneOf: [{required: [b]}, {required: [c]}]}",
        ),
        (
            "{$ref: '#/components/schemas/Open', oneOf: [{required: [b]}, {required: [c]}]}",
            "{$ref: '#/components/schemas/Open', required: [a], oneOf: [{required: [b]}, {required: [c]}]}",
        ),
    ],
    "a required property made optional": [
        ("{required: [a], properties: {a: {type: string}}}", "{properties: {a: {type: string}}}"),
    ],
    "a read-only property made required, a write-only one made optional": [
        ("{properties: {a: {readOnly: true}}}", "{required: [a], properties: {a: {readOnly: true}}}"),
        ("{required: [a], properties: {a: {writeOnly: true}}}", "{properties: {a: {writeOnly: true}}}"),
        ("{required: [a], properties: {a: {writeOnly: true}}}", "{properties: {a: {}}}"),
        (
            "{properties: {a: @Seen}}",
            "{required: [a], properties: {a: @Seen}}",
        ),
        (
            "{properties: {a: {allOf: [@Text, {allOf: [@Seen]}]}}}",
            "{required: [a], properties: {a: {allOf: [@Text, {allOf: [@Seen]}]}}}",
        ),
    ],
    "a property made read-only": [
        ("{properties: {a: {type: string}}}", "{properties: {a: {type: string, readOnly: true}}}"),
        (
            "{properties: {a: {type: string}}}",
            "{properties: {a: {allOf: [@Text], readOnly: true}}}",
        ),
        ("{properties: {a: {type: string}}}", "{properties: {a: @Seen}}"),
    ],
    "a property made write-only": [
        ("{properties: {a: {type: string}}}", "{properties: {a: {type: string, writeOnly: true}}}"),
    ],
    "a required property no longer read-only": [
        ("{required: [a], properties: {a: {readOnly: true}}}", "{required: [a], properties: {a: {}}}"),
        ("{properties: {a: {readOnly: true}}}", "{required: [a], properties: {a: {}}}"),
    ],
    "an optional property no longer read-only, a property no longer write-only": [
        ("{properties: {a: {readOnly: true}}}", "{properties: {a: {}}}"),
        ("{required: [a], properties: {a: {writeOnly: true}}}", "{required: [a], properties: {a: {}}}"),
    ],
    "a type or an alternative added, null included": [
        ("{type: string}", "{type: [string, integer]}"),
        ("{type: string}", "{oneOf: [{type: string}, {type: integer}]}"),
        ("{type: integer}", "{type: number}"),
        ("{type: string}", "{}"),
        ("{type: string}", "{type: [string, 'null']}"),
        ("{type: string}", "{anyOf: [{type: string}, {type: 'null'}]}"),
        ("{type: string, enum: [a]}", "{type: [string, 'null'], enum: [a, null]}"),
        (union("", "A"), union("", "AB")),
        (
            "{type: array, items: {type: string}}",
            "{type: array, items: {oneOf: [{type: string}, {type: integer}]}}",
        ),
        (
            "{type: object, additionalProperties: {type: integer}}",
            "{type: object, additionalProperties: {type: number}}",
        ),
        (
            "{type: object, additionalProperties: {type: string}}",
            "{type: object, additionalProperties: true}",
        ),
        ("{type: array, items: false}", "{type: array}"),
        (
            "{oneOf: [{type: string}, {type: integer}]}",
            "{oneOf: [{type: string}, {type: integer}, {type: object}]}",
        ),
        (
            "{oneOf: [@A, @B]}",
            "{oneOf: [@A, @B, @A2]}",
        ),
        ("{oneOf: [{const: a}, {const: b}]}", "{oneOf: [{const: a}, {const: b}, {const: 1}]}"),
        ("{type: array, prefixItems: [{}], items: false}", "{type: array, prefixItems: [{}]}"),
    ],
    "a type or an alternative removed, null included": [
        ("{type: [string, integer]}", "{type: string}"),
        ("{oneOf: [{type: string}, {type: integer}]}", "{type: string}"),
        ("{type: number}", "{type: integer}"),
        ("{}", "{type: string}"),
        ("{type: [string, 'null']}", "{type: string}"),
        (union("", "AB"), union("", "A")),
        (
            "{type: object, additionalProperties: true}",
            "{type: object, additionalProperties: {type: string}}",
        ),
        ("{type: array}", "{type: array, items: false}"),
    ],
    "another type": [
        ("{type: string}", "{type: integer}"),
        ("{type: array, items: {type: string}}", "{type: array, items: {type: integer}}"),
        ("{type: object}", "{oneOf: [{type: string}, {type: integer}]}"),
        ("{type: object, properties: {x: {}}}", "{oneOf: [{required: [y]}, {required: [z]}]}"),
        (
            "{type: object, patternProperties: {^x: {type: string}}}",
            "{type: object, patternProperties: {^x: {type: integer}}}",
        ),
        ("{type: array, prefixItems: [{type: string}]}", "{type: array, prefixItems: [{type: integer}]}"),
        (union("", "AB"), union("", "AC")),
        ("{type: string}", "{type: object}"),
        ("{type: [string, integer]}", "{type: [string, boolean]}"),
        (
            "{type: object, additionalProperties: {type: string}}",
            "{type: object, additionalProperties: {type: integer}}",
        ),
        (
            "{oneOf: [{type: object, title: t, properties: {a: {}}}, {type: string}]}",
            "{oneOf: [{type: object, title: t, properties: {b: {}}}, {type: string}]}",
        ),
    ],
    "a value of an enum added": [
        ("{enum: [a]}", "{enum: [a, b]}"),
        ("{oneOf: [{type: integer}, {enum: [a]}]}", "{oneOf: [{type: integer}, {enum: [a, b]}]}"),
        ("{oneOf: [{const: a}, {const: b}]}", "{oneOf: [{const: a}, {const: b}, {const: c}]}"),
        ("{enum: [1]}", "{enum: [1, 2]}"),
        (
            "{type: string, oneOf: [{enum: [a]}, {enum: [b]}]}",
            "{type: string, oneOf: [{enum: [a]}, {enum: [b]}, {enum: [c]}]}",
        ),
    ],
    "a value of an enum removed, values restricted to an enum or a constant": [
        ("{enum: [a, b]}", "{enum: [a]}"),
        ("{enum: [a, b]}", "{const: a}"),
        ("{oneOf: [{const: a}, {const: b}]}", "{oneOf: [{const: a}, {const: c}]}"),
        ("{type: string}", "{type: string, enum: [a]}"),
        ("{type: string}", "{type: string, const: a}"),
        ("{oneOf: [{type: integer}, {enum: [a, b]}]}", "{oneOf: [{type: integer}, {enum: [a]}]}"),
        ("{type: array, items: {enum: [a, b]}}", "{type: array, items: {enum: [a]}}"),
    ],
    "values no longer restricted to an enum": [("{type: string, enum: [a, b]}", "{type: string}")],
    "another constant": [
        ("{const: a}", "{const: b}"),
        ("{type: string, const: a}", "{type: string, enum: [b, c]}"),
        (
            "{oneOf: [{properties: {k: {const: x}}}, {properties: {k: {const: y}}}]}",
            "{oneOf: [{properties: {k: {const: x}}}, {properties: {k: {const: z}}}]}",
        ),
    ],
    "a constant that becomes one of several values, or any": [
        ("{const: a}", "{enum: [a, b]}"),
        ("{type: string, const: a}", "{type: string}"),
    ],
    "a limit tightened: length, number, range, contents, other names, dependent properties": [
        ("{required: [b], dependentRequired: {}}", "{required: [b], dependentRequired: {a: [b, c]}}"),
        ("{type: string, maxLength: 9}", "{type: string, maxLength: 8}"),
        ("{type: string}", "{type: string, minLength: 1}"),
        ("{type: integer, minimum: 1}", "{type: integer, exclusiveMinimum: 1}"),
        ("{type: integer, exclusiveMaximum: 9}", "{type: integer, maximum: 8}"),
        ("{type: array, maxItems: 9}", "{type: array, maxItems: 8}"),
        ("{type: array}", "{type: array, uniqueItems: true}"),
        ("{type: array}", "{type: array, contains: {type: string}}"),
        ("{type: array, contains: {}, minContains: 0}", "{type: array, contains: {}}"),
        ("{type: array, contains: {}}", "{type: array, contains: {}, maxContains: 2}"),
        ("{type: array, prefixItems: []}", "{type: array, prefixItems: [{type: string}]}"),
        ("{type: object}", "{type: object, minProperties: 1}"),
        ("{type: object}", "{type: object, additionalProperties: false}"),
        ("{type: object}", "{type: object, patternProperties: {^x: {type: string}}}"),
        ("{type: object}", "{type: object, propertyNames: {pattern: ^x}}"),
        ("{type: object}", "{type: object, dependentRequired: {a: [b]}}"),
        ("{type: object, dependentRequired: {a: [b]}}", "{type: object, dependentRequired: {a: [b, c]}}"),
        ("{type: object}", "{type: object, dependentSchemas: {a: {required: [b]}}}"),
        ("{type: object}", "{type: object, if: {required: [a]}, then: {required: [b]}}"),
        ("{type: object}", "{type: object, unevaluatedProperties: false}"),
        ("{type: string}", "{type: string, not: {const: a}}"),
        (
            "{oneOf: [{type: integer}, {type: string}]}",
            "{oneOf: [{type: integer}, {type: string, maxLength: 1}]}",
        ),
        ("{type: integer, maximum: 9}", "{type: integer, exclusiveMaximum: 9}"),
        ("{type: integer}", "{type: integer, exclusiveMaximum: 9}"),
        ("{type: array, minItems: 1}", "{type: array, minItems: 2}"),
        ("{type: object, maxProperties: 3}", "{type: object, maxProperties: 2}"),
        (
            "{type: string, contentEncoding: base64, contentMediaType: a/b}",
            "{type: string, contentEncoding: base64, contentMediaType: a/b, contentSchema: {type: string}}",
        ),
        ("{type: array}", "{type: array, unevaluatedItems: false}"),
        (
            "{type: object, patternProperties: {^x: {type: string}}, additionalProperties: false}",
            "{type: object, additionalProperties: false}",
        ),
        (
            "{type: string, minLength: 1, oneOf: [{const: a}, {const: b}]}",
            "{type: string, minLength: 2, oneOf: [{const: a}, {const: b}]}",
        ),
        ("{type: array, prefixItems: [{}]}", "{type: array, prefixItems: [{}, {}]}"),
        (
            "{anyOf: [{type: object}, {properties: {a: {}}}]}",
            "{oneOf: [{type: object}, {properties: {a: {}}}]}",
        ),
    ],
    "a limit loosened": [
        ("{type: string, maxLength: 8}", "{type: string, maxLength: 9}"),
        ("{type: string, minLength: 1}", "{type: string}"),
        ("{type: integer, exclusiveMinimum: 1}", "{type: integer, minimum: 1}"),
        ("{type: array, contains: {type: string}}", "{type: array}"),
        ("{type: object, dependentRequired: {a: [b]}}", "{type: object}"),
        ("{type: object, patternProperties: {^x: {type: string}}}", "{type: object}"),
        ("{type: string, not: {const: a}}", "{type: string}"),
        (
            "{type: object, additionalProperties: false}",
            "{type: object, patternProperties: {^x: {type: string}}, additionalProperties: false}",
        ),
        ("{type: integer, exclusiveMaximum: 9}", "{type: integer}"),
        ("{type: array, uniqueItems: true}", "{type: array}"),
    ],
    "`pattern` or `multipleOf` tightened, or not known to be looser": [
        ("{type: string, pattern: 'a\\|b'}", "{type: string, pattern: 'a\\|b|c'}"),
        ("{type: string}", "{type: string, pattern: ^a$}"),
        ("{type: string, pattern: '[a-z]+'}", "{type: string, pattern: '^[a-z]+$'}"),
        ("{type: string, pattern: '^[a-z]*$'}", "{type: string, pattern: '^[a-z]+$'}"),
        ("{type: string, pattern: '^[a-z]{1,9}$'}", "{type: string, pattern: '^[a-z]{1,8}$'}"),
        ("{type: string, pattern: '^[a-z]{2,}$'}", "{type: string, pattern: '^[a-z]{2}$'}"),
        ("{type: string, pattern: '^[a-zA-Z]$'}", "{type: string, pattern: '^[a-z]$'}"),
        ("{type: string, pattern: '^[a-z]$'}", "{type: string, pattern: '^[^a-z]$'}"),
        ("{type: string, pattern: '^[a-z]$'}", "{type: string, pattern: '^[a-z][a-z]$'}"),
        ("{type: string, pattern: ^(a|b)$}", "{type: string, pattern: ^(a)$}"),
        ("{type: string, pattern: '^(?=a)[a-z]$'}", "{type: string, pattern: '^(?=b)[a-z]$'}"),
        ("{type: string, pattern: '^[z-a]$'}", "{type: string, pattern: '^[a-z]$'}"),
        ("{type: integer, multipleOf: 5}", "{type: integer, multipleOf: 10}"),
        ("{type: integer, multipleOf: 5}", "{type: integer, multipleOf: 3}"),
        ("{type: number}", "{type: number, multipleOf: 1}"),
        ("{type: string, pattern: '^[a-z]?$'}", "{type: string, pattern: '^[a-z]$'}"),
        ("{type: string, pattern: '^[a-z]{2}$'}", "{type: string, pattern: '^[a-z]{3}$'}"),
        ("{type: string, pattern: a|b}", "{type: string, pattern: a}"),
        ("{type: string, pattern: '^a'}", "{type: string, pattern: '^a$'}"),
        ("{type: string, pattern: 'a$'}", "{type: string, pattern: '^a$'}"),
        ("{type: string, pattern: '^\\pL$'}", "{type: string, pattern: '^[\\pL]$'}"),
    ],
    "`pattern` or `multipleOf` relaxed": [
        ("{type: string, pattern: ^a$}", "{type: string}"),
        ("{type: string, pattern: ^a$}", "{type: string, pattern: ^.*$}"),
        ("{type: string, pattern: '^[a-z]+$'}", "{type: string, pattern: '[a-z]+'}"),
        ("{type: string, pattern: '^[a-z]+$'}", "{type: string, pattern: '^[a-zA-Z]+$'}"),
        ("{type: string, pattern: '^[a-z]+$'}", "{type: string, pattern: '^[a-z]*$'}"),
        ("{type: string, pattern: '^a?[a-z]{2}$'}", "{type: string, pattern: '^a*[a-z]{2,}$'}"),
        ("{type: string, pattern: '^[a-z]{3,8}$'}", "{type: string, pattern: '^[a-z]{2,9}$'}"),
        ("{type: string, pattern: '^\\+\\d{8}$'}", "{type: string, pattern: '^\\+[0-9]{8,9}$'}"),
        ("{type: string, pattern: '^\\w+$'}", "{type: string, pattern: '^[\\w\\s]+$'}"),
        ("{type: string, pattern: ^(a|b)$}", "{type: string, pattern: ^(b|a|c)$}"),
        ("{type: string, pattern: a|b}", "{type: string, pattern: a|b|c}"),
        ("{type: integer, multipleOf: 10}", "{type: integer, multipleOf: 5}"),
        ("{type: number, multipleOf: 0.1}", "{type: number, multipleOf: 0.01}"),
        ("{type: number, multipleOf: 0.1}", "{type: number}"),
    ],
    "a format with a Python type (`date-time`, `date`, `uuid`, `binary`) that comes or goes": [
        ("{type: string}", "{type: string, format: date-time}"),
        ("{type: string, format: uuid}", "{type: string}"),
        ("{type: string, format: date}", "{type: string, format: date-time}"),
        ("{type: string, format: byte}", "{type: string, format: binary}"),
    ],
    "another format, or one that comes": [
        ("{type: string}", "{type: string, format: email}"),
        ("{type: string, format: email}", "{type: string, format: uri}"),
        ("{type: integer, format: int64}", "{type: integer, format: int32}"),
    ],
    "a format that goes or widens (`int32` to `int64`)": [
        ("{type: string, format: email}", "{type: string}"),
        ("{type: integer, format: int32}", "{type: integer, format: int64}"),
        ("{type: number, format: float}", "{type: number, format: double}"),
    ],
    "the default of a property changed": [
        ("{type: string, default: a}", "{type: string, default: b}"),
        ("{type: string}", "{type: string, default: b}"),
    ],
    "another discriminator, or another schema for one of its values": [
        (union(KIND), union(", discriminator: {propertyName: a}")),
        (union(mapped("x: A, y: B")), union(mapped("x: B, y: A"))),
        (union(KIND), union(mapped("A: B, B: A"))),
    ],
    "a value of a discriminator removed": [
        (union(mapped("x: A, y: B, z: B")), union(mapped("x: A, y: B"))),
        (union(KIND), union(mapped("x: A, y: B"))),
        (union(mapped("x: A, y: B")), union(KIND)),
    ],
    "a value of a discriminator added": [
        (union(mapped("x: A, y: B")), union(mapped("x: A, y: B, z: B"))),
    ],
}
EXAMPLES = [(row, *pair) for row, pairs in SCHEMAS.items() for pair in pairs]


def edited(text: str, **parts: Any) -> Json:
    """Make a document whose operation has these parts."""
    return document(yaml.safe_load(text), **parts)


def at(path: str, method: str = "post", **operation: Any) -> Json:
    made = document(operation)
    made["paths"] = {path: {method: made["paths"]["/a"]["post"]}}
    return made


def with_servers(text: str) -> Json:
    return document({}, servers=yaml.safe_load(text))


SCHEMES = """
basic: {type: http, scheme: basic}
key: {type: apiKey, in: header, name: X-Key}
oauth: {type: oauth2, flows: {clientCredentials: {tokenUrl: https://a, scopes: {read: r, write: w}}}}
"""


def secured(security: str, schemes: str = SCHEMES, operation: str = "{}") -> Json:
    return edited(
        operation,
        security=yaml.safe_load(security),
        components={"securitySchemes": yaml.safe_load(schemes)},
    )


def with_operations(*names: str) -> Json:
    made = document({})
    one = made["paths"]["/a"]["post"]
    made["paths"] = {f"/{place}": {"get": {**one, "operationId": name}} for place, name in enumerate(names)}
    return made


def with_schemas(used: str, **schemas: Any) -> Json:
    return of_response({"$ref": f"#/components/schemas/{used}"}, components={"schemas": schemas})


def hooked(*names: str) -> Json:
    return document({}, webhooks={name: {"post": content({"type": "string"})} for name in names})


def calling_back(operation: Json) -> Json:
    return document({"callbacks": {"done": {"{$request.query.url}": {"post": operation}}}})


def responding(text: str) -> Json:
    return document({"responses": yaml.safe_load(text)})


def parameter(text: str, where: str = "query", name: str = "q") -> Json:
    one = {"in": where, "name": name, **yaml.safe_load(text)}
    return at(f"/a/{{{name}}}", parameters=[one]) if where == "path" else document({"parameters": [one]})


STRING, LIST = "schema: {type: string}", "schema: {type: array, items: {type: string}}"
OBJECT = {"type": "object", "properties": {"a": {"type": "string"}}}
TO_B, TO_C = ({"$ref": f"#/components/schemas/{name}"} for name in "BC")
JSON_BODY = "application/json: {schema: {type: string}}"
# The row, and examples: the old document and the new one.
ELSEWHERE: dict[str, list[tuple[Json, Json]]] = {
    "texts, order, a header's or an authentication scheme's case, a default stated": [
        (
            secured("[{basic: []}]"),
            secured(
                "[{basic: []}]", SCHEMES.replace("basic}", "basic, description: d, bearerFormat: f, x-a: b}")
            ),
        ),
        (secured("[{key: []}]"), secured("[{key: []}]", SCHEMES.replace("scheme: basic", "scheme: bearer"))),
        (
            with_servers("[{url: 'https://{r}', variables: {r: {default: a}}}]"),
            with_servers("[{url: 'https://{r}', variables: {r: {default: a, enum: [a]}}}]"),
        ),
        (edited("{summary: a}"), edited("{summary: b, description: c}")),
        (parameter(STRING, "header", "X-A"), parameter(STRING, "header", "x-a")),
        (parameter(STRING), parameter(f"{{required: false, style: form, explode: true, {STRING}}}")),
        (parameter(STRING), parameter(f"{{explode: false, allowReserved: false, {STRING}}}")),
        (parameter("schema: {type: string, default: a}"), parameter(STRING)),
        (parameter(STRING), parameter("schema: {type: string, default: a}")),
        (
            responding(f"{{'200': {{headers: {{X-A: {{required: true, {STRING}}}}}}}}}"),
            responding(f"{{'200': {{headers: {{x-a: {{required: true, {STRING}}}}}}}}}"),
        ),
        (document({}), with_servers("[{url: /}]")),
        (with_servers("[{url: https://a.example}]"), with_servers("[{url: https://a.example/}]")),
        (
            with_servers("[{url: 'https://{r}.example', variables: {r: {default: a}}}]"),
            with_servers("[{url: https://a.example}]"),
        ),
        (secured("[{basic: []}, {key: []}]"), secured("[{key: []}, {basic: []}]")),
        (secured("[{basic: []}]"), secured("[{basic: []}]", SCHEMES.replace("basic}", "Basic}"))),
        (secured("[{key: []}]"), secured("[{key: []}]", SCHEMES.replace("X-Key", "x-key"))),
        (secured("[{basic: []}]"), secured("[{plain: []}]", SCHEMES.replace("basic:", "plain:"))),
        (secured("[{basic: []}]"), secured("[{basic: []}]", operation="{security: [{basic: []}]}")),
        (with_operations("one", "one"), with_operations("one", "one")),
        (
            edited(f"{{requestBody: {{content: {{{JSON_BODY}}}}}}}"),
            edited(f"{{requestBody: {{content: {{Application/JSON; charset=utf-8: {{{STRING}}}}}}}}}"),
        ),
        (at("/a/{x}"), at("/a/{y}")),
        (parameter(STRING, "path", "x"), parameter(STRING, "path", "y")),
    ],
    "an operation added, deprecated": [
        (with_operations("one"), with_operations("one", "two")),
        (edited("{}"), edited("{deprecated: true}")),
    ],
    "an operation removed": [(with_operations("one", "two"), with_operations("one"))],
    "an operationId or the first tag changed": [
        (with_operations("one"), with_operations("other")),
        (with_operations("one", "one"), with_operations("one", "two")),
        (edited("{tags: [a, b]}"), edited("{tags: [b, a]}")),
        (edited("{tags: [a]}"), edited("{}")),
    ],
    "a path or method changed": [
        (
            at("/a"),
            at(
                "/a/{x}",
                parameters=[{"in": "path", "name": "x", "required": True, "schema": {"type": "string"}}],
            ),
        ),
        (at("/a"), at("/b")),
        (at("/a", "post"), at("/a", "put")),
        (at("/a/{x}"), at("/a/{x}/b")),
    ],
    "a schema removed": [(with_schemas("A", A=OBJECT, B=OBJECT), with_schemas("A", A=OBJECT))],
    "a schema renamed": [
        (
            document(
                {**answering({"type": "array", "items": TO_B}), "requestBody": content(OBJECT)},
                components={"schemas": {"B": OBJECT}},
            ),
            document(
                {**answering({"type": "array", "items": TO_C}), "requestBody": content(OBJECT)},
                components={"schemas": {"C": OBJECT}},
            ),
        ),
        (
            document(
                {"parameters": [{"in": "query", "name": "q", "schema": {"$ref": "#/components/schemas/A"}}]},
                components={"schemas": {"A": OBJECT}},
            ),
            document(
                {
                    "parameters": [
                        {"in": "query", "name": "p"},
                        {"in": "query", "name": "q", "schema": {"$ref": "#/components/schemas/B"}},
                    ]
                },
                components={"schemas": {"B": OBJECT}},
            ),
        ),
        (with_schemas("A", A=OBJECT), with_schemas("B", B=OBJECT)),
    ],
    "an optional parameter added, a parameter made optional": [
        (document({}), parameter(STRING)),
        (parameter(f"{{required: true, {STRING}}}"), parameter(STRING)),
    ],
    "a required parameter added, a parameter made required": [
        (document({}), parameter(f"{{required: true, {STRING}}}")),
        (parameter(STRING), parameter(f"{{required: true, {STRING}}}")),
    ],
    "a parameter removed": [
        (parameter(STRING), document({})),
        (parameter(STRING, name="a"), parameter(STRING, name="A")),
    ],
    "another location, style or encoding of a parameter": [
        (parameter(LIST), parameter(f"{{explode: false, {LIST}}}")),
        (parameter(LIST), parameter(f"{{style: pipeDelimited, explode: true, {LIST}}}")),
        (parameter(STRING), parameter(f"{{allowReserved: true, {STRING}}}")),
        (parameter(STRING), parameter(f"{{content: {{application/json: {{{STRING}}}}}}}")),
    ],
    "another default of an optional parameter": [
        (parameter("schema: {default: a}"), parameter("schema: {default: b}")),
    ],
    "a required body added, a body made required, a media type of a body removed": [
        (edited("{}"), edited(f"{{requestBody: {{required: true, content: {{{JSON_BODY}}}}}}}")),
        (
            edited(f"{{requestBody: {{content: {{{JSON_BODY}}}}}}}"),
            edited(f"{{requestBody: {{required: true, content: {{{JSON_BODY}}}}}}}"),
        ),
        (
            edited(f"{{requestBody: {{content: {{{JSON_BODY}, text/plain: {{}}}}}}}}"),
            edited(f"{{requestBody: {{content: {{{JSON_BODY}}}}}}}"),
        ),
    ],
    "an optional body added, a body made optional, a media type added": [
        (edited("{}"), edited(f"{{requestBody: {{content: {{{JSON_BODY}}}}}}}")),
        (
            edited(f"{{requestBody: {{required: true, content: {{{JSON_BODY}}}}}}}"),
            edited(f"{{requestBody: {{content: {{{JSON_BODY}}}}}}}"),
        ),
        (
            edited(f"{{requestBody: {{content: {{{JSON_BODY}}}}}}}"),
            edited(f"{{requestBody: {{content: {{{JSON_BODY}, text/plain: {{}}}}}}}}"),
        ),
    ],
    "a body removed": [(edited(f"{{requestBody: {{content: {{{JSON_BODY}}}}}}}"), edited("{}"))],
    "a status of success removed, a media type of its body removed, a required header of it removed or made optional": [
        (
            document({"responses": {"200": content({"type": "string"})}}),
            document({"responses": {"200": content({"type": "integer"}, "application/vnd.a+json")}}),
        ),
        (
            responding("{'200': {headers: {A: {schema: {type: string}}}}}"),
            responding("{'200': {headers: {A: {schema: {type: integer}}}}}"),
        ),
        (
            {
                **calling_back({"requestBody": content(TO_B)}),
                "components": {"schemas": {"B": {"type": "string"}}},
            },
            {**calling_back({"requestBody": content(TO_B)}), "components": {"schemas": {"B": {}}}},
        ),
        (responding("{'200': {}, '202': {}}"), responding("{'200': {}}")),
        (
            responding("{'200': {content: {application/json: {}, text/csv: {}}}}"),
            responding("{'200': {content: {application/json: {}}}}"),
        ),
        (responding("{'200': {headers: {A: {required: true}}}}"), responding("{'200': {}}")),
        (
            responding("{'200': {headers: {A: {required: true}}}}"),
            responding("{'200': {headers: {A: {}}}}"),
        ),
        (responding(f"{{default: {{content: {{{JSON_BODY}}}}}}}"), responding("{'204': {}}")),
    ],
    "another status added or removed, an optional header added or removed": [
        (
            responding(f"{{'200': {{content: {{{JSON_BODY}}}}}}}"),
            responding(f"{{'200': {{content: {{{JSON_BODY}}}}}, 2XX: {{}}}}"),
        ),
        (responding("{'200': {}}"), responding("{'200': {}, '404': {}}")),
        (responding("{'200': {}, '404': {}}"), responding("{'200': {}}")),
        (responding("{'200': {}}"), responding("{'200': {}, '202': {}}")),
        (responding("{'200': {}}"), responding("{2XX: {}}")),
        (responding("{2xx: {}}"), responding("{'200': {}}")),
        (responding("{'200': {}}"), responding("{default: {}}")),
        (responding("{'200': {}}"), responding("{'200': {headers: {A: {}}}}")),
        (responding("{'200': {headers: {A: {}}}}"), responding("{'200': {}}")),
        (
            responding("{'200': {content: {application/json: {}}}}"),
            responding("{'200': {content: {application/vnd.a+json: {}}}}"),
        ),
    ],
    "another first server, another default of its variables, a further server or a value of a variable removed": [
        (
            with_servers("[{url: 'https://{r}.a', variables: {r: {default: a, enum: [a, b]}}}]"),
            with_servers("[{url: 'https://{r}.b', variables: {r: {default: a, enum: [a]}}}]"),
        ),
        (with_servers("[{url: https://a}]"), with_servers("[{url: https://b}]")),
        (with_servers("[{url: https://a}, {url: https://b}]"), with_servers("[{url: https://a}]")),
        (
            with_servers("[{url: https://a}, {url: https://b}]"),
            with_servers("[{url: https://b}, {url: https://a}]"),
        ),
        (
            with_servers("[{url: 'https://{r}', variables: {r: {default: a}}}]"),
            with_servers("[{url: 'https://{r}', variables: {r: {default: b}}}]"),
        ),
        (
            with_servers("[{url: 'https://{r}', variables: {r: {default: a, enum: [a, b]}}}]"),
            with_servers("[{url: 'https://{r}', variables: {r: {default: a, enum: [a]}}}]"),
        ),
        (edited("{servers: [{url: https://a}]}"), edited("{servers: [{url: https://b}]}")),
    ],
    "a server added": [
        (with_servers("[{url: https://a}]"), with_servers("[{url: https://a}, {url: https://b}]")),
        (
            with_servers("[{url: 'https://{r}', variables: {r: {default: a, enum: [a]}}}]"),
            with_servers("[{url: 'https://{r}', variables: {r: {default: a, enum: [a, b]}}}]"),
        ),
    ],
    "a way to authenticate removed, or more of it required": [
        (secured("[]"), secured("[{basic: []}]")),
        (secured("[{basic: []}, {}]"), secured("[{basic: []}]")),
        (secured("[{basic: []}, {key: []}]"), secured("[{key: []}]")),
        (secured("[{basic: []}]"), secured("[{basic: [], key: []}]")),
        (secured("[{oauth: [read]}]"), secured("[{oauth: [read, write]}]")),
        (secured("[]"), secured("[]", operation="{security: [{basic: []}]}")),
    ],
    "a way to authenticate added, less of it required": [
        (secured("[{basic: []}]"), secured("[]")),
        (secured("[{basic: []}]"), secured("[{basic: []}, {}]")),
        (secured("[{basic: []}]"), secured("[{basic: []}, {key: []}]")),
        (secured("[{basic: [], key: []}]"), secured("[{basic: []}]")),
        (secured("[{oauth: [read, write]}]"), secured("[{oauth: [read]}]")),
        (secured("[{basic: []}]"), secured("[{basic: []}]", operation="{security: []}")),
    ],
    "another URL, header or type of a security scheme in use": [
        (
            secured("[{oauth: [read]}]"),
            secured("[{oauth: [read]}]", SCHEMES.replace("https://a", "https://b")),
        ),
        (secured("[{key: []}]"), secured("[{key: []}]", SCHEMES.replace("X-Key", "X-Token"))),
        (
            secured("[{basic: []}]"),
            secured("[{basic: []}]", SCHEMES.replace("scheme: basic", "scheme: bearer")),
        ),
    ],
    "a webhook removed, a media type of its body removed": [
        (
            document({}, webhooks={"a": {"post": {"requestBody": content(OBJECT)}}}),
            document({}, webhooks={"a": {"post": {"requestBody": content(OBJECT, "text/csv")}}}),
        ),
        (calling_back({"requestBody": content(OBJECT)}), calling_back({})),
        (hooked("a", "b"), hooked("a")),
    ],
    "a webhook added": [(hooked("a"), hooked("a", "b"))],
}


def test_the_table_and_the_examples_have_the_same_rows() -> None:
    """No rule without an example, no example without a rule."""
    assert list(SCHEMAS) == list(rows(3))
    assert list(ELSEWHERE) == list(rows(2))


@pytest.mark.parametrize(("row", "old", "new"), EXAMPLES)
def test_a_change_of_a_schema_breaks_whom_the_table_says(row: str, old: str, new: str) -> None:
    """As a body and as a property of one; each line about it names the side that it is on."""
    for wrap in ("{}", "{{type: object, properties: {{p: {}}}}}"):
        schemas = [read(wrap.format(one)) for one in (old, new)]
        parts = PARTS if re.search(r"@|\$ref", old + new) else {}
        for side, place, word in zip(
            (REQUEST, RESPONSE), (of_request, of_response), rows(3)[row], strict=True
        ):
            before, after = (place(schema, components={"schemas": parts}) for schema in schemas)
            found = changes(before, after)
            breaks = any(one.breaking for one in found)
            assert ("breaking" if breaks else "compatible") == word, (side, [one.line() for one in found])
            assert all(side in one.sides and one.hits <= {side, NAMES} for one in found)
            assert mirrored(found) == sorted(one.what for one in changes(after, before))


@pytest.mark.parametrize(
    ("row", "old", "new"), [(row, *pair) for row, pairs in ELSEWHERE.items() for pair in pairs]
)
def test_a_change_elsewhere_breaks_whom_the_table_says(row: str, old: Json, new: Json) -> None:
    """All those whom the lines name, taken together."""
    found = changes(old, new)
    hit = {side for one in found for side in one.hits}
    assert mirrored(found) == sorted(one.what for one in changes(new, old))
    assert hit == set(re.findall(r"\w+", rows(2)[row][0])) - {"nobody"}, [one.line() for one in found]


@pytest.mark.parametrize("row", ["an operationId or the first tag changed", "a schema renamed"])
def test_a_names_file_keeps_names(row: str) -> None:
    """What it gives a name to may be renamed."""
    old, new = (Document.check(one, "") for one in ELSEWHERE[row][0])
    assert not any(one.breaking for one in compare(old, new, stable_names=True))


def said() -> str:
    """Return what the differ says of the examples of each row."""
    found: dict[str, list[Change]] = {}
    for row, pairs in SCHEMAS.items():
        for place in (of_request, of_response):
            for pair in pairs:
                old, new = (place(read(one), components={"schemas": PARTS}) for one in pair)
                found.setdefault(row, []).extend(changes(old, new))
    for row, examples in ELSEWHERE.items():
        found[row] = [change for pair in examples for change in changes(*pair)]
    lines = {row: dict.fromkeys(f"    {one.line()}\n" for one in listed) for row, listed in found.items()}
    return "".join(f"{row}\n{''.join(each)}" for row, each in lines.items())


def test_each_line_says_what_changed() -> None:
    """In the words of a file, which `python -m tests.test_differ_rules` writes."""
    assert said().splitlines() == LINES.read_text().splitlines()


if __name__ == "__main__":
    LINES.write_text(said())
