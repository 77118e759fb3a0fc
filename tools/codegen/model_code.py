"""Data for the model template: the attributes of one model, and the code for each."""

from __future__ import annotations

from attrs import frozen
from openapi_python_client.parser.properties import AnyProperty, ModelProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol

from tools.codegen.codec import Codec, absence, is_mapping, split_null
from tools.codegen.literals import literal
from tools.codegen.models import Models

# Types that from_dict checks inline, for speed -> their name in errors.
_IN_PLACE = {"str": "a string", "bool": "a boolean"}

# Properties from which on it pays to look at all of them at once.
_MANY = 5


@frozen
class Field:
    """One attribute of a model.

    A `tracked` attribute is nullable and optional, a `hidden` one a secret of a scalar type. Both are stored under a
    private name and read through a property: so that null and absent differ on the wire while both read as None, and
    so that libraries that serialize the attributes of any class leave the secret out.
    """

    wire: str
    python: str
    description: str
    annotation: str
    keyword_annotation: str
    default: str
    tracked: bool
    hidden: bool
    secret: bool
    wrapped: bool
    from_text: str | None
    builder: str
    decode_lines: list[str]
    encode_lines: list[str]

    @property
    def local(self) -> str:
        """The variable that holds the decoded value."""
        return f"{self.python}_"

    @property
    def stored(self) -> str:
        """The attribute that stores the value."""
        return f"_{self.python}_" if self.private else self.python

    @property
    def private(self) -> bool:
        """Whether it is read through a property."""
        return self.tracked or self.hidden

    @property
    def declared(self) -> str:
        """The type that the attribute is declared with; a `wrapped` mapping shows its items to no serializer."""
        return self.annotation.replace("Mapping[", "_Opaque[", 1) if self.wrapped else self.annotation

    @property
    def revealed(self) -> str:
        """The expression for the value that is stored."""
        return f"_revealed(self.{self.stored})" if self.hidden else f"self.{self.stored}"

    @property
    def shown(self) -> str:
        """Its part of the f-string in `__repr__`."""
        value = f"self.{self.python}"
        return f"{self.python}={{masked({value})}}" if self.secret else f"{self.python}={{{value}!r}}"


@frozen
class ModelCode:
    """The code of one model, ready for the template."""

    name: str
    description: str
    fields: list[Field]
    imports: list[str]
    extras_annotation: str
    extras_decode: str
    extras_encode: str
    functions: list[str]
    is_input: bool
    is_reply: bool

    @classmethod
    def of(cls, model: ModelProperty, models: Models) -> ModelCode:
        """Generate the code of a model."""
        codec = models.codec(model)
        name = str(model.class_info.name)
        extra = model.additional_properties
        unknown = "extras(source, _KNOWN)"
        inner = "value" if extra is None else codec.decode(extra, "value", f"{name}.*")
        return cls(
            name=name,
            description=model.description.get_untrusted_value() if model.description else "",
            fields=[_field(models, model, prop, codec) for prop in models.properties(model)],
            imports=models.imports(model, with_fields=name in models.inputs),
            extras_annotation=codec.extras(model),
            extras_decode=unknown
            if inner == "value"
            else f"{{key: {inner} for key, value in {unknown}.items()}}",
            extras_encode=codec.encode_mapping(model, "self.additional_properties"),
            functions=codec.written(),
            is_input=name in models.inputs,
            is_reply=name not in models.request_only,
        )

    @property
    def has_private(self) -> bool:
        """Whether any attribute is stored under a private name, which its repr must not show."""
        return any(one.private for one in self.fields)

    @property
    def has_hidden(self) -> bool:
        """Whether any attribute is a secret of a scalar type."""
        return any(one.hidden for one in self.fields)

    @property
    def is_text(self) -> bool:
        """Whether replies have it and it is many strings, so that looking at all of them at once pays."""
        texts = [one.from_text for one in self.fields if one.from_text is not None]
        return self.is_reply and len(texts) == len(self.fields) >= _MANY

    @property
    def texts(self) -> list[str]:
        """The variables that hold the properties while they are strings."""
        return [f"{one.python}_text" for one in self.fields]

    @property
    def are_texts(self) -> str:
        """The condition under which `from_text` decodes: strings all, and none empty that is to be parsed."""
        strings = " is ".join(f"type({text})" for text in self.texts)
        parsed = [text for text, one in zip(self.texts, self.fields, strict=True) if one.from_text != text]
        return " and ".join([f"{strings} is str", *parsed])

    @property
    def wire_names(self) -> dict[str, str]:
        """The name on the wire by attribute."""
        return {one.python: one.wire for one in self.fields}


@frozen
class _Attribute:
    """A property with what its attribute and its keyword argument depend on."""

    prop: PropertyProtocol
    python: str
    annotation: str
    accepted: str
    tracked: bool
    secret: bool


