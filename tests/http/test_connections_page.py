"""docs/connections.md: every block is run, with real TLS, a client certificate and a proxy."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from sinch_provisioning import APIConnectionError, OAuth2ClientCredentials, ProvisioningClient

from ..faults.clients import KEY_ID, KEY_SECRET
from ..faults.proxy import Proxy
from ..faults.server import Server

PAGE = (Path(__file__).parents[2] / "docs" / "connections.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def block(function: str, given: dict[str, Any]) -> Any:
    """Run the block that defines `function`, with the reader's own values, and return that function."""
    [text] = [each for each in BLOCKS if f"def {function}(" in each]
    names = dict(given)
    exec(compile(text, function, "exec"), names)
    return names[function]


class Place:
    """A server with a certificate of its own authority, and the files that a reader would have."""

    def __init__(self, folder: Path, *, asks_for_certificate: bool = False) -> None:
        self.authority = trustme.CA()
        self.authority.cert_pem.write_to_path(folder / "ca.pem")
        own = self.authority.issue_cert("client.example")
        own.private_key_pem.write_to_path(folder / "key.pem")
        own.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
        self.files = {
            "authority_file": str(folder / "ca.pem"),
            "certificate_file": str(folder / "certificate.pem"),
            "key_file": str(folder / "key.pem"),
        }
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.authority.issue_cert("127.0.0.1", "localhost", "api.example").configure_cert(context)
        if asks_for_certificate:
            self.authority.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        self.context = context

    def given(self, url: str) -> dict[str, Any]:
        """Return what a block is given."""
        credentials = OAuth2ClientCredentials(KEY_ID, KEY_SECRET, f"{url}/oauth2/token")
        return {"server": url, "credentials": credentials, **self.files}


async def test_a_ca_file(tmp_path: Path) -> None:
    """The authority is trusted with it, and not without."""
    place = Place(tmp_path)
    async with Server(place.context) as server:
        given = place.given(server.url)
        assert await block("with_a_ca_file", given)() == []
        trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
        with pytest.raises(APIConnectionError):
            await block("with_a_ca_file", {**given, "authority_file": str(tmp_path / "other.pem")})()


async def test_a_client_certificate(tmp_path: Path) -> None:
    """A server that asks for one is reached with it, and not with the CA file alone."""
    place = Place(tmp_path, asks_for_certificate=True)
    async with Server(place.context) as server:
        given = place.given(server.url)
        assert await block("with_a_client_certificate", given)() == []
        asked = server.count("GET rcs")
        with pytest.raises(APIConnectionError):
            await block("with_a_ca_file", given)()
        assert server.count("GET rcs") == asked


async def test_the_systems_authorities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file of SSL_CERT_FILE is what OpenSSL takes for the system's authorities."""
    place = Place(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", place.files["authority_file"])
    async with Server(place.context) as server:
        assert await block("with_the_systems_authorities", place.given(server.url))() == []


async def test_a_proxy(tmp_path: Path) -> None:
    """The call goes through its tunnel to a host that only the proxy can resolve."""
    place = Place(tmp_path)
    async with Server(place.context) as server, Proxy() as proxy:
        given = place.given(f"https://api.example:{server.port}")
        assert await block("through_a_proxy", {**given, "proxy_url": proxy.url})() == []
        assert set(proxy.tunnels) == {f"api.example:{server.port}"}


async def test_plain_http_for_a_named_host() -> None:
    """The client is made with the name, and refused without."""
    given = {"credentials": OAuth2ClientCredentials("id", "secret", "http://emulator:8080/oauth2/token")}
    sinch = block("an_emulator_in_a_container", given)()
    assert isinstance(sinch, ProvisioningClient)
    await sinch.aclose()


def test_every_block_is_run() -> None:
    """A new block needs a test."""
    assert len(BLOCKS) == 5
