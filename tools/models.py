"""All models of a document: which name which, and in which circles they import each other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from attrs import evolve, field, frozen
from openapi_python_client.parser.properties import LiteralEnumProperty, ModelProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol
from openapi_python_client.parser.properties.union import UnionProperty

from tools.codec import Codec, is_mapping
from tools.facts import Attribute, SchemaFacts

Named = ModelProperty | LiteralEnumProperty


@frozen
class Models:
    """The models by class name."""

    named: dict[str, ModelProperty]
    facts: SchemaFacts
    secrets: frozenset[str]
    circles: dict[str, int] = field(factory=dict)

    @classmethod
    def of(cls, models: Iterable[ModelProperty], facts: SchemaFacts, secrets: Iterable[str]) -> Models:
        """Index the models, and find which import each other in circles."""
        named = {str(model.class_info.name): model for model in models}
        made = cls(named, facts, frozenset(map(_folded, secrets)))
        graph = {name: set(made.neighbours(model)) for name, model in named.items()}
        return evolve(made, circles=_circles(graph))

    def resolve(self, model: ModelProperty) -> ModelProperty:
        """Give the model with its properties: a reference to one that came later has none yet."""
        return self.named.get(str(model.class_info.name), model)

    def attribute(self, model: ModelProperty, prop: PropertyProtocol) -> Attribute:
        """Give a property as the document spells it."""
        return self.facts.attributes[str(model.class_info.name)][str(prop.python_name)]

    def is_secret(self, wire: str, kind: str) -> bool:
        """Whether the value of a property of this name and format must not be shown."""
        return kind == "password" or _folded(wire) in self.secrets

    def leaves(self, prop: PropertyProtocol) -> Iterator[Named]:
        """Give the classes that a property's code names."""
        if isinstance(prop, UnionProperty):
            for inner in prop.inner_properties:
                yield from self.leaves(inner)
        elif isinstance(prop, ListProperty):
            yield from self.leaves(prop.inner_property)
        elif isinstance(prop, ModelProperty):
            model = self.resolve(prop)
            if not is_mapping(model):
                yield model
            elif model.additional_properties is not None:
                yield from self.leaves(model.additional_properties)
        elif isinstance(prop, LiteralEnumProperty):
            yield prop

    def properties(self, model: ModelProperty) -> list[PropertyProtocol]:
        """List the required properties, then the optional ones, as attrs wants them."""
        return [*(model.required_properties or []), *(model.optional_properties or [])]

    def neighbours(self, model: ModelProperty) -> dict[str, str]:
        """Map the classes that a model's code names to their modules."""
        props = self.properties(model)
        extra = model.additional_properties
        found = [leaf for prop in [*props, *([extra] if extra else [])] for leaf in self.leaves(prop)]
        return {str(leaf.class_info.name): str(leaf.class_info.module_name) for leaf in found}

    def codec(self, model: ModelProperty | None = None) -> Codec:
        """Make the codec for a module; in a model's own, classes in a circle with it go by their module's name."""
        if model is None:
            return Codec(self.resolve, self.facts.tags)
        own = str(model.class_info.name)

        def refer(name: str) -> str:
            return f"_{name}Module.{name}" if name != own and self._in_circle(own, name) else name

        return Codec(self.resolve, self.facts.tags, refer)

    def imports(self, model: ModelProperty) -> list[str]:
        """Write the imports of other models; in a circle only a module can be had before it is complete."""
        own = str(model.class_info.name)
        return [
            f"from . import {module} as _{name}Module"
            if self._in_circle(own, name)
            else f"from .{module} import {name}"
            for name, module in sorted(self.neighbours(model).items())
            if name != own
        ]

    def _in_circle(self, one: str, other: str) -> bool:
        return one in self.circles and self.circles.get(other) == self.circles[one]


def _folded(name: str) -> str:
    return re.sub(r"[-_]", "", name).casefold()


def _circles(graph: dict[str, set[str]]) -> dict[str, int]:
    """Number the groups of classes that reach each other; classes in no circle are left out."""
    reach: dict[str, set[str]] = {}
    for start in graph:
        seen: set[str] = set()
        stack = [start]
        while stack:
            fresh = graph.get(stack.pop(), set()) - seen
            seen |= fresh
            stack.extend(fresh)
        reach[start] = seen
    groups: dict[str, int] = {}
    for number, name in enumerate(graph):
        members = {other for other in reach[name] if name in reach.get(other, ())} | {name}
        if name not in groups and len(members) > 1:
            groups.update(dict.fromkeys(members, number))
    return groups
