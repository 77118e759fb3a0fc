"""Compares the operations of two documents."""

from __future__ import annotations

import json
import re

from attrs import frozen

from tools.differ.changes import NAMES, REQUEST, RESPONSE, Change, Changes
from tools.differ.comparison import Comparison, types
from tools.differ.matching import Call, Matching
from tools.differ.schema_changes import SchemaDiff
from tools.openapi.document import Document, Node, as_node, as_nodes
from tools.openapi.media_types import is_json
from tools.openapi.parameters import DEFAULT_STYLES, is_ignored
from tools.openapi.servers import server_urls

_REQUEST, _RESPONSE = frozenset({REQUEST}), frozenset({RESPONSE})


@frozen
class OperationDiff:
    """Compares the operations of an old document with those of a new one."""

    old: Document
    new: Document
    changes: Changes
    schemas: SchemaDiff

    def compare(self, matching: Matching, *, stable_names: bool) -> None:
        """Compare operations; with stable names an operationId may change without breaking anyone."""
        for one in matching.removed:
            words = f"operation removed ({one.method.upper()} {one.path})"
            self.changes.add(Change(one.name, words, frozenset({REQUEST, NAMES})))
        for one, other in matching.pairs:
            if one.name != other.name and ("operationId" in one.node or "operationId" in other.node):
                words = f"operationId changed from {one.name} to {other.name}"
                self.changes.note(one.name, words, NAMES, breaking=not stable_names)
            self._compare(one, other)
        for one in matching.added:
            words = f"operation added ({one.method.upper()} {one.path})"
            self.changes.add(Change(one.name, words, concerns=frozenset({NAMES})))

    def _compare(self, old: Call, new: Call) -> None:
        if old.place[1] != new.place[1]:
            words = f"path moved from {old.path} to {new.path}"
            self.changes.note(old.name, words, REQUEST, breaking=True)
        elif old.path != new.path:
            self.changes.note(old.name, f"path parameter renamed: {old.path} to {new.path}", NAMES)
        if old.method != new.method:
            words = f"method changed from {old.method.upper()} to {new.method.upper()}"
            self.changes.note(old.name, words, REQUEST, breaking=True)
        was, now = (one.node.get("deprecated") is True for one in (old, new))
        if was != now:
            words = f"operation {'deprecated' if now else 'no longer deprecated'}"
            self.changes.note(old.name, words, NAMES, minor=False)
        servers = [(*server_places(one.node), *server_places(one.item), None)[0] for one in (old, new)]
        if servers[0] != servers[1]:
            words = f"its own server changed from {servers[0] or 'none'} to {servers[1] or 'none'}"
            self.changes.note(old.name, words, REQUEST, breaking=True)
        self._tags(old, new)
        self._parameters(old, new)
        self._body(old, new)
        self._responses(old, new)

    def _tags(self, old: Call, new: Call) -> None:
        before, after = (_tag(one) for one in (old, new))
        if before != after:
            # The coroutine is imported from the package of its tag.
            self.changes.note(old.name, f"tag changed from {before} to {after}", NAMES, breaking=True)

    def _parameters(self, old: Call, new: Call) -> None:
        before, after = _parameters(self.old, old), _parameters(self.new, new)
        moved = old.place[1] != new.place[1]
        for key, one in before.items():
            words = f"{one['in']} parameter {one['name']}"
            other = after.get(key)
            if other is not None:
                self._parameter(old.name, words, one, other)
            elif key[0] != "path" or moved:
                said = f"{'required ' if _is_needed(one) else ''}{words} removed"
                self.changes.add(Change(old.name, said, frozenset({REQUEST, NAMES})))
        for key, other in after.items():
            if key not in before and (key[0] != "path" or moved):
                needs = _is_needed(other)
                words = f"{'required ' if needs else ''}{other['in']} parameter {other['name']} added"
                self.changes.note(old.name, words, REQUEST, breaking=needs or key[0] == "path")

    def _parameter(self, name: str, words: str, old: Node, new: Node) -> None:
        needed, needs = _is_needed(old), _is_needed(new)
        if needed != needs:
            self.changes.note(
                name, f"{words} made {'required' if needs else 'optional'}", REQUEST, breaking=needs
            )
        before, _ = self.schemas.before.resolve(_schema(old))
        after, _ = self.schemas.after.resolve(_schema(new))
        changed = _styles(old, new, scalar=_is_scalar(before) and _is_scalar(after))
        if not needed and old["in"] != "path" and "default" in before and "default" in after:
            # It decides what a call does without the parameter. One that comes or goes may have been so all along.
            changed.append(("default", json.dumps(before["default"]), json.dumps(after["default"])))
        for field, was, now in changed:
            if was != now:
                self.changes.note(
                    name, f"{words} {field} changed from {was} to {now}", REQUEST, breaking=True
                )
        if (old.get("deprecated") is True) != (new.get("deprecated") is True):
            said = "deprecated" if new.get("deprecated") is True else "no longer deprecated"
            self.changes.note(name, f"{words} {said}", REQUEST, minor=False)
        self.schemas.compare(Comparison(_schema(old), _schema(new), name, _REQUEST, words))

    def _body(self, old: Call, new: Call) -> None:
        before = self.old.follow(old.node.get("requestBody"))
        after = self.new.follow(new.node.get("requestBody"))
        needed, needs = before.get("required") is True, after.get("required") is True
        if bool(before) != bool(after):
            word = "required " if needed or needs else ""
            words = f"{word}request body {'added' if after else 'removed'}"
            hits = frozenset({REQUEST, NAMES} if before else {REQUEST} if needs else set[str]())
            self.changes.add(Change(old.name, words, hits, _REQUEST))
            return
        if needed != needs:
            words = f"request body made {'required' if needs else 'optional'}"
            self.changes.note(old.name, words, REQUEST, breaking=needs)
        self.content(before, after, old.name, _REQUEST, "request body")

    def _responses(self, old: Call, new: Call) -> None:
        before, after = (_statuses(one) for one in (old, new))
        described = {code: _described(code, before, after) for code in before}
        for code, present in described.items():
            if present not in after:
                words = f"response status {code} removed"
                self.changes.note(old.name, words, RESPONSE, breaking=code in _successes(before))
                continue
            if present != code:
                self.changes.note(old.name, f"response status changed from {code} to {present}", RESPONSE)
            one, other = self.old.follow(before[code]), self.new.follow(after[present])
            what = f"{code} response" if present == code else "response"
            self.content(one, other, old.name, _RESPONSE, what)
            self._headers(one, other, old.name, f"{what} header")
        for code in [code for code in after if code not in before and code not in described.values()]:
            self.changes.note(old.name, f"response status {code} added", RESPONSE)

    def _headers(self, old: Node, new: Node, name: str, what: str) -> None:
        before, after = (
            {key.lower(): document.follow(one) for key, one in as_node(node.get("headers")).items()}
            for document, node in ((self.old, old), (self.new, new))
        )
        for key in sorted({*before, *after}):
            needed, needs = (as_node(one.get(key)).get("required") is True for one in (before, after))
            word = "required " if needed or needs else ""
            if (key in before) != (key in after):
                words = f"{word}{what} {key} {'added' if key in after else 'removed'}"
                self.changes.note(name, words, RESPONSE, breaking=needed)
                continue
            if needed != needs:
                words = f"{what} {key} made {'required' if needs else 'optional'}"
                self.changes.note(name, words, RESPONSE, breaking=needed)
            one, other = _schema(before[key]), _schema(after[key])
            self.schemas.compare(Comparison(one, other, name, _RESPONSE, f"{what} {key}"))

    def content(self, old: Node, new: Node, name: str, directions: frozenset[str], what: str) -> None:
        """Compare the media types of two bodies, and the schemas of those that both have."""
        before, after = (_by_media(as_node(node.get("content"))) for node in (old, new))
        [side] = directions
        for media in before:
            if media not in after:
                # The client reads a response as JSON whatever the name of the JSON media type is.
                other_json = next((each for each in after if is_json(each) and each not in before), None)
                alike = side == RESPONSE and is_json(media) and other_json is not None
                self.changes.note(name, f"{what} media type {media} removed", side, breaking=not alike)
                if alike and other_json is not None:
                    one, other = before[media].get("schema"), after[other_json].get("schema")
                    self.schemas.compare(Comparison(one, other, name, directions, what))
            else:
                one, other = before[media].get("schema"), after[media].get("schema")
                self.schemas.compare(Comparison(one, other, name, directions, what))
        for media in [media for media in after if media not in before]:
            # A response without content may now be decoded to a model.
            self.changes.note(name, f"{what} media type {media} added", side)


