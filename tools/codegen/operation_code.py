"""Data for the operation template: signature, request code and response code of one operation."""

from __future__ import annotations

import re

from attrs import frozen
from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import ModelProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol
from openapi_python_client.parser.responses import Response

from tools.codegen.codec import Codec, is_mapping, split_null, union
from tools.codegen.models import Models
from tools.codegen.request_code import RequestCode
from tools.normalize.metadata import OperationMetadata, Parameter

_READERS = {"response.text": ("str", "reply.text()"), "response.content": ("bytes", "reply.content")}


@frozen
class Argument:
    """One keyword argument of an operation: a query, header or cookie parameter, or the body."""

    python: str
    annotation: str
    keyword_annotation: str
    description: str
    required: bool

    @classmethod
    def of(cls, prop: PropertyProtocol, python: str, description: str, codec: Codec) -> Argument:
        """Describe a property as a keyword argument."""
        kind = codec.annotation(prop)
        loose = kind if split_null(prop)[1] or kind == "object" else f"{kind} | None"
        keyword = f"Required[{kind}]" if prop.required else loose
        return cls(python, kind if prop.required else loose, keyword, description, prop.required)

    def declared(self) -> str:
        """Return it as written in a signature."""
        return f"{self.python}: {self.annotation}{'' if self.required else ' = None'}"


@frozen
class OperationCode:
    """The code of one operation."""

    endpoint: Endpoint
    metadata: OperationMetadata
    models: Models
    codec: Codec

    @classmethod
    def of(cls, endpoint: Endpoint, metadata: OperationMetadata, models: Models) -> OperationCode:
        """Prepare the code of one operation."""
        return cls(endpoint, metadata, models, models.codec())

    @property
    def function(self) -> str:
        """The name of the coroutine."""
        return self.metadata.function

    @property
    def title(self) -> str:
        """The docstring of the module."""
        return f"{self.metadata.method} {self.metadata.path}"

    @property
    def docstring(self) -> str:
        """The docstring of the coroutine: what the document says of the operation and of its parameters."""
        parts = [self.endpoint.summary, self.endpoint.description]
        words = [part.get_untrusted_value().strip() for part in parts if part]
        words = words or [f"Call {self.metadata.method} {self.metadata.path}."]
        described = [
            (name, one.description) for name, one in self.metadata.parameters.items() if one.description
        ]
        return "\n\n".join([*words, *(f"{name}: {' '.join(said.split())}" for name, said in described)])

    @property
    def body(self) -> PropertyProtocol | None:
        """The request body, if there is one."""
        return self.endpoint.bodies[0].prop if self.endpoint.bodies else None

    @property
    def request_model(self) -> str:
        """The model of the request body, "" if the body is not a model."""
        return self._model_name(self.body)

    @property
    def body_fields(self) -> str:
        """The TypedDict of the body's properties, "" if the body is not a model."""
        return f"{self.request_model}Fields" if self.request_model else ""

    @property
    def response_model(self) -> str:
        """The model of the response, "" unless every success response has the same one."""
        found = {self._model_name(one.prop) for one in self.successes()}
        return found.pop() if len(found) == 1 else ""

    def _model_name(self, prop: PropertyProtocol | None) -> str:
        model = self.models.resolve(prop) if isinstance(prop, ModelProperty) else None
        return "" if model is None or is_mapping(model) else str(model.class_info.name)

    def parameters(self) -> list[tuple[Parameter, PropertyProtocol]]:
        """Return the parameters that are not in the path."""
        end = self.endpoint
        props = [*end.query_parameters, *end.header_parameters, *end.cookie_parameters]
        return [(self.metadata.parameters[prop.name.get_untrusted_value()], prop) for prop in props]

    @property
    def arguments(self) -> list[Argument]:
        """The keyword arguments beside the body's properties, which win if names collide."""
        model = self.models.named.get(self.request_model)
        taken = {str(prop.python_name) for prop in self.models.properties(model)} if model else set()
        listed = self._keywords()
        return [one for one in listed if one.python not in taken and not (model and one.python == "body")]

    def _keywords(self) -> list[Argument]:
        body = (
            [Argument.of(self.body, "body", "The request body.", self.codec)] if self.body is not None else []
        )
        return body + [
            Argument.of(prop, prop.name.get_untrusted_value(), metadata.description, self.codec)
            for metadata, prop in self.parameters()
        ]

    @property
    def signature(self) -> str:
        """The parameters of the coroutine: path parameters by position, the others by keyword."""
        positional = [
            f"{prop.name.get_untrusted_value()}: {self.codec.annotation(prop)}"
            for prop in self.endpoint.path_parameters
        ]
        keywords = self._keywords()
        star = ["*"] if keywords else []
        return ", ".join(["client: Caller", *positional, *star, *(one.declared() for one in keywords)])

    @property
    def imports(self) -> list[str]:
        """The imports of models."""
        props = [prop for _, prop in self.parameters()]
        props += [*self.endpoint.path_parameters, *(one.prop for one in self.successes())]
        props += [self.body] if self.body is not None else []
        names = {str(leaf.class_info.name) for prop in props for leaf in self.models.leaves(prop)}
        names |= {self.body_fields} if self.body_fields else set()
        return [f"from ...models import {', '.join(sorted(names))}"] if names else []

    def successes(self) -> list[Response]:
        """Return the success responses, those with a body first."""
        responses = [*self.endpoint.responses]
        return sorted(responses, key=lambda one: one.source["attribute"] == "None")

    @property
    def returns(self) -> str:
        """The return annotation of the coroutine."""
        return union(map(self._kind, self.successes()), nullable=False)

    def _kind(self, response: Response) -> str:
        source = response.source["attribute"]
        if source == "response.json()":
            return self.codec.annotation(response.prop)
        return _READERS[source][0] if source in _READERS else "None"

    @property
    def functions(self) -> list[str]:
        """The functions that decode unions."""
        return self.codec.written() if self.parse_lines else []

    @property
    def parse_lines(self) -> list[str]:
        """The statements that decode a 2xx response; an undocumented status is decoded like the first one."""
        known = self.successes()
        lines: list[str] = []
        for one in known[1:]:
            if one.status_code.range is not None:
                low, high = one.status_code.range
                test = f"== {low}" if low == high else f"in range({low}, {high + 1})"
                lines += [f"if reply.status_code {test}:", *(f"    {line}" for line in self._read_lines(one))]
        return [*lines, *(self._read_lines(known[0]) if known else ["return None"])]

    def _read_lines(self, response: Response) -> list[str]:
        source = response.source["attribute"]
        if source != "response.json()":
            return [f"return {_READERS[source][1]}" if source in _READERS else "return None"]
        code = self.codec.decode(response.prop, "body", self.function)
        if len(re.findall(r"\bbody\b", code)) == 1:
            return ["return " + re.sub(r"\bbody\b", "reply.json()", code)]
        return ["body = reply.json()", f"return {code}"]

    @property
    def call_lines(self) -> list[str]:
        """The statements of the coroutine."""
        return RequestCode(self.endpoint, self.metadata, self.codec, self.body, self.parameters()).lines()
