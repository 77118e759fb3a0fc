"""What the operation template needs to know about one operation: its signature, request and reply code."""

from __future__ import annotations

import re

from attrs import frozen
from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import ModelProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol
from openapi_python_client.parser.responses import Response

from tools.codec import Codec, is_mapping, split_null, union
from tools.facts import OperationFacts, Parameter
from tools.models import Models
from tools.requests import RequestCode

_READERS = {"response.text": ("str", "reply.text()"), "response.content": ("bytes", "reply.content")}


@frozen
class Argument:
    """One keyword of an operation: a query, header or cookie parameter, or the body."""

    python: str
    annotation: str
    keyword_annotation: str
    description: str
    required: bool

    @classmethod
    def of(cls, prop: PropertyProtocol, python: str, description: str, codec: Codec) -> Argument:
        """Describe a property as a keyword."""
        kind = codec.annotation(prop)
        loose = kind if split_null(prop)[1] or kind == "object" else f"{kind} | None"
        keyword = f"Required[{kind}]" if prop.required else loose
        return cls(python, kind if prop.required else loose, keyword, description, prop.required)

    def declared(self) -> str:
        """Write it for a signature."""
        return f"{self.python}: {self.annotation}{'' if self.required else ' = None'}"


@frozen
class OperationCode:
    """The code of one operation: everything that depends on its parameters, body and responses."""

    endpoint: Endpoint
    facts: OperationFacts
    models: Models
    codec: Codec

    @classmethod
    def of(cls, endpoint: Endpoint, facts: OperationFacts, models: Models) -> OperationCode:
        """Prepare the code of an operation."""
        return cls(endpoint, facts, models, models.codec())

    @property
    def function(self) -> str:
        """Name the coroutine."""
        return self.facts.function

    @property
    def title(self) -> str:
        """Head the module."""
        return f"{self.facts.method} {self.facts.path}"

    @property
    def docstring(self) -> str:
        """Say what the document says of the operation."""
        parts = [self.endpoint.summary, self.endpoint.description]
        words = "\n\n".join(part.get_untrusted_value().strip() for part in parts if part)
        return words or f"Call {self.facts.method} {self.facts.path}."

    @property
    def body(self) -> PropertyProtocol | None:
        """Give the request's body, if it has one."""
        return self.endpoint.bodies[0].prop if self.endpoint.bodies else None

    @property
    def request_model(self) -> str:
        """Name the model of the body, "" where it is something else."""
        return self._model_name(self.body)

    @property
    def body_fields(self) -> str:
        """Name the keyword type of the body's properties, "" where it has none."""
        return f"{self.request_model}Fields" if self.request_model else ""

    @property
    def response_model(self) -> str:
        """Name the model of the reply, "" where it is something else or may be."""
        found = {self._model_name(one.prop) for one in self.successes()}
        return found.pop() if len(found) == 1 else ""

    def _model_name(self, prop: PropertyProtocol | None) -> str:
        model = self.models.resolve(prop) if isinstance(prop, ModelProperty) else None
        return "" if model is None or is_mapping(model) else str(model.class_info.name)

    def parameters(self) -> list[tuple[Parameter, PropertyProtocol]]:
        """List the parameters outside the path."""
        end = self.endpoint
        props = [*end.query_parameters, *end.header_parameters, *end.cookie_parameters]
        return [(self.facts.parameters[prop.name.get_untrusted_value()], prop) for prop in props]

    @property
    def arguments(self) -> list[Argument]:
        """List the keywords beside a body's properties; where names clash, the body has it."""
        model = self.models.named.get(self.request_model)
        taken = {str(prop.python_name) for prop in self.models.properties(model)} if model else set()
        listed = self._keywords()
        return [one for one in listed if one.python not in taken and not (model and one.python == "body")]

    def _keywords(self) -> list[Argument]:
        body = (
            [Argument.of(self.body, "body", "The request's body.", self.codec)]
            if self.body is not None
            else []
        )
        return body + [
            Argument.of(prop, prop.name.get_untrusted_value(), facts.description, self.codec)
            for facts, prop in self.parameters()
        ]

    @property
    def signature(self) -> str:
        """Write the parameters: path ids in the path's order, the rest by keyword."""
        positional = [
            f"{prop.name.get_untrusted_value()}: {self.codec.annotation(prop)}"
            for prop in self.endpoint.path_parameters
        ]
        keywords = self._keywords()
        star = ["*"] if keywords else []
        return ", ".join(["client: Caller", *positional, *star, *(one.declared() for one in keywords)])

    @property
    def imports(self) -> list[str]:
        """Write the imports of models."""
        props = [prop for _, prop in self.parameters()]
        props += [*self.endpoint.path_parameters, *(one.prop for one in self.successes())]
        props += [self.body] if self.body is not None else []
        names = {str(leaf.class_info.name) for prop in props for leaf in self.models.leaves(prop)}
        names |= {self.body_fields} if self.body_fields else set()
        return [f"from ...models import {', '.join(sorted(names))}"] if names else []

    def successes(self) -> list[Response]:
        """List the success responses: those with a body before those without."""
        responses = [*self.endpoint.responses]
        return sorted(responses, key=lambda one: one.source["attribute"] == "None")

    @property
    def returns(self) -> str:
        """Write the coroutine's return type."""
        return union(map(self._kind, self.successes()), nullable=False)

    def _kind(self, response: Response) -> str:
        source = response.source["attribute"]
        if source == "response.json()":
            return self.codec.annotation(response.prop)
        return _READERS[source][0] if source in _READERS else "None"

    @property
    def functions(self) -> list[str]:
        """List the functions that read alternatives."""
        return self.codec.written() if self.parse_lines else []

    @property
    def parse_lines(self) -> list[str]:
        """Write the statements that read a 2xx reply; a status the document lacks is read as the first one."""
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
        """Write the coroutine's statements."""
        return RequestCode(self.endpoint, self.facts, self.codec, self.body, self.parameters()).lines()
