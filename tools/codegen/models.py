"""The models of a document, and their import cycles."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from attrs import evolve, field, frozen
from openapi_python_client.parser.properties import LiteralEnumProperty, ModelProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol
from openapi_python_client.parser.properties.union import UnionProperty

from tools.codegen.codec import Codec, is_mapping
from tools.normalize.metadata import Attribute, SchemaMetadata

Named = ModelProperty | LiteralEnumProperty


@frozen
class Models:
    """The models by class name."""

    named: dict[str, ModelProperty]
    metadata: SchemaMetadata
    secrets: frozenset[str]
    cycles: dict[str, int] = field(factory=dict)
    inputs: frozenset[str] = frozenset()
    request_only: frozenset[str] = frozenset()
    closed_enums: frozenset[str] = frozenset()

    @classmethod
    def of(cls, models: Iterable[ModelProperty], metadata: SchemaMetadata, secrets: Iterable[str]) -> Models:
        """Index the models, and find import cycles."""
        named = {str(model.class_info.name): model for model in models}
        attributes = [one for known in metadata.attributes.values() for one in known.values()]
        passwords = [one.wire for one in attributes if one.format == "password"]
        made = cls(named, metadata, frozenset(map(_folded, [*secrets, *passwords])))
        graph = {name: set(made.neighbours(model)) for name, model in named.items()}
        return evolve(made, cycles=_cycles(graph))

    def used_in(self, requests: Iterable[PropertyProtocol], responses: Iterable[PropertyProtocol]) -> Models:
        """Return a copy that knows which models are inputs, and which models and enums only occur in requests.

        In a request an unknown value, or null against the document, is a mistake; in a response it is for us to bear.
        """
        sent, received = frozenset(self._reachable(requests)), frozenset(self._reachable(responses))
        models = frozenset(self.named)
        return evolve(
            self,
            inputs=sent & models,
            request_only=(sent - received) & models,
            closed_enums=sent - received - models,
        )

    def _reachable(self, props: Iterable[PropertyProtocol]) -> set[str]:
        found: set[str] = set()
        stack = [leaf for prop in props for leaf in self.leaves(prop)]
        while stack:
            leaf = stack.pop()
            name = str(leaf.class_info.name)
            if name in found:
                continue
            found.add(name)
            if isinstance(leaf, ModelProperty):
                model = self.resolve(leaf)
                extra = model.additional_properties
                inner = [*self.properties(model), *([extra] if extra else [])]
                stack += [each for prop in inner for each in self.leaves(prop)]
        return found

    def resolve(self, model: ModelProperty) -> ModelProperty:
        """Return the model with its properties: a forward reference has none yet."""
        return self.named.get(str(model.class_info.name), model)

    def attribute(self, model: ModelProperty, prop: PropertyProtocol) -> Attribute:
        """Return a property as the document spells it."""
        return self.metadata.attributes[str(model.class_info.name)][str(prop.python_name)]

    def is_secret(self, wire: str) -> bool:
        """Whether a property of this name holds a secret."""
        return _folded(wire) in self.secrets

    def leaves(self, prop: PropertyProtocol) -> Iterator[Named]:
        """Yield the classes that a property refers to."""
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
        """Return the required properties, then the optional ones, as attrs needs them."""
        return [*(model.required_properties or []), *(model.optional_properties or [])]

    def neighbours(self, model: ModelProperty) -> dict[str, str]:
        """Map the classes that a model refers to to their modules."""
        props = self.properties(model)
        extra = model.additional_properties
        found = [leaf for prop in [*props, *([extra] if extra else [])] for leaf in self.leaves(prop)]
        return {str(leaf.class_info.name): str(leaf.class_info.module_name) for leaf in found}

    def codec(self, model: ModelProperty | None = None) -> Codec:
        """Return the codec for a module; a model refers to classes in an import cycle with it through their modules."""
        if model is None:
            return Codec(self.resolve, self.metadata.tags, self.closed_enums)
        own = str(model.class_info.name)

        def refer(name: str) -> str:
            return f"_{name}Module.{name}" if name != own and self._in_cycle(own, name) else name

        return Codec(self.resolve, self.metadata.tags, self.closed_enums, refer)

    def imports(self, model: ModelProperty, with_fields: bool) -> list[str]:
        """Return the imports of other models; in an import cycle only modules can be imported."""
        own = str(model.class_info.name)
        return [
            f"from . import {module} as _{name}Module"
            if self._in_cycle(own, name)
            else f"from .{module} import {name}"
            + (f", {name}Fields" if with_fields and name in self.inputs else "")
            for name, module in sorted(self.neighbours(model).items())
            if name != own
        ]

    def _in_cycle(self, one: str, other: str) -> bool:
        return one in self.cycles and self.cycles.get(other) == self.cycles[one]


def _folded(name: str) -> str:
    return re.sub(r"[-_]", "", name).lower()


def _cycles(graph: dict[str, set[str]]) -> dict[str, int]:
    """Number the groups of classes that reach each other; other classes are omitted."""
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