def _field(models: Models, model: ModelProperty, prop: PropertyProtocol, codec: Codec) -> Field:
    attribute = models.attribute(model, prop)
    name = str(model.class_info.name)
    is_input = name in models.inputs
    python, place = str(prop.python_name), f"{name}.{attribute.wire}"
    _, nullable = split_null(prop)
    present = codec.annotation(prop)
    accepted = codec.accepted(prop) if is_input else present
    own = _Attribute(
        prop,
        python,
        annotation=_optional(present, prop, nullable),
        accepted=_optional(accepted, prop, nullable),
        tracked=nullable and not prop.required,
        secret=models.is_secret(attribute.wire),
    )
    wrapped = own.secret and _is_wrapped(own.prop, models)
    builder = _builder(own, codec) if is_input and codec.build(prop, "value") != "value" else ""
    return Field(
        wire=attribute.wire,
        python=python,
        description=attribute.description,
        annotation=own.annotation,
        keyword_annotation=f"Required[{accepted}]" if prop.required else own.accepted,
        default=_default(own, builder, wrapped=wrapped),
        builder=builder,
        tracked=own.tracked,
        hidden=own.secret and not wrapped,
        secret=own.secret,
        wrapped=wrapped,
        from_text=_from_text(own, codec, place),
        decode_lines=_decode_lines(
            prop, codec, attribute.wire, place, own.annotation, lenient=name not in models.request_only
        ),
        encode_lines=_encode_lines(prop, codec, python, attribute.wire, place, is_input=is_input),
    )


def _from_text(own: _Attribute, codec: Codec, place: str) -> str | None:
    """Return the expression that decodes a property known to be a string that is not empty; None for other types."""
    local, kind = f"{own.python}_text", codec.annotation(own.prop)
    if own.tracked or own.secret or kind not in ("str", "_dt.datetime"):
        return None
    return local if kind == "str" else codec.decode(own.prop, local, place)


def _optional(kind: str, prop: PropertyProtocol, nullable: bool) -> str:
    return kind if prop.required or nullable or kind == "object" else f"{kind} | None"


def _builder(own: _Attribute, codec: Codec) -> str:
    """Return the function that replaces mappings by models in a value given by a caller."""
    code = codec.build(own.prop, "value")
    if own.tracked:
        code = code.replace("value is None", "value is None or absent(value)", 1)
    elif not own.prop.required:
        code = f"value if value is None else {code}"
    return f"def _build_{own.python}(value: {own.accepted}) -> {own.annotation}:\n    return {code}"


def _is_wrapped(prop: PropertyProtocol, models: Models) -> bool:
    """Whether a secret is an object without declared properties, whose values a SecretMapping hides."""
    others, _ = split_null(prop)
    target = models.resolve(others[0]) if others and isinstance(others[0], ModelProperty) else None
    if target is None or len(others) > 1 or not is_mapping(target):
        return False
    return target.additional_properties is None or isinstance(target.additional_properties, AnyProperty)


def _default(own: _Attribute, builder: str, *, wrapped: bool) -> str:
    options = [] if own.prop.required else ["default=ABSENT" if own.tracked else "default=None"]
    if own.tracked or (own.secret and not wrapped):
        options.append(f"alias={literal(own.python)}")
    if wrapped:
        loose = "optional_" if split_null(own.prop)[1] or not own.prop.required else ""
        options.append(f"converter=_{loose}secret_mapping")
    if own.secret:
        options.append("repr=_masked")
    options += [f"converter=_build_{own.python}"] if builder else []
    if options and options != ["default=None"]:
        return f" = _field({', '.join(options)})"
    return "" if own.prop.required else " = None"


def _decode_lines(
    prop: PropertyProtocol, codec: Codec, wire: str, place: str, annotation: str, *, lenient: bool
) -> list[str]:
    """Return the statements that decode a property; `lenient`: null for a required one reads as None."""
    python = str(prop.python_name)
    local, raw, key = f"{python}_", f"{python}_raw", literal(wire)
    kind = codec.annotation(prop)
    lenient = lenient and prop.required and not split_null(prop)[1]
    if kind in _IN_PLACE and lenient:
        null = f"required_null(source, {key}, {literal(place)}, {literal(_IN_PLACE[kind])})"
        value = f"{raw} if isinstance({raw}, {kind}) else {null}"
        return [f"{raw} = source.get({key})", f"{local}: {kind} = {value}"]
    if kind in _IN_PLACE:
        missing = "" if prop.required else f"{local} is not None and "
        return [
            f"{local} = source.get({key})",
            f"if {missing}not isinstance({local}, {kind}):",
            f"    raise mismatch({literal(place)}, {literal(_IN_PLACE[kind])}, {local})",
        ]
    code = codec.decode(prop, raw, place)
    if not prop.required and split_null(prop)[1]:
        return [
            f"{local}: {annotation} = ABSENT",
            f"if {key} in source:",
            f"    {raw} = source[{key}]",
            f"    {local} = {code}",
        ]
    if code == raw:
        return [f"{local} = source.get({key})"]
    if not prop.required:
        code = f"None if {absence(prop, raw)} else {code}"
    elif lenient:
        code = f"required_null(source, {key}, {literal(place)}) if {raw} is None else {code}"
    return [f"{raw} = source.get({key})", f"{local}: {annotation} = {code}"]


def _encode_lines(
    prop: PropertyProtocol, codec: Codec, python: str, wire: str, place: str, *, is_input: bool
) -> list[str]:
    key, own, nullable = literal(wire), f"self.{python}", split_null(prop)[1]
    code = codec.encode(prop, own)
    if not prop.required and nullable:
        return [
            f"if not absent(self._{python}_):",
            f"    payload[{key}] = {code}",
        ]
    if not prop.required:
        return [f"if {own} is not None:", f"    payload[{key}] = {code}"]
    if nullable:
        return [f"payload[{key}] = {code}"]
    if not is_input:
        # None stands for the null that came.
        return [f"payload[{key}] = {own if code == own else f'plain({own})'}"]
    return [f"payload[{key}] = {codec.encode(prop, f'required({own}, {literal(place)})')}"]
