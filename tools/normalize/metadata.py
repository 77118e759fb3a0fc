"""Details of the document that the normalized form cannot express."""

from __future__ import annotations

from attrs import field, frozen


@frozen
class Attribute:
    """A property as the document spells it."""

    wire: str
    description: str
    format: str


@frozen
class Tag:
    """The property that tells classes apart, and the class for each of its values.

    An unknown value belongs to none of the classes in `ruled_out`.
    """

    wire: str
    classes: dict[str, str]
    ruled_out: frozenset[str]


@frozen
class SchemaMetadata:
    """Details of models: attributes by class name, and tags by discriminator and the classes they choose from."""

    attributes: dict[str, dict[str, Attribute]] = field(factory=dict)
    tags: dict[tuple[str, tuple[str, ...]], Tag] = field(factory=dict)


@frozen
class Parameter:
    """A parameter as the document spells it; `style` is "json" if the document gives it a media type."""

    where: str
    wire: str
    description: str
    style: str
    explode: bool


@frozen
class OperationMetadata:
    """One operation as the document spells it; `parameters` is keyed by argument name.

    `body_kind` is json, form, multipart, text or bytes; `encodings` holds the encoding objects of a form's properties;
    `accept` is the media type of the response, "" for JSON;
    `slashes` are the path parameters in which "/" is sent as %2F.
    """

    operation_id: str
    method: str
    path: str
    tag: str
    function: str
    keywords: str
    parameters: dict[str, Parameter] = field(factory=dict)
    body_kind: str = "json"
    content_type: str = "application/json"
    body_description: str = ""
    encodings: dict[str, dict[str, object]] = field(factory=dict)
    accept: str = ""
    repeatable: bool = True
    slashes: frozenset[str] = frozenset()
