"""Normalizes operations: one list of parameters, at most one media type of the body, success responses only."""

from __future__ import annotations

import re
from typing import cast

from attrs import field, frozen
from openapi_python_client.parser.openapi import generate_operation_id
from openapi_python_client.schema.untrusted_string import UntrustedString

from tools.normalize.metadata import OperationMetadata, Parameter
from tools.normalize.names import PREFIX, Names, arguments, class_name, identifier, shortened
from tools.normalize.schema_forms import alternatives, last_word, without_null
from tools.normalize.schemas import Schemas
from tools.normalize.unsupported import warn_unsupported
from tools.openapi.all_of import types_of
from tools.openapi.document import METHODS, Document, Node, as_node, as_nodes, operation_place
from tools.openapi.media_types import choose_media, media_kind, reply_kind
from tools.openapi.names_file import NamesFile, OperationEntry
from tools.openapi.parameters import DEFAULT_STYLES, is_ignored
from tools.openapi.remarks import Remarks

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
# Set beside a shared parameter: the name of its inline schema.
_HINT = "x-class"
# Those that openapi-python-client knows.
_KNOWN_METHODS = frozenset(METHODS) - {"query"}
_SUCCESS = re.compile(r"2(\d\d|XX)")


def placeholders(path: str) -> list[str]:
    """Return the names of path parameters in order, without those in a query."""
    return list(dict.fromkeys(_PLACEHOLDER.findall(re.split(r"[?#]", path, maxsplit=1)[0])))


