"""The code that builds an operation's request from its arguments."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote

from attrs import frozen
from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import LiteralEnumProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol
from openapi_python_client.parser.properties.string import StringProperty

from tools.codegen.codec import Codec
from tools.codegen.literals import literal
from tools.normalize.metadata import OperationMetadata, Parameter

# Location -> default style and explode of the encoder.
_DEFAULTS = {
    "query": ("form", True),
    "cookie": ("form", True),
    "path": ("simple", False),
    "header": ("simple", False),
}


@frozen
class RequestCode:
    """The statements of one coroutine; its local variables end in "_", which no argument does."""

    endpoint: Endpoint
    metadata: OperationMetadata
    codec: Codec
    body: PropertyProtocol | None
    parameters: list[tuple[Parameter, PropertyProtocol]]

    def lines(self) -> list[str]:
        """Return the statements."""
        lines: list[str] = []
        given = [literal(self.metadata.operation_id), literal(self.metadata.method), self._path()]
        fixed = [
            pair for pair in parse_qsl(self._split_path()[1], keep_blank_values=True) if "{" not in pair[1]
        ]
        lines += self._collect("query", "params_", fixed)
        cookies = self._collect("cookie", "cookies_", [])
        accept = [("Accept", self.metadata.accept)] if self.metadata.accept else []
        headers = self._collect("header", "headers_", accept)
        if cookies and not headers:
            headers = ["headers_: list[tuple[str, str]] = []"]
        if cookies:
            headers.append("headers_ += _cookie_header(cookies_)")
        given += ["params=params_"] if lines else []
        given += ["headers=headers_"] if headers else []
        content_lines, content = self._content()
        repeatable = self.metadata.repeatable
        content += [f"repeatable={repeatable}"] if repeatable != (self.metadata.method != "POST") else []
        request = f"Request({', '.join([*given, *content])})"
        return [*lines, *cookies, *headers, *content_lines, f"return await client.call({request}, _parse)"]

    def _collect(self, where: str, target: str, fixed: list[tuple[str, str]]) -> list[str]:
        chosen = [(metadata, prop) for metadata, prop in self.parameters if metadata.where == where]
        if not chosen and not fixed:
            return []
        lines = [f"{target}: list[tuple[str, str]] = {literal(fixed)}"]
        for metadata, prop in chosen:
            name = prop.name.get_untrusted_value()
            code = f"_add_{where}({target}, {literal(metadata.wire)}, {self._encoded(prop, name)}{_style(metadata)})"
            lines += [code] if prop.required else [f"if {name} is not None:", f"    {code}"]
        return lines

    def _encoded(self, prop: PropertyProtocol, name: str) -> str:
        return re.sub(r"\bplain\(", "_plain(", self.codec.encode(prop, name))

    def _split_path(self) -> tuple[str, str]:
        path, _, query = self.metadata.path.partition("#")[0].partition("?")
        return path, query

    def _path(self) -> str:
        known = {
            self.metadata.parameters[name].wire: (self.metadata.parameters[name], prop)
            for prop in self.endpoint.path_parameters
            for name in [prop.name.get_untrusted_value()]
        }
        text = ""
        for piece in re.split(r"(\{[^{}]+\})", self._split_path()[0]):
            found = known.get(piece[1:-1]) if piece.startswith("{") else None
            if found is None:
                # The fixed parts of a path may already be percent-encoded.
                text += quote(piece, safe="/:@!$&()*+,;=~%-._")
            else:
                text += f"{{{self._segment(*found)}}}"
        return f'f"{text}"' if "{" in text else literal(text)

    def _segment(self, metadata: Parameter, prop: PropertyProtocol) -> str:
        name, style = prop.name.get_untrusted_value(), _style(metadata)
        texts = isinstance(prop, LiteralEnumProperty) and prop.value_type is str
        slashes = ", slashes=True" if metadata.wire in self.metadata.slashes else ""
        if (isinstance(prop, StringProperty) or texts) and metadata.style == "simple":
            return f"_segment({name}, {literal(metadata.wire)}{slashes})"
        return f"_path_value({self._encoded(prop, name)}, {literal(metadata.wire)}{style}{slashes})"

    def _content(self) -> tuple[list[str], list[str]]:
        if self.body is None:
            return [], []
        kind = literal(self.metadata.content_type)
        produce = f"lambda: {self._encoded(self.body, 'body')}"
        code = {
            "json": f"_json_content({produce})",
            "form": f"_form_content({produce}, {self._encodings()})",
            "multipart": f"_multipart_content({produce}, {self._encodings()})",
            "text": "_text_content(body)",
            "bytes": "_bytes_content(body)",
        }[self.metadata.body_kind]
        if self.metadata.body_kind == "multipart":
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
        for name, one in self.metadata.encodings.items():
            stated = (one.get("style"), one.get("explode"), one.get("contentType"))
            if any(value is not None for value in stated):
                found[name] = stated
        return literal(found)


def _style(metadata: Parameter) -> str:
    """Return the style arguments that differ from the location's defaults."""
    style, explode = _DEFAULTS[metadata.where]
    parts = [f"style={literal(metadata.style)}"] if metadata.style != style else []
    parts += (
        [f"explode={metadata.explode}"] if metadata.explode != explode and metadata.style != "json" else []
    )
    return "".join(f", {part}" for part in parts)
