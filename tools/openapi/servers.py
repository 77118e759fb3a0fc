"""The server URL and token URL that a document declares."""

from __future__ import annotations

from attrs import frozen

from tools.openapi.document import Node, as_node


@frozen
class Servers:
    """The URL of the first server, and the token URL of the first scheme with the client credentials flow."""

    server_url: str | None
    token_url: str | None

    @classmethod
    def of(cls, document: Node) -> Servers:
        """Read them from a document."""
        servers = document.get("servers")
        first = as_node(servers[0]) if isinstance(servers, list) and servers else {}
        schemes = as_node(as_node(document.get("components")).get("securitySchemes")).values()
        flows = [
            as_node(as_node(as_node(scheme).get("flows")).get("clientCredentials")) for scheme in schemes
        ]
        token_urls = [_text(flow.get("tokenUrl")) for flow in flows]
        return cls(_text(first.get("url")), next((url for url in token_urls if url is not None), None))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
