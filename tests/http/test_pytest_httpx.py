"""The default transport under pytest-httpx, which many users test with."""

from __future__ import annotations

import json

import httpx
import pytest
from pytest_httpx import HTTPXMock

from sinch_provisioning import (
    APIConnectionError,
    BasicCredentials,
    OutcomeUnknownError,
    ProvisioningClient,
    RetryPolicy,
)

URL = "https://provisioning.api.sinch.com/v1/projects/p/rcs/senders"
AT_ONCE = RetryPolicy(initial_delay=0)


def client() -> ProvisioningClient:
    """Open a client on the API's own URL; nothing leaves the process."""
    return ProvisioningClient(
        project_id="p", credentials=BasicCredentials("key-id", "key-secret"), retry=AT_ONCE
    )


async def test_requests_are_intercepted(httpx_mock: HTTPXMock) -> None:
    """A call over the default transport is answered by the mock, which sees what would have been sent."""
    httpx_mock.add_response(method="POST", url=URL, json={"id": "s-1", "displayName": "Acme"})
    async with client() as sinch:
        assert (await sinch.rcs.create(display_name="Acme")).id == "s-1"
    [request] = httpx_mock.get_requests()
    assert json.loads(request.content) == {"displayName": "Acme"}
    assert request.headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    "error", [httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError, httpx.WriteError]
)
async def test_doubtful_create_is_sent_once(httpx_mock: HTTPXMock, error: type[httpx.TransportError]) -> None:
    """A mocked loss of the reply is as doubtful as a real one, though the mock reports no phases."""
    httpx_mock.add_exception(error("lost"), url=URL)
    async with client() as sinch:
        with pytest.raises(OutcomeUnknownError):
            await sinch.rcs.create(display_name="Acme")
    assert len(httpx_mock.get_requests()) == 1


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ConnectTimeout])
async def test_create_that_never_left_is_sent_again(
    httpx_mock: HTTPXMock, error: type[httpx.TransportError]
) -> None:
    """A mocked failure to connect is retried, a create included."""
    for _ in range(4):
        httpx_mock.add_exception(error("refused"), url=URL)
    async with client() as sinch:
        with pytest.raises(APIConnectionError) as caught:
            await sinch.rcs.create(display_name="Acme")
    assert not isinstance(caught.value, OutcomeUnknownError)
    assert [attempt.cause for attempt in caught.value.attempts] == [error.__name__] * 4
