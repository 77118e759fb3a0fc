"""A normalized document, together with the metadata that the normalized form cannot express."""

from __future__ import annotations

from attrs import frozen

from tools.normalize.metadata import OperationMetadata, SchemaMetadata
from tools.normalize.names import Names
from tools.normalize.operations import Operations
from tools.normalize.schemas import Schemas
from tools.openapi.document import Document, Node, as_node
from tools.openapi.names_file import NamesFile
from tools.openapi.remarks import Remarks
from tools.openapi.servers import Servers


@frozen
class NormalizedDocument:
    """The input for openapi-python-client, and the metadata for our templates.

    `operations` is keyed by coroutine; `classes` maps the schemas of the document to classes;
    `places` are the JSON pointers of the operations, in the order of the normalized paths.
    """

    data: Node
    title: str
    version: str
    schemas: SchemaMetadata
    operations: dict[str, OperationMetadata]
    classes: dict[str, str]
    servers: Servers
    places: list[str]
    remarks: Remarks

    @classmethod
    def of(cls, document: Document, given: NamesFile) -> NormalizedDocument:
        """Normalize a document, with names given by its names file."""
        names, remarks = Names(), Remarks()
        schemas = Schemas.of(document, names, given.schemas, remarks)
        operations = Operations.of(document, schemas, names, given, remarks)
        for entry in given.unused(document):
            remarks.add("names file", "{!r} is not in the document", entry)
        # The inline schemas of operations may have added components.
        schemas.references.resolve_components()
        paths = schemas.references.resolve(operations.paths)
        schemas.find_tags(paths)
        info = as_node(document.data.get("info"))
        title, version = str(info.get("title") or "API"), str(info.get("version") or "0")
        data: Node = {
            "openapi": "3.1.0",
            "info": {"title": title, "version": version},
            "paths": paths,
            "components": {"schemas": schemas.references.components},
        }
        return cls(
            data,
            title,
            version,
            schemas.metadata,
            operations.metadata,
            schemas.classes,
            Servers.of(document.data),
            operations.places,
            remarks,
        )
