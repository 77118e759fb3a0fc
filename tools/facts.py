"""What the generator's parsed data does not tell, gathered from the document itself."""

from __future__ import annotations

from attrs import field, frozen


@frozen
class Remarks:
    """What had to be left out or loosened, each with its place in the document."""

    lines: list[str] = field(factory=list)

    def add(self, place: str, what: str) -> None:
        """Note it once."""
        line = f"{place}: {what}"
        if line not in self.lines:
            self.lines.append(line)


@frozen
class Attribute:
    """A property as the document spells it."""

    wire: str
    description: str
    format: str


@frozen
class Tag:
    """A discriminator: the property to look at, and the class for each of its values."""

    wire: str
    classes: dict[str, str]


@frozen
class SchemaFacts:
    """What is known of models: their attributes by class, and discriminators by the classes they choose from."""

    attributes: dict[str, dict[str, Attribute]] = field(factory=dict)
    tags: dict[tuple[str, ...], Tag] = field(factory=dict)


@frozen
class Parameter:
    """A parameter as the document spells it; `style` is "json" where it is described by a media type."""

    where: str
    wire: str
    description: str
    style: str
    explode: bool


@frozen
class OperationFacts:
    """One operation as the document spells it; `parameters` are by argument name.

    `body_kind` is json, form, multipart, text or bytes; `encodings` are the encoding objects of a form's properties;
    `accept` is the media type of a reply that is no JSON.
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
