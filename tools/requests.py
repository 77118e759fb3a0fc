"""The code that builds one operation's request out of its arguments."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote

from attrs import frozen
from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import LiteralEnumProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol
from openapi_python_client.parser.properties.string import StringProperty

from tools.codec import Codec
from tools.facts import OperationFacts, Parameter
from tools.literals import literal

# Location -> the encoder's own style and explode, which need not be said.
_DEFAULTS = {
    "query": ("form", True),
    "cookie": ("form", True),
    "path": ("simple", False),
    "header": ("simple", False),
}


@frozen
class RequestCode:
    """The statements of one coroutine; its own variables end in "_", which no argument does."""

    endpoint: Endpoint
    facts: OperationFacts
    codec: Codec
    body: PropertyProtocol | None
    parameters: list[tuple[Parameter, PropertyProtocol]]

    def lines(self) -> list[str]:
        """Write them."""
        lines: list[str] = []
        given = [literal(self.facts.operation_id), literal(self.facts.method), self._path()]
        fixed = [
            pair for pair in parse_qsl(self._split_path()[1], keep_blank_values=True) if "{" not in pair[1]
        ]
        lines += self._collect("query", "params_", fixed)
        cookies = self._collect("cookie", "cookies_", [])
        accept = [("Accept", self.facts.accept)] if self.facts.accept else []
        headers = self._collect("header", "headers_", accept)
        if cookies and not headers:
            headers = ["headers_: list[tuple[str, str]] = []"]
        if cookies:
            headers.append("headers_ += _cookie_header(cookies_)")
        given += ["params=params_"] if lines else []
        given += ["headers=headers_"] if headers else []
        content_lines, content = self._content()
        request = f"Request({', '.join([*given, *content])})"
        return [*lines, *cookies, *headers, *content_lines, f"return await client.call({request}, _parse)"]

    def _collect(self, where: str, target: str, fixed: list[tuple[str, str]]) -> list[str]:
        chosen = [(facts, prop) for facts, prop in self.parameters if facts.where == where]
        if not chosen and not fixed:
            return []
        lines = [f"{target}: list[tuple[str, str]] = {literal(fixed)}"]
        for facts, prop in chosen:
            name = prop.name.get_untrusted_value()
            code = (
                f"_add_{where}({target}, {literal(facts.wire)}, {self._encoded(prop, name)}{_style(facts)})"
            )
            lines += [code] if prop.required else [f"if {name} is not None:", f"    {code}"]
        return lines

    def _encoded(self, prop: PropertyProtocol, name: str) -> str:
        return re.sub(r"\bplain\(", "_plain(", self.codec.encode(prop, name))

    def _split_path(self) -> tuple[str, str]:
        path, _, query = self.facts.path.partition("#")[0].partition("?")
        return path, query

    def _path(self) -> str:
        known = {
            self.facts.parameters[name].wire: (self.facts.parameters[name], prop)
            for prop in self.endpoint.path_parameters
            for name in [prop.name.get_untrusted_value()]
        }
        text = ""
        for piece in re.split(r"(\{[^{}]+\})", self._split_path()[0]):
            found = known.get(piece[1:-1]) if piece.startswith("{") else None
            if found is None:
                # What is no placeholder is the document's own; "%" may already be an escape of its.
                text += quote(piece, safe="/:@!$&()*+,;=~%-._")
            else:
                text += f"{{{self._segment(*found)}}}"
        return f'f"{text}"' if "{" in text else literal(text)

    def _segment(self, facts: Parameter, prop: PropertyProtocol) -> str:
        name, style = prop.name.get_untrusted_value(), _style(facts)
        texts = isinstance(prop, LiteralEnumProperty) and prop.value_type is str
        if (isinstance(prop, StringProperty) or texts) and facts.style == "simple":
            return f"_segment({name}, {literal(facts.wire)})"
        return f"_path_value({self._encoded(prop, name)}, {literal(facts.wire)}{style})"

    def _content(self) -> tuple[list[str], list[str]]:
        if self.body is None:
            return [], []
        kind = literal(self.facts.content_type)
        produce = f"lambda: {self._encoded(self.body, 'body')}"
        code = {
            "json": f"_json_content({produce})",
            "form": f"_form_content({produce}, {self._encodings()})",
            "multipart": f"_multipart_content({produce}, {self._encodings()})",
            "text": "_text_content(body)",
            "bytes": "_bytes_content(body)",
        }[self.facts.body_kind]
        if self.facts.body_kind == "multipart":
            empty = "" if self.body.required else "(None, None) if body is None else "
            return [f"content_, content_type_ = {empty}{code}"], [
                "content=content_",
                "content_type=content_type_",
            ]
        if not self.body.required:
            code, kind = f"None if body is None else {code}", f"None if body is None else {kind}"
        return [], [f"content={code}", f"content_type={kind}"]

    def _encodings(self) -> str:
        found = {}
        for name, one in self.facts.encodings.items():
            stated = (one.get("style"), one.get("explode"), one.get("contentType"))
            if any(value is not None for value in stated):
                found[name] = stated
        return literal(found)


def _style(facts: Parameter) -> str:
    """Write the arguments that say a style other than the location's own."""
    style, explode = _DEFAULTS[facts.where]
    parts = [f"style={literal(facts.style)}"] if facts.style != style else []
    parts += [f"explode={facts.explode}"] if facts.explode != explode and facts.style != "json" else []
    return "".join(f", {part}" for part in parts)
