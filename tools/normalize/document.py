"""A normalized document, together with the metadata that the normalized form cannot express."""

from __future__ import annotations

from attrs import frozen

from tools.normalize.metadata import OperationMetadata, SchemaMetadata
from tools.normalize.names import Names
from tools.normalize.operations import Operations
from tools.normalize.schemas import Schemas
from tools.openapi.document import Document, Node, as_node
from tools.openapi.remarks import Remarks
from tools.openapi.servers import Servers


@frozen
class NormalizedDocument:
    """The input for openapi-python-client, and the metadata for our templates."""

    data: Node
    title: str
    version: str
    schemas: SchemaMetadata
    operations: dict[str, OperationMetadata]
    servers: Servers
    warnings: list[str]

    @classmethod
    def of(cls, document: Document) -> NormalizedDocument:
        """Normalize a document."""
        names, remarks = Names(), Remarks()
        schemas = Schemas.of(document, names, remarks)
        operations = Operations.of(document, schemas, names, remarks)
        # The inline schemas of operations may have added components.
        schemas.references.resolve_components()
        info = as_node(document.data.get("info"))
        title, version = str(info.get("title") or "API"), str(info.get("version") or "0")
        data: Node = {
            "openapi": "3.1.0",
            "info": {"title": title, "version": version},
            "paths": schemas.references.resolve(operations.paths),
            "components": {"schemas": schemas.references.components},
        }
        return cls(
            data,
            title,
            version,
            schemas.metadata,
            operations.metadata,
            Servers.of(document.data),
            remarks.lines,
        )