def server_places(node: Node) -> list[str]:
    """Return the server URLs of a document, path item or operation, of which a slash at the end is no part."""
    return [url.rstrip("/") or "/" for url in server_urls(node)]


def directions_of(document: Document) -> dict[str, frozenset[str]]:
    """Return whether requests, responses or both of a document use a component."""
    sent, read = list[object](), [document.data.get("webhooks")]
    for _, _, item, operation in document.operations():
        sent += [item.get("parameters"), operation.get("parameters"), operation.get("requestBody")]
        read += [operation.get("responses"), operation.get("callbacks")]
    requests = document.schemas_in(sent, without="readOnly")
    responses = document.schemas_in(read, without="writeOnly")
    return {
        name: frozenset(side for side, names in ((REQUEST, requests), (RESPONSE, responses)) if name in names)
        for name in requests | responses
    }


def _tag(call: Call) -> str:
    tags = call.node.get("tags")
    return str(tags[0]) if isinstance(tags, list) and tags else "default"


def _statuses(call: Call) -> dict[str, object]:
    return {code.upper(): one for code, one in as_node(call.node.get("responses")).items()}


def _successes(statuses: Node) -> list[str]:
    """Return the statuses of success, which is the default one if there is no other."""
    return [code for code in statuses if code.startswith("2")] or [
        code for code in statuses if code == "DEFAULT"
    ]


