"""The way to the server: what a caller's own client and a mocked stack meet."""

from __future__ import annotations

import httpx
import pytest
from pytest_httpx import HTTPXMock

from sinch_provisioning import BearerToken, ConfigurationError, OutcomeUnknownError, ProvisioningClient
from sinch_provisioning._http.transport import AttemptTimeout


async def test_pytest_httpx_intercepts_the_default_transport(httpx_mock: HTTPXMock) -> None:
    """Whoever tests with pytest-httpx needs nothing of ours for it."""
    httpx_mock.add_response(json={"senders": [{"id": "s1"}]})
    async with ProvisioningClient(project_id="p1", credentials=BearerToken("t")) as sinch:
        assert [sender.id for sender in await sinch.rcs.list()] == ["s1"]
    request = httpx_mock.get_request()
    assert request is not None
    assert request.headers["authorization"] == "Bearer t"


async def test_mocked_loss_of_a_create_is_an_unknown_outcome(httpx_mock: HTTPXMock) -> None:
    """A mock that loses the reply of a create means what a network that does so means."""
    httpx_mock.add_exception(httpx.ReadTimeout("lost"))
    async with ProvisioningClient(project_id="p1", credentials=BearerToken("t")) as sinch:
        with pytest.raises(OutcomeUnknownError):
            await sinch.rcs.create(display_name="Acme")


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), True, "30"])
def test_timeout_that_is_none_is_refused(timeout: float) -> None:
    """A timeout is a positive number of seconds."""
    with pytest.raises(ConfigurationError):
        AttemptTimeout.of(timeout)
