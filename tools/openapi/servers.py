"""The server URLs and the token URL that a document declares."""

from __future__ import annotations

import re

from attrs import frozen

from tools.openapi.document import Node, as_node, as_nodes


@frozen
class Servers:
    """The URL of the first server, and the token URL of the first scheme with the client credentials flow."""

    server_url: str | None
    token_url: str | None

    @classmethod
    def of(cls, document: Node) -> Servers:
        """Read them from a document."""
        schemes = as_node(as_node(document.get("components")).get("securitySchemes")).values()
        flows = [
            as_node(as_node(as_node(scheme).get("flows")).get("clientCredentials")) for scheme in schemes
        ]
        token_urls = [_text(flow.get("tokenUrl")) for flow in flows]
        return cls(server_url(document), next((url for url in token_urls if url is not None), None))


def server_urls(node: Node) -> list[str]:
    """Return the URLs of a document, path item or operation, with the defaults of their variables."""
    return [url for url in map(_expanded, as_nodes(node.get("servers"))) if url is not None]


def server_url(node: Node) -> str | None:
    """Return the URL of the first server."""
    return next(iter(server_urls(node)), None)


def open_variables(document: Node) -> list[str]:
    """Return the variables in the URL of the first server that have no default."""
    return re.findall(r"\{([^{}]*)\}", server_url(document) or "")


def _expanded(server: Node) -> str | None:
    url = _text(server.get("url"))
    for name, variable in as_node(server.get("variables")).items():
        default = as_node(variable).get("default")
        if url is not None and default is not None:
            url = url.replace(f"{{{name}}}", str(default))
    return url


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
