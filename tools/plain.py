"""A whole document made plain, with what the plain form can't say beside it."""

from __future__ import annotations

from attrs import frozen

from tools.document import Document, Node, as_node
from tools.facts import OperationFacts, Remarks, SchemaFacts
from tools.names import Names
from tools.operations import Operations
from tools.schemas import Schemas
from tools.servers import Servers


@frozen
class PlainDocument:
    """What openapi-python-client is given, and what our templates know besides."""

    data: Node
    title: str
    version: str
    schemas: SchemaFacts
    operations: dict[str, OperationFacts]
    servers: Servers
    left_out: list[str]

    @classmethod
    def of(cls, document: Document) -> PlainDocument:
        """Make a document plain."""
        names, remarks = Names(), Remarks()
        schemas = Schemas.of(document, names, remarks)
        operations = Operations.of(document, schemas, names, remarks)
        # Inline schemas of operations may have brought more.
        schemas.settler.settle_components()
        info = as_node(document.data.get("info"))
        title, version = str(info.get("title") or "API"), str(info.get("version") or "0")
        data: Node = {
            "openapi": "3.1.0",
            "info": {"title": title, "version": version},
            "paths": schemas.settler.settle(operations.paths),
            "components": {"schemas": schemas.settler.components},
        }
        return cls(
            data, title, version, schemas.facts, operations.facts, Servers.of(document.data), remarks.lines
        )
