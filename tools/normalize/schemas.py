"""Rewrites schemas into a form from which openapi-python-client drops nothing, with the same meaning on the wire.

Every object with properties and every enum becomes a component; at the place of use remains a type, an array,
a reference or a union of these.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from attrs import field, frozen

from tools.normalize.cyclic_references import CyclicReferences, pending
from tools.normalize.enums import plain_values
from tools.normalize.metadata import Attribute, SchemaMetadata
from tools.normalize.names import Names, attributes, class_name
from tools.normalize.request_or_response import Usage
from tools.normalize.schema_forms import (
    FILE,
    NULL,
    described,
    has_alternatives,
    implied_type,
    is_binary,
    is_model,
    last_word,
    nullable,
    reference_to,
    text_of,
    union_of,
)
from tools.normalize.tags import Discriminators
from tools.openapi.all_of import Merger, says_something, types_of
from tools.openapi.document import Document, Node, as_node, as_nodes, pointer
from tools.openapi.remarks import Remarks


@frozen
class Schemas:
    """Normalizes schemas, and collects the components they become."""

    document: Document
    names: Names
    remarks: Remarks
    merger: Merger
    usage: Usage
    references: CyclicReferences
    families: dict[str, tuple[Node, list[str]]]
    metadata: SchemaMetadata = field(factory=SchemaMetadata)
    discriminators: Discriminators = field(factory=Discriminators)
    _class_of: dict[str, str] = field(factory=dict)
    _merging: dict[str, str] = field(factory=dict[str, str])
    _inline: dict[int, tuple[Node, Node]] = field(factory=dict)

    @classmethod
    def of(cls, document: Document, names: Names, given: Mapping[str, str], remarks: Remarks) -> Schemas:
        """Normalize the document's components; `given` are class names from the names file.

        They take precedence over names derived from components, and those over names of inline schemas.
        """
        references = CyclicReferences({}, remarks)
        usage, families = Usage.of(document), document.families
        made = cls(document, names, remarks, Merger(document, remarks), usage, references, families)
        refs = [
            f"#{pointer('/components/schemas', name)}"
            for name in as_node(as_node(document.data.get("components")).get("schemas"))
        ]
        for ref in refs:
            if last_word(ref) in given:
                made._class_of[ref] = names.reserve_class(given[last_word(ref)])
        for ref in refs:
            made._class_of[ref] = made._class_of.get(ref) or names.new_class(last_word(ref))
        for ref in refs:
            made.reference(ref, ref)
        references.resolve_components()
        return made

    @property
    def classes(self) -> dict[str, str]:
        """The class of each component."""
        prefix = "#/components/schemas/"
        return {last_word(ref): name for ref, name in self._class_of.items() if ref.startswith(prefix)}

    def plain(self, raw: object, hint: str, place: str) -> Node:
        """Normalize one schema; `hint` is the name of the class it may become."""
        if not isinstance(raw, dict):
            return {}
        if id(raw) in self._inline:
            return self._inline[id(raw)][1]
        has_parts = "allOf" in raw or ("$ref" in raw and len(raw) > 1)
        plain = self._merged(raw, hint, place) if has_parts else self._plain(raw, hint, place)
        # Keeping the schema alive keeps its id() from being reused.
        self._inline[id(raw)] = (raw, plain)
        return plain

    def _merged(self, raw: Node, hint: str, place: str) -> Node:
        """Normalize a schema with parts, in which a part may hold the same schema again."""
        content = json.dumps(raw, sort_keys=True)
        if content in self._merging:
            return pending(self._merging[content])
        self._merging[content] = place
        self.references.done[place] = None
        plain = self.references.done[place] = self._plain(raw, hint, place)
        del self._merging[content]
        return plain

    def _plain(self, raw: Node, hint: str, place: str) -> Node:
        schema, may_be_null = self.merger.flatten(raw, place)
        file = self.usage.is_form_field(raw) and is_binary(schema)
        plain = dict(FILE) if file else self._shape(_without_bare_alternatives(schema), hint, place)
        return nullable(plain) if may_be_null else plain

    def reference(self, ref: str, place: str) -> Node:
        """Normalize a referenced schema, once."""
        if ref in self.references.done:
            # Being normalized: the placeholder is replaced at the end.
            return pending(ref) if self.references.done[ref] is None else self.references.done[ref] or {}
        self.references.done[ref] = None
        target = self.document.find(ref)
        if ref not in self._class_of and isinstance(target, dict) and set(target) == {"$ref"}:
            plain = self.references.done[ref] = self.reference(str(target["$ref"]), place)
            return plain
        raw = self.document.follow({"$ref": ref})
        schema, may_be_null = self.merger.flatten(raw, ref)
        schema = _without_bare_alternatives(schema)
        name = self._class_of.get(ref) or last_word(ref)
        if is_model(schema):
            # Registered before its properties are normalized, which may refer back to it.
            name = self._class_of.get(ref) or self.names.new_class(name)
            self._class_of[ref] = name
            plain = self._with_children(ref, name)
            self.references.done[ref] = nullable(plain) if may_be_null else plain
            self._model(name, schema, ref)
        else:
            plain = self._shape(schema, name, ref, named=ref in self._class_of)
        self.references.done[ref] = nullable(plain) if may_be_null else plain
        return self.references.done[ref] or {}

    def _with_children(self, ref: str, name: str) -> Node:
        """Return the union of a schema with those that extend it, if its discriminator tells them apart."""
        own = reference_to(name)
        if ref not in self.families:
            return own
        rule, children = self.families[ref]
        plains = [self.reference(child, child) for child in children]
        return self.discriminators.mark({"oneOf": [*plains, own]}, rule, base=name)

    def _inherited(self, variants: list[Node]) -> Node:
        """Return the discriminator of the schema that all of these extend or are, if there is one."""
        refs = {str(one.get("$ref")) for one in variants if types_of(one) != ([], True)}
        return next(
            (rule for parent, (rule, children) in self.families.items() if refs <= {parent, *children}), {}
        )

    def _shape(self, schema: Node, hint: str, place: str, named: bool = False) -> Node:
        if isinstance(schema.get("$ref"), str):
            return self.reference(str(schema["$ref"]), place)
        if has_alternatives(schema):
            return self._alternatives(schema, hint, place)
        if "const" in schema or schema.get("enum"):
            found = plain_values(schema, place, self.remarks)
            if found:
                return self._values(found, schema, hint, named)
            schema = {key: value for key, value in schema.items() if key not in {"const", "enum"}}
        return self._basic(schema, hint, place)

    def _basic(self, schema: Node, hint: str, place: str) -> Node:
        types, _ = types_of(schema)
        if len(types) > 1:
            return union_of([self._basic({**schema, "type": [one]}, hint, place) for one in types])
        kind = types[0] if types else implied_type(schema)
        if kind == "object":
            return self._object(schema, hint, place)
        if kind == "array":
            return self._array(schema, hint, place)
        if kind == "string":
            return text_of(schema)
        if kind in {"integer", "number", "boolean", "null"}:
            return {"type": kind}
        if kind != "":
            self.remarks.add(place, "the type {!r} is not a JSON type, typed as object", kind)
        return NULL if schema.get("type") == ["null"] else {}

    def _values(self, found: Node, schema: Node, hint: str, named: bool) -> Node:
        values = found.get("enum")
        if "enum" not in found and "oneOf" not in found:
            return found
        if isinstance(values, list) and len(values) == 1 and not named:
            return {"const": values[0]}
        if isinstance(values, list):
            name = hint if named else self.names.new_class(hint)
            self.references.components[name] = {**found, **described(schema)}
            return reference_to(name)
        return union_of(
            [self._values(one, schema, hint, named=False) for one in as_nodes(found.get("oneOf"))]
        )

    def _array(self, schema: Node, hint: str, place: str) -> Node:
        given = [*as_nodes(schema.get("prefixItems")), *as_nodes([schema.get("items")])]
        if not given:
            return {"type": "array", "items": {}}
        inner = [self.plain(one, f"{hint}Item", pointer(place, "items")) for one in given]
        # Items after prefixItems may be anything, unless `items` restricts them.
        loose = "prefixItems" in schema and "items" not in schema
        return {"type": "array", "items": {} if loose else union_of(inner)}

    def _object(self, schema: Node, hint: str, place: str) -> Node:
        if is_model(schema):
            name = self.names.new_class(hint)
            self._model(name, schema, place)
            return reference_to(name)
        values = schema.get("additionalProperties")
        patterns = list(as_node(schema.get("patternProperties")).values())
        if len(patterns) == 1 and not isinstance(values, dict):
            values = patterns[0]
        plain = self.plain(values, f"{hint}Value", pointer(place, "additionalProperties"))
        return self._mapping(plain)

    def _mapping(self, values: Node) -> Node:
        """Return the component shared by all mappings to these values; without properties it gets no class."""
        body: Node = {"type": "object", **({"additionalProperties": values} if values else {})}
        for name, known in self.references.components.items():
            if known == body:
                return reference_to(name)
        name = self.names.new_class("MappingOf" + json.dumps(values))
        self.references.components[name] = body
        return reference_to(name)

    def _model(self, name: str, schema: Node, place: str) -> None:
        self.references.components[name] = {}
        properties = as_node(schema.get("properties"))
        stated = schema.get("required")
        required = set(map(str, stated)) if isinstance(stated, list) else set()
        attribute_names = attributes(properties)
        plain: dict[str, Node] = {}
        known: dict[str, Attribute] = {}
        for attribute, wire in attribute_names.items():
            raw = as_node(properties[wire])
            plain[attribute] = self.plain(
                properties[wire], f"{name}{class_name(wire)}", pointer(f"{place}/properties", wire)
            )
            known[attribute] = Attribute(wire, self._words(raw), str(self.document.follow(raw).get("format")))
            if self.usage.one_way(raw):
                required.discard(wire)
        extra = schema.get("additionalProperties")
        values = self.plain(extra, f"{name}Value", pointer(place, "additionalProperties")) if extra else {}
        self.metadata.attributes[name] = known
        self.references.components[name] = {
            "type": "object",
            "properties": plain,
            "required": [attribute for attribute, wire in attribute_names.items() if wire in required],
            **({"additionalProperties": values} if values else {}),
            **described(schema),
        }

    def _words(self, raw: Node) -> str:
        followed = self.document.follow(raw)
        words = str(
            raw.get("description") or followed.get("description") or followed.get("title") or ""
        ).strip()
        return f"{words}\n\nDeprecated.".strip() if raw.get("deprecated") is True else words

    def _alternatives(self, schema: Node, hint: str, place: str) -> Node:
        key = "oneOf" if as_nodes(schema.get("oneOf")) else "anyOf"
        base = {
            name: value
            for name, value in schema.items()
            if name not in {key, "discriminator", "description", "title"}
        }
        if types_of(base)[0] == ["object"]:
            del base["type"]
        variants = as_nodes(schema[key])
        if says_something(base):
            variants = [{"allOf": [base, one]} for one in variants]
        plains = [
            self.plain(
                one,
                f"{hint}{class_name(str(one.get('title') or f'Type{number}'))}",
                f"{pointer(place, key)}/{number - 1}",
            )
            for number, one in enumerate(variants, 1)
        ]
        rule = schema.get("discriminator") or self._inherited(as_nodes(schema[key]))
        return self.discriminators.mark(union_of(plains), rule)

    def find_tags(self, data: object) -> None:
        """Find what tells the alternatives of unions apart, once all is normalized."""
        tags = self.discriminators.tags(
            [data, self.references.components], self.references.components, self.metadata, self._class_of
        )
        self.metadata.tags.update(tags)


def _without_bare_alternatives(schema: Node) -> Node:
    """Drop alternatives that only differ in what is required, which no type can express."""
    for key in ("oneOf", "anyOf"):
        variants = as_nodes(schema.get(key))
        base = {name: value for name, value in schema.items() if name not in {"oneOf", "anyOf"}}
        bare = all(
            not says_something(
                {name: one for name, one in variant.items() if name not in {"required", "type"}}
            )
            and types_of(variant)[0] in ([], ["object"])
            for variant in variants
        )
        if variants and bare and says_something(base):
            return {name: value for name, value in schema.items() if name != key}
    return schema
