"""Python code for a property: its annotation, and the expressions that decode and encode its value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import cast

from attrs import field, frozen
from openapi_python_client.parser.properties import AnyProperty, LiteralEnumProperty, ModelProperty
from openapi_python_client.parser.properties.boolean import BooleanProperty
from openapi_python_client.parser.properties.const import ConstProperty
from openapi_python_client.parser.properties.date import DateProperty
from openapi_python_client.parser.properties.datetime import DateTimeProperty
from openapi_python_client.parser.properties.file import FileProperty
from openapi_python_client.parser.properties.float import FloatProperty
from openapi_python_client.parser.properties.int import IntProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.none import NoneProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol
from openapi_python_client.parser.properties.string import StringProperty
from openapi_python_client.parser.properties.union import UnionProperty
from openapi_python_client.parser.properties.uuid import UuidProperty

from tools.codegen.literals import literal
from tools.normalize.metadata import Tag

# Property class -> annotation, decoder in decoding.py, encoder, in which "{}" is the value. A date may be text: files
# and databases hold it so.
_SCALARS: dict[type, tuple[str, str, str]] = {
    StringProperty: ("str", "as_str", "{}"),
    IntProperty: ("int", "as_int", "{}"),
    FloatProperty: ("float", "as_float", "{}"),
    BooleanProperty: ("bool", "as_bool", "{}"),
    NoneProperty: ("None", "as_none", "{}"),
    FileProperty: ("FileContent", "as_file", "{}"),
    DateTimeProperty: ("_dt.datetime", "as_datetime", "plain({})"),
    DateProperty: ("_dt.date", "as_date", "plain({})"),
    UuidProperty: ("_uuid.UUID", "as_uuid", "str({})"),
}


def is_mapping(prop: PropertyProtocol) -> bool:
    """Whether it is an object without properties, which is typed as a Mapping."""
    return isinstance(prop, ModelProperty) and not prop.required_properties and not prop.optional_properties


def split_null(prop: PropertyProtocol) -> tuple[list[PropertyProtocol], bool]:
    """Return the alternatives other than null, and whether null is allowed."""
    inner = prop.inner_properties if isinstance(prop, UnionProperty) else [prop]
    others = [one for one in inner if not isinstance(one, NoneProperty)]
    return others, len(others) < len(inner) or isinstance(prop, AnyProperty)


def union(kinds: Iterable[str], nullable: bool) -> str:
    """Return the annotation of a union without duplicates, None last."""
    distinct = list(dict.fromkeys(kinds))
    if "object" in distinct:
        return "object"
    named = [kind for kind in distinct if kind != "None"]
    return " | ".join([*named, *(["None"] if nullable or len(named) < len(distinct) or not named else [])])


@frozen
class Codec:
    """Generates code for one module; `refer` returns the name by which the module refers to a class.

    Unions get functions of their own, collected in `functions` as name by code: both type checkers need a declared
    return type to see all alternatives.
    """

    resolve: Callable[[ModelProperty], ModelProperty]
    tags: Mapping[tuple[str, tuple[str, ...]], Tag]
    closed_enums: frozenset[str]
    refer: Callable[[str], str] = str
    functions: dict[str, str] = field(factory=dict)

    def annotation(self, prop: PropertyProtocol) -> str:
        """Return the annotation of a value that is present; an object that fits no alternative stays as it is."""
        kind = _SCALARS[type(prop)][0] if type(prop) in _SCALARS else "object"
        if isinstance(prop, UnionProperty):
            others, nullable = split_null(prop)
            kind = union([*map(self.annotation, others), *self._leftover(others)], nullable)
        elif isinstance(prop, ListProperty):
            kind = f"list[{self.annotation(prop.inner_property)}]"
        elif isinstance(prop, LiteralEnumProperty):
            kind = self.refer(prop.class_info.name)
        elif isinstance(prop, ConstProperty):
            # Open to values added later, like an enum.
            kind = f"Literal[{literal(_constant(prop))}] | {type(_constant(prop)).__name__}"
        elif isinstance(prop, ModelProperty):
            model = self.resolve(prop)
            kind = self.refer(model.class_info.name)
            if is_mapping(model):
                kind = f"Mapping[str, {self.extras(model)}]"
        return kind

    def accepted(self, prop: PropertyProtocol) -> str:
        """Return the annotation of a value given by a caller, who may pass a mapping in place of a model."""
        if isinstance(prop, UnionProperty):
            others, nullable = split_null(prop)
            if len(others) == 1:
                return union([self.accepted(others[0])], nullable)
            kinds = [self.accepted(one) if self._is_class(one) else self.annotation(one) for one in others]
            kinds += self._leftover(others)
            return self.annotation(prop) if self.build(prop, "value") == "value" else union(kinds, nullable)
        if self.build(prop, "value") == "value":
            return self.annotation(prop)
        if isinstance(prop, ListProperty):
            return f"Sequence[{self.accepted(prop.inner_property)}]"
        if isinstance(prop, ModelProperty) and is_mapping(model := self.resolve(prop)):
            return f"Mapping[str, {self.accepted(cast('PropertyProtocol', model.additional_properties))}]"
        return f"{self.annotation(prop)} | {self.annotation(prop)}Fields"

    def build(self, prop: PropertyProtocol, value: str) -> str:
        """Return an expression that replaces mappings by models; `value` itself if there are no models."""
        if isinstance(prop, UnionProperty):
            others, nullable = split_null(prop)
            inner = self.build(others[0], value) if len(others) == 1 else self._build_union(others, value)
            return f"{value} if {value} is None else {inner}" if nullable and inner != value else inner
        if isinstance(prop, ListProperty):
            inner = self.build(prop.inner_property, "item")
            return value if inner == "item" else f"[{inner} for item in {value}]"
        if self._is_class(prop):
            return f"build({value}, {self.annotation(prop)})"
        if isinstance(prop, ModelProperty):
            extra = self.resolve(prop).additional_properties
            inner = "item" if extra is None else self.build(extra, "item")
            return value if inner == "item" else f"{{key: {inner} for key, item in {value}.items()}}"
        return value

    def _build_union(self, choices: list[PropertyProtocol], value: str) -> str:
        models = [self.annotation(one) for one in choices if self._is_class(one)]
        others = [one for one in choices if not self._is_class(one)]
        if not models or any(isinstance(one, ModelProperty | AnyProperty) for one in others):
            return value
        kinds = literal(union([*map(self.annotation, choices), *self._leftover(choices)], nullable=False))
        return f"cast({kinds}, {'build_if_mapping' if others else 'build_any'}({value}, {', '.join(models)}))"

    def _leftover(self, choices: list[PropertyProtocol]) -> list[str]:
        return ["UnknownObject"] if len(choices) > 1 and any(map(self._is_class, choices)) else []

    def _is_class(self, prop: PropertyProtocol) -> bool:
        return isinstance(prop, ModelProperty) and not is_mapping(self.resolve(prop))

    def extras(self, model: ModelProperty) -> str:
        """Return the annotation of a model's additional properties."""
        extra = model.additional_properties
        return "object" if extra is None else self.annotation(extra)

    def decode(self, prop: PropertyProtocol, value: str, place: str) -> str:
        """Return an expression that checks and converts the variable `value`; if it can be anything, `value` itself."""
        decoder = _SCALARS[type(prop)][1] if type(prop) in _SCALARS else ""
        code = value
        if isinstance(prop, UnionProperty):
            code = self._decode_union(prop, value, place)
        elif isinstance(prop, ListProperty):
            item = f"{value}_item"
            inner = self.decode(prop.inner_property, item, f"{place}[]")
            source = f"as_list({value}, {literal(place)})"
            code = source if inner == item else f"[{inner} for {item} in {source}]"
        elif isinstance(prop, LiteralEnumProperty):
            decoder = f"as_{prop.value_type.__name__}"
            if prop.class_info.name in self.closed_enums:
                kind = self.refer(prop.class_info.name)
                return f"cast({literal(kind)}, {decoder}({value}, {literal(place)}))"
            if len(prop.values) == 1:
                return self._constant(decoder, value, place, next(iter(prop.values)))
        elif isinstance(prop, ConstProperty):
            known = _constant(prop)
            return self._constant(f"as_{type(known).__name__}", value, place, known)
        elif isinstance(prop, ModelProperty):
            model = self.resolve(prop)
            code = f"{self.refer(model.class_info.name)}.from_dict({value})"
            if is_mapping(model):
                code = self._decode_mapping(model, value, place)
        if decoder == "as_none":
            return f'cast("None", as_none({value}, {literal(place)}))'
        return f"{decoder}({value}, {literal(place)})" if decoder else code

    def _constant(self, decoder: str, value: str, place: str, known: object) -> str:
        return f"as_const({decoder}({value}, {literal(place)}), {literal(known)}, {literal(place)})"

    def _decode_mapping(self, model: ModelProperty, value: str, place: str) -> str:
        source, item = f"as_object({value}, {literal(place)})", f"{value}_item"
        extra = model.additional_properties
        inner = item if extra is None else self.decode(extra, item, f"{place}.*")
        return source if inner == item else f"{{key: {inner} for key, {item} in {source}.items()}}"

    def _decode_union(self, prop: UnionProperty, value: str, place: str) -> str:
        others, nullable = split_null(prop)
        if not others:
            return f'cast("None", as_none({value}, {literal(place)}))'
        if len(others) == 1:
            inner = self.decode(others[0], value, place)
        else:
            inner = f"{self._alternatives(others, place, _marker(prop))}({value})"
        return f"None if {absence(prop, value)} else {inner}" if nullable else inner

    def _alternatives(self, choices: list[PropertyProtocol], place: str, marker: str) -> str:
        kind = union([*map(self.annotation, choices), *self._leftover(choices)], nullable=False)
        decoder = f"Callable[[object], {kind}]"
        lines: list[str] = []
        named = {
            str(one.class_info.name): one
            for one in choices
            if isinstance(one, ModelProperty | LiteralEnumProperty)
        }
        match = "best_match" if self._leftover(choices) else "first_match"
        classes = tuple(
            str(one.class_info.name)
            for one in choices
            if isinstance(one, ModelProperty) and self._is_class(one)
        )
        tag = self.tags.get((marker, classes))
        if tag is None:
            decoders = ", ".join(self._decoder(one, place) for one in choices)
            lines.append(f"    decoders: tuple[{decoder}, ...] = ({decoders},)")
            lines.append(f"    return {match}(data, {literal(place)}, decoders)")
        else:
            tagged = ", ".join(
                f"{literal(word)}: {self._decoder(named[name], place)}" for word, name in tag.classes.items()
            )
            lines.append(f"    tagged: dict[str, {decoder}] = {{{tagged}}}")
            known = f"data, {literal(place)}, {literal(tag.wire)}, tagged"
            others = [
                self._decoder(one, place)
                for one in choices
                if not (isinstance(one, ModelProperty) and str(one.class_info.name) in tag.ruled_out)
            ]
            lines.append(f"    return by_tag({known}, ({''.join(f'{one}, ' for one in others)}))")
        # The same code gets the same function.
        body = "\n".join([f"(data: object) -> {kind}:", *lines])
        return self.functions.setdefault(body, f"_alternative_{len(self.functions) + 1}")

    def written(self) -> list[str]:
        """Return the functions that the generated expressions call."""
        return [f"def {name}{body}" for body, name in self.functions.items()]

    def _decoder(self, prop: PropertyProtocol, place: str) -> str:
        code = self.decode(prop, "value", place)
        return code.removesuffix("(value)") if code.endswith(".from_dict(value)") else f"lambda value: {code}"

    def encode(self, prop: PropertyProtocol, value: str) -> str:
        """Return an expression that converts to what JSON can hold; `value` itself if nothing changes."""
        code = _SCALARS[type(prop)][2].format(value) if type(prop) in _SCALARS else value
        if isinstance(prop, UnionProperty):
            others, nullable = split_null(prop)
            if all(self.encode(one, "value") == "value" for one in others):
                code = value
            elif len(others) > 1:
                code = f"plain({value})"
            else:
                inner = self.encode(others[0], value)
                code = f"None if {value} is None else {inner}" if nullable else inner
        elif isinstance(prop, ListProperty):
            inner = self.encode(prop.inner_property, "item")
            code = value if inner == "item" else f"[{inner} for item in {value}]"
        elif isinstance(prop, ModelProperty):
            model = self.resolve(prop)
            code = self.encode_mapping(model, value) if is_mapping(model) else f"{value}.to_dict()"
        return code

    def encode_mapping(self, model: ModelProperty, value: str) -> str:
        """Return an expression that copies a mapping into a dict."""
        extra = model.additional_properties
        inner = "item" if extra is None else self.encode(extra, "item")
        return f"dict({value})" if inner == "item" else f"{{key: {inner} for key, item in {value}.items()}}"


def absence(prop: PropertyProtocol, value: str) -> str:
    """Return the condition under which a decoded value counts as missing: null, and for a time an empty string."""
    others, _ = split_null(prop)
    times = all(isinstance(one, DateTimeProperty | DateProperty) for one in others)
    return f'{value} is None or {value} == ""' if times else f"{value} is None"


def _marker(prop: UnionProperty) -> str:
    """Return the mark of the union's discriminator."""
    return prop.description.get_untrusted_value() if prop.description is not None else ""


def _constant(prop: ConstProperty) -> object:
    return prop.value.raw_value
