"""An emulator, a plain HTTP client on it (in process and over a socket), and the document read by other hands."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import yaml
from jsonschema import Draft202012Validator

from sinch_provisioning_emulator import Emulator

from .processes import SPEC

BRAND = {
    "displayName": "Acme",
    "description": "Acme sends parcels",
    "logoUrl": "https://acme.example/logo.png",
    "heroImageUrl": "https://acme.example/hero.png",
    "website": "https://acme.example",
    "privacyPolicy": "https://acme.example/privacy",
    "termsOfService": "https://acme.example/terms",
}


@pytest.fixture
def brand() -> dict[str, str]:
    """Everything that carriers ask for at a launch."""
    return dict(BRAND)


@pytest.fixture
def emulator() -> Emulator:
    """A fresh emulator."""
    return Emulator()


@pytest.fixture(params=["process", "socket"])
async def api(emulator: Emulator, request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    """A client with basic auth, in process and then once more over a real socket."""
    auth = (emulator.key_id, emulator.key_secret)
    if request.param == "process":
        async with httpx.AsyncClient(
            transport=emulator.transport(), base_url=emulator.base_url, auth=auth
        ) as client:
            yield client
        return
    async with emulator.serve(), httpx.AsyncClient(base_url=emulator.base_url, auth=auth) as client:
        yield client


@pytest.fixture(scope="session")
def conforms() -> Callable[[str, httpx.Response], None]:
    """A judge of replies that shares no code with the emulator: the reply's schema, straight from the document."""
    document: dict[str, Any] = yaml.safe_load(SPEC.read_text())
    operations: dict[str, dict[str, Any]] = {
        operation["operationId"]: operation
        for path in document["paths"].values()
        for operation in path.values()
    }

    def judge(operation_id: str, response: httpx.Response) -> None:
        described = operations[operation_id]["responses"][str(response.status_code)]
        content = described.get("content")
        if content is None:
            return
        assert response.headers["content-type"] == "application/json"
        schema = {**content["application/json"]["schema"], "components": document["components"]}
        validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
        assert [error.message for error in validator.iter_errors(response.json())] == []

    return judge
