"""What `help()`, IPython and mocks see of methods that take the fields of a request."""

from __future__ import annotations

import inspect
import pydoc
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from unittest.mock import AsyncMock, create_autospec

import pytest

from sinch_provisioning import ProvisioningClient, v1_2
from sinch_provisioning.channels.rcs import RcsSenders
from sinch_provisioning.channels.senders import SenderChannel
from sinch_provisioning_api.models import CreateRcsSenderRequestFields


def names(method: Callable[..., object]) -> list[str]:
    """Return the keyword-only parameters."""
    return [one.name for one in inspect.signature(method).parameters.values() if one.kind is one.KEYWORD_ONLY]


@pytest.mark.parametrize("method", [RcsSenders.create, RcsSenders.ensure, RcsSenders(None).create])  # type: ignore[arg-type]
def test_each_field_is_a_parameter(method: Callable[..., object]) -> None:
    """Those of the request and of every call; only what the API requires has no default."""
    parameters = inspect.signature(method).parameters
    fields = [
        *CreateRcsSenderRequestFields.__annotations__,
        "extra_body",
        "extra_query",
        "extra_headers",
        "timeout",
    ]
    assert names(method) == fields
    assert [name for name in fields if parameters[name].default is inspect.Parameter.empty] == [
        "display_name"
    ]
    assert (parameters["display_name"].annotation, str(parameters["color"])) == (
        "str",
        "color: 'str | None' = ...",
    )
    assert inspect.iscoroutinefunction(method)


def test_other_parameters_stay_as_they_are() -> None:
    """Positional ones come first, and what a method takes itself is not listed twice."""
    assert list(inspect.signature(RcsSenders.update).parameters)[:2] == ["self", "sender_id"]
    assert names(SenderChannel.create)[:2] == ["name", "channel_credentials"]
    for client in (ProvisioningClient, v1_2.ProvisioningClient):
        parameters = inspect.signature(client.launch_rcs_sender).parameters
        assert list(parameters)[:6] == ["self", "sender_id", "wait", "until", "timeout", "events"]
        assert len(parameters) > 9
        assert all(one.default is not one.empty for one in list(parameters.values())[1:])


def test_help_shows_the_fields() -> None:
    """`help(client.rcs.create)` is what people read first."""
    text = pydoc.plain(pydoc.render_doc(RcsSenders.create))
    assert "display_name: 'str'" in text
    assert "**fields" not in text


async def test_mocks_check_the_fields() -> None:
    """A mock made from the class takes what the real one takes, and nothing else."""
    mock: Any = create_autospec(RcsSenders, instance=True)
    await mock.create(display_name="Acme", color="#ff0000")
    with pytest.raises(TypeError, match="colour"):
        mock.create(display_name="Acme", colour="#ff0000")
    client: Any = create_autospec(ProvisioningClient, instance=True)
    await client.launch_rcs_sender("id")
    mocked: Any = AsyncMock(spec=RcsSenders)
    await mocked.create(display_name="Acme")


def test_importing_builds_no_signature() -> None:
    """A signature is built when somebody looks at the method."""
    code = (
        "from sinch_provisioning import ProvisioningClient; from sinch_provisioning.channels.rcs import RcsSenders\n"
        "methods = [vars(RcsSenders)['create'], vars(ProvisioningClient)['launch_rcs_sender']]\n"
        "assert not any(hasattr(one.__wrapped__, '__signature__') for one in methods)\n"
        "RcsSenders.create\n"
        "assert vars(RcsSenders)['create'] is methods[0].__wrapped__\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