@frozen
class Operations:
    """Normalizes operations, and collects the metadata that the normalized form cannot express."""

    document: Document
    schemas: Schemas
    names: Names
    given: NamesFile
    remarks: Remarks
    paths: dict[str, Node] = field(factory=dict)
    metadata: dict[str, OperationMetadata] = field(factory=dict)
    places: list[str] = field(factory=list[str])
    _ids: set[str] = field(factory=set)

    @classmethod
    def of(
        cls, document: Document, schemas: Schemas, names: Names, given: NamesFile, remarks: Remarks
    ) -> Operations:
        """Normalize all operations of a document, with names given by its names file."""
        made = cls(document, schemas, names, given, remarks)
        for entry in given.operations.values():
            if entry.name is not None:
                names.reserve_function(entry.name)
        for path, method, item, operation in document.operations():
            made._add(path, method, item, operation)
        made._set_tags_apart()
        warn_unsupported(document, remarks)
        return made

    def _set_tags_apart(self) -> None:
        """Rename a tag's package if another tag has a coroutine of the same name: `api` exports both."""
        for plain in [as_node(one) for item in self.paths.values() for one in item.values()]:
            [package] = cast("list[str]", plain["tags"])
            namesake = self.metadata.get(package)
            if namesake is not None and _tag_package(namesake.tag) != package:
                plain["tags"] = [_tag_package(f"{package} operations")]

    def _add(self, path: str, method: str, item: Node, operation: Node) -> None:
        place = operation_place(path, method)
        stated = operation.get("operationId")
        default = str(generate_operation_id(path=UntrustedString(path), method=method, prefix=PREFIX))
        given = self.given.operation(method, path)
        function = given.name or self.names.new_function(
            stated if isinstance(stated, str) and stated else default
        )
        operation_id = stated if isinstance(stated, str) and stated else function
        if operation_id in self._ids:
            self.remarks.add(
                place,
                "the operationId {!r} is used twice, this operation is called {!r}",
                operation_id,
                function,
            )
            operation_id = function
        self._ids.add(operation_id)
        parameters = self._parameters(path, item, operation, place)
        named = arguments((str(one["in"]), str(one["name"])) for one in parameters)
        hint = class_name(function)
        plain_parameters = [
            self._plain_parameter(argument, one, hint, place)
            for argument, one in zip(named, parameters, strict=True)
        ]
        tags = operation.get("tags")
        tag = str(tags[0]) if isinstance(tags, list) and tags else "default"
        kind, content_type, body = self._body(operation, hint, place)
        accept, responses = self._responses(operation, hint, place)
        self.metadata[function] = OperationMetadata(
            operation_id=operation_id,
            method=method.upper() if method in METHODS else method,
            path=path,
            tag=tag,
            function=function,
            keywords=self.names.new_keywords(function),
            parameters={
                argument: self._parameter_metadata(one)
                for argument, one in zip(named, parameters, strict=True)
            },
            body_kind=kind,
            content_type=content_type,
            encodings=self._encodings(operation, content_type),
            accept=accept,
            repeatable=method in METHODS and method != "post"
            if given.repeatable is None
            else given.repeatable,
            slashes=self._slashes(parameters, given, place),
        )
        plain: Node = {
            "operationId": function,
            "tags": [_tag_package(tag)],
            "summary": str(operation.get("summary") or ""),
            "description": _description(operation),
            "parameters": plain_parameters,
            "responses": responses,
            **({"requestBody": body} if body else {}),
        }
        by_wire = {wire: argument for argument, (where, wire) in named.items() if where == "path"}
        plain_path = "".join(f"/{{{by_wire[name]}}}" for name in placeholders(path))
        # Paths may differ in their fixed parts only, which are dropped here: the number keeps them apart.
        self.paths[f"/{len(self.paths)}{plain_path}"] = {
            method if method in _KNOWN_METHODS else "post": plain
        }
        self.places.append(place)

    def _slashes(self, parameters: list[Node], given: OperationEntry, place: str) -> frozenset[str]:
        """Return the path parameters that may contain slashes: by default texts called path."""
        named = {str(one["name"]): one for one in parameters if one["in"] == "path"}
        if given.slashes is None:
            return frozenset(
                name
                for name, one in named.items()
                if identifier(name).split("_")[-1] == "path"
                and types_of(self.document.follow(one.get("schema")))[0] == ["string"]
            )
        for name in given.slashes:
            if name not in named:
                self.remarks.add(
                    place, "the names file allows slashes in {!r}, which is not a path parameter", name
                )
        return frozenset(given.slashes)

    def _parameters(self, path: str, item: Node, operation: Node, place: str) -> list[Node]:
        found: dict[tuple[str, str], Node] = {}
        for owner, own_place in ((item, place.rsplit("/", 1)[0]), (operation, place)):
            seen: set[tuple[str, str]] = set()
            for raw in as_nodes(owner.get("parameters")):
                if self.document.is_circular(raw):
                    continue
                one = {**self.document.follow(raw), **_hinted(raw, "Parameter")}
                where, name = str(one.get("in")), str(one.get("name"))
                if "name" not in one:
                    self.remarks.add(own_place, "a {} parameter has no name and is ignored", where)
                    continue
                if is_ignored(where, name):
                    self.remarks.add(
                        own_place, "the {} parameter {!r} is ignored", where, name, minor=where == "header"
                    )
                    continue
                if (where, name) in seen:
                    self.remarks.add(
                        own_place,
                        "the {} parameter {!r} is declared twice, the last one is used",
                        where,
                        name,
                    )
                seen.add((where, name))
                found[where, name] = one
        wanted = placeholders(path)
        for name in _PLACEHOLDER.findall(path.partition("?")[2]):
            self.remarks.add(place, "{!r} in the path's query is ignored", name)
        for where, name in [key for key in found if key[0] == "path" and key[1] not in wanted]:
            self.remarks.add(place, "the path parameter {!r} is not in the path and is ignored", name)
            del found[where, name]
        for name in wanted:
            if ("path", name) not in found:
                self.remarks.add(place, "the path parameter {!r} is not declared, typed as a string", name)
                found["path", name] = {"name": name, "in": "path", "schema": {"type": "string"}}
        path_first = [found["path", name] for name in wanted]
        rest = [one for (where, _), one in found.items() if where != "path"]
        return path_first + sorted(rest, key=lambda one: ("query", "header", "cookie").index(str(one["in"])))

    def _plain_parameter(self, argument: str, one: Node, hint: str, place: str) -> Node:
        schema = as_node(one.get("schema")) or as_node(_only_media(one).get("schema"))
        plain = self.schemas.plain(
            schema,
            str(one.get(_HINT) or f"{hint}{class_name(argument)}"),
            f"{place}/parameters/{one['name']}",
        )
        return {
            "name": argument,
            # The generator refuses most types in headers and cookies; the metadata knows where it goes.
            "in": "path" if one["in"] == "path" else "query",
            "required": one["in"] == "path" or one.get("required") is True,
            "schema": without_null(plain) if one["in"] == "path" else plain,
        }

    def _parameter_metadata(self, one: Node) -> Parameter:
        where = str(one["in"])
        style = str(one.get("style") or DEFAULT_STYLES[where])
        if "schema" not in one and _only_media(one):
            style = "json"
        explode = one.get("explode")
        words = str(one.get("description") or "").strip()
        return Parameter(
            where=where,
            wire=str(one["name"]),
            description=f"{words}\n\nDeprecated.".strip() if one.get("deprecated") is True else words,
            style=style,
            explode=explode if isinstance(explode, bool) else style == "form",
        )

    def _body(self, operation: Node, hint: str, place: str) -> tuple[str, str, Node]:
        body = self.document.follow(operation.get("requestBody"))
        content = as_node(body.get("content"))
        if not content:
            if body:
                self.remarks.add(f"{place}/requestBody", "it has no content and is ignored")
            return "json", "", {}
        media = choose_media(content)
        self._warn_ignored(content, media, f"{place}/requestBody")
        kind, content_type = media_kind(media)
        if kind == "multipart" and not content_type.lower().startswith("multipart/form-data"):
            self.remarks.add(f"{place}/requestBody", "{} is sent as multipart/form-data", media)
        schema: Node = {"type": "string"}
        if kind in {"json", "form", "multipart"}:
            word = _hinted(as_node(operation["requestBody"]), "Body").get(_HINT) or f"{hint}Body"
            schema = self.schemas.plain(as_node(content[media]).get("schema"), word, f"{place}/requestBody")
            if kind == "form":
                self._warn_nested(schema, self._encodings(operation, media), f"{place}/requestBody")
        elif kind == "bytes":
            schema = {"type": "string", "format": "binary"}
        required = body.get("required") is True
        return kind, content_type, {"required": required, "content": {"application/json": {"schema": schema}}}

    def _warn_nested(self, body: Node, encodings: dict[str, dict[str, object]], place: str) -> None:
        components, name = self.schemas.references.components, last_word(str(body.get("$ref")))
        for attribute, plain in as_node(as_node(components.get(name)).get("properties")).items():
            wire = self.schemas.metadata.attributes[name][attribute].wire
            lists = [one for one in alternatives(as_node(plain)) if one.get("type") == "array"]
            for item in (item for one in lists for item in alternatives(as_node(one.get("items")))):
                kind = components.get(last_word(str(item.get("$ref"))), item).get("type")
                if wire not in encodings and kind in {"array", "object"}:
                    what = (
                        "OpenAPI has no rule for an {} within an array in a form: {!r} is sent as {}[0][...]"
                    )
                    self.remarks.add(place, what, kind, wire, wire)

    def _encodings(self, operation: Node, content_type: str) -> dict[str, dict[str, object]]:
        content = as_node(self.document.follow(operation.get("requestBody")).get("content"))
        return {
            name: as_node(one)
            for name, one in as_node(as_node(content.get(content_type)).get("encoding")).items()
        }

    def _responses(self, operation: Node, hint: str, place: str) -> tuple[str, Node]:
        stated = {code.upper(): one for code, one in as_node(operation.get("responses")).items()}
        chosen = {code: one for code, one in stated.items() if _SUCCESS.fullmatch(code)}
        if not chosen and "DEFAULT" in stated:
            chosen = {"default": stated["DEFAULT"]}
        plain: Node = {}
        accepts: dict[str, bool] = {}
        for code, raw in chosen.items():
            response = self.document.follow(raw)
            own = f"{place}/responses/{code}"
            content = as_node(response.get("content"))
            if as_node(response.get("headers")):
                self.remarks.add(
                    own, "response headers are not part of what the coroutine returns", minor=True
                )
            if as_node(response.get("links")):
                self.remarks.add(own, "links are skipped", minor=True)
            plain[code] = {"description": str(response.get("description") or "")}
            if not content or place.endswith("/head"):
                continue
            media = choose_media(content)
            self._warn_ignored(content, media, own)
            if "schema" not in as_node(content[media]) and "itemSchema" in as_node(content[media]):
                self.remarks.add(own, "itemSchema is ignored, the whole content is returned")
            kind, sent = reply_kind(media, self.document.follow(as_node(content[media]).get("schema")))
            word = hint if len(chosen) == 1 else f"{hint}{code.capitalize()}"
            word = _hinted(as_node(raw), "Response").get(_HINT) or f"{word}Response"
            schema = (
                as_node(content[media]).get("schema") if kind == "application/json" else {"type": "string"}
            )
            plain[code] = {
                **as_node(plain[code]),
                "content": {kind: {"schema": self.schemas.plain(schema, word, own)}},
            }
            usual = kind == "application/json" and len(content) == 1
            accepts[sent] = usual and accepts.get(sent, True)
        # A server that has nothing but JSON need not be told.
        return "" if all(accepts.values()) else ", ".join(accepts), plain or {"204": {"description": ""}}

    def _warn_ignored(self, content: Node, media: str, place: str) -> None:
        for other in content:
            if other != media:
                self.remarks.add(place, "the media type {} is ignored, {} is used", other, media, minor=True)


def _tag_package(tag: str) -> str:
    return shortened(identifier(tag, "tag"))


def _hinted(raw: Node, suffix: str) -> dict[str, str]:
    """Name the schema of a shared component after the component, not after the first operation that uses it."""
    ref = raw.get("$ref")
    return {_HINT: class_name(ref.rsplit("/", 1)[-1]) + suffix} if isinstance(ref, str) else {}


def _only_media(parameter: Node) -> Node:
    return as_node(next(iter(as_node(parameter.get("content")).values()), None))


def _description(operation: Node) -> str:
    words = str(operation.get("description") or "").strip()
    return f"{words}\n\nDeprecated.".strip() if operation.get("deprecated") is True else words