def _described(code: str, before: Node, after: Node) -> str:
    """Return the status under which the new document describes what the old one describes under this one."""
    if code in after or code not in _successes(before):
        return code
    exact = code.isdigit()
    found = (one for one in _successes(after) if one not in before and not (exact and one.isdigit()))
    return next(found, code)


def _by_media(content: Node) -> dict[str, Node]:
    """Key media types without parameters, unless that makes two of them one."""
    named = {media.split(";", 1)[0].strip().lower(): as_node(one) for media, one in content.items()}
    return named if len(named) == len(content) else {media: as_node(one) for media, one in content.items()}


def _parameters(document: Document, call: Call) -> dict[tuple[str, str], Node]:
    """Key parameters by location and name: headers in any case, those of the path by their place in it."""
    places = {name: str(place) for place, name in enumerate(re.findall(r"\{([^{}]*)\}", call.path))}
    listed = [*as_nodes(call.item.get("parameters")), *as_nodes(call.node.get("parameters"))]
    found: dict[tuple[str, str], Node] = {}
    for one in map(document.follow, listed):
        where, name = str(one.get("in")), str(one.get("name"))
        if not is_ignored(where, name):
            key = {"header": name.lower(), "path": places.get(name, name)}.get(where, name)
            found[where, key] = {**one, "in": where, "name": name}
    return found


def _is_scalar(schema: Node) -> bool:
    found = types(schema)
    return bool(found) and not {"array", "object"} & set(found)


def _is_needed(parameter: Node) -> bool:
    """Whether a parameter is required; one of the path always is, which needs no word."""
    return parameter.get("required") is True and parameter["in"] != "path"


def _styles(one: Node, other: Node, *, scalar: bool) -> list[tuple[str, object, object]]:
    """Return how both are serialized, whether they say it or not; a single value cannot be exploded."""
    was, now = (_serialization(each) for each in (one, other))
    return [(field, was[field], now[field]) for field in was if not (scalar and field == "explode")]


def _serialization(one: Node) -> dict[str, object]:
    style = one.get("style") or DEFAULT_STYLES.get(str(one.get("in")))
    explode = one.get("explode")
    return {
        "style": style,
        "explode": explode if isinstance(explode, bool) else style == "form",
        "allowReserved": one.get("allowReserved") is True,
        "content": next(iter(as_node(one.get("content"))), None),
    }


def _schema(parameter: Node) -> object:
    media = next(iter(as_node(parameter.get("content")).values()), None)
    return parameter.get("schema", as_node(media).get("schema"))
