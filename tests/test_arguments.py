"""What a client is given is checked where it is given: by a word in the constructor, not by a failure in each call."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable
from datetime import date, timedelta
from enum import Enum
from typing import Any
from unittest.mock import AsyncMock, MagicMock, create_autospec, patch
from uuid import UUID

import httpx
import pytest
from pydantic import HttpUrl, SecretStr

from sinch_provisioning import (
    BasicCredentials,
    BearerToken,
    ConfigurationError,
    LineCredentials,
    OAuth2ClientCredentials,
    Polling,
    ProvisioningClient,
    RetryPolicy,
)
from sinch_provisioning.otel import OpenTelemetry
from sinch_provisioning.redis import RedisRateLimit
from sinch_provisioning_api.models import RcsSender
from sinch_provisioning_emulator import Emulator

from .conftest import client_on

IDS = UUID("0f8fad5b-d9cb-469f-a165-70867728950e")


class Project(str, Enum):  # noqa: UP042 - its text is not its value
    """Projects of an application, as its code names them."""

    SHOP = "shop-1"


def bare(**options: Any) -> ProvisioningClient:
    """Make a client that sends nothing."""
    settings: dict[str, Any] = {"project_id": "p", "credentials": BearerToken("t0ken")}
    return ProvisioningClient(**(settings | options))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"http_client": httpx.Client()}, r"httpx\.AsyncClient, not httpx\.Client"),
        ({"http_client": "httpx"}, "not str"),
        ({"http_client": httpx.AsyncClient}, "the class AsyncClient itself"),
        (
            {"http_client": httpx.AsyncClient(), "transport": httpx.AsyncHTTPTransport()},
            "either transport or",
        ),
        ({"transport": httpx.HTTPTransport()}, "transport must be"),
        ({"http_hosts": 5}, "http_hosts must be"),
        ({"base_url": "https://a b"}, "name a host"),
        ({"retry": 3}, "RetryPolicy, not int"),
        ({"retry": {"max_attempts": 2}}, "RetryPolicy, not dict"),
        ({"timeout": timedelta(seconds=5)}, "number of seconds"),
        ({"timeout": (3, 5)}, "number of seconds"),
        ({"telemetry": object()}, "call, token, watch"),
        ({"telemetry": OpenTelemetry}, "the class OpenTelemetry itself"),
        ({"rate_limit": 5}, "wait, not int"),
        ({"rate_limit": RedisRateLimit}, "the class RedisRateLimit itself"),
        ({"token_store": {}}, "load, save, lock, not dict"),
        ({"clock": time}, "not module"),
        ({"on_attempt": "x"}, "callable"),
        ({"http_hosts": "emulator"}, "sequence of host names"),
        ({"http_hosts": ["http://emulator"]}, "sequence of host names"),
        ({"http_hosts": [""]}, "sequence of host names"),
        ({"project_id": "p "}, "space around"),
        ({"project_id": 5}, "non-empty string"),
        ({"base_url": "https://xn--a.example"}, "not a valid URL"),
        ({"base_url": "https://\u2603\u2603.\u0378"}, "not a valid URL"),
        ({"base_url": "https://a:99999"}, "not a valid URL"),
        ({"base_url": b"https://api.example"}, "base_url"),
    ],
)
def test_unusable_argument_is_refused_by_name(options: dict[str, object], said: str) -> None:
    """The message names the argument, what it must be and what it is."""
    with pytest.raises(ConfigurationError, match=said):
        bare(**options)


async def test_closed_client_is_refused() -> None:
    """A client of one's own that is closed would fail in every call."""
    http_client = httpx.AsyncClient()
    await http_client.aclose()
    with pytest.raises(ConfigurationError, match="closed"):
        bare(http_client=http_client)


def test_views_check_their_options_too() -> None:
    """`with_options` is no back door."""
    with pytest.raises(ConfigurationError, match="RetryPolicy, not int"):
        bare().with_options(retry=2)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ConfigurationError, match="number of seconds"):
        bare().with_options(timeout=timedelta(seconds=2))  # type: ignore[arg-type]  # wrong on purpose


class AsyncHook:
    """An object that would have to be awaited."""

    async def __call__(self, event: object) -> None:
        """Do nothing."""


async def hook(_: object, event: object = None) -> None:
    """Do nothing."""


@pytest.mark.parametrize("name", ["on_attempt", "on_retry", "on_token"])
@pytest.mark.parametrize("given", [hook, functools.partial(hook, 1), AsyncHook(), AsyncHook().__call__])
def test_coroutine_function_as_a_hook_is_a_type_error(name: str, given: Callable[..., object]) -> None:
    """Nobody would await it, so nothing would be told."""
    with pytest.raises(TypeError, match=name):
        bare(**{name: given})


async def test_hook_that_returns_a_coroutine_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A lambda around a coroutine function can only be noticed when it is called; the call goes on."""
    async with client_on(Emulator(), on_attempt=lambda event: hook(None, event)) as sinch:
        assert await sinch.rcs.list() == []
    assert "a hook returned a coroutine, which is not awaited: pass a plain function" in caplog.messages


def test_empty_variables_count_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compose file passes a variable without a value on as an empty one."""
    for name in ("SINCH_PROVISIONING_URL", "SINCH_TOKEN_URL"):
        monkeypatch.setenv(name, "")
    sinch = ProvisioningClient(project_id="p", credentials=OAuth2ClientCredentials("key-id", "key-secret"))
    assert "https://provisioning.api.sinch.com" in repr(sinch)
    for name in ("SINCH_PROJECT_ID", "SINCH_KEY_ID", "SINCH_KEY_SECRET"):
        monkeypatch.setenv(name, "")
    with pytest.raises(ConfigurationError, match="SINCH_PROJECT_ID"):
        ProvisioningClient()
    with pytest.raises(ConfigurationError, match="SINCH_KEY_ID and SINCH_KEY_SECRET"):
        ProvisioningClient(project_id="p")


def test_secrets_and_urls_of_settings_libraries_are_taken() -> None:
    """pydantic's SecretStr and HttpUrl, and httpx's URL, mean what they hold, and stay unseen."""
    secret = SecretStr("key-secret")
    assert OAuth2ClientCredentials("key-id", secret) == OAuth2ClientCredentials("key-id", "key-secret")
    assert BasicCredentials("key-id", secret) == BasicCredentials("key-id", "key-secret")
    assert BearerToken(secret).token.reveal() == "key-secret"
    assert LineCredentials(secret, SecretStr("s"))["token"] == "key-secret"
    for url in (HttpUrl("https://api.example/base"), httpx.URL("https://api.example/base/")):
        assert repr(bare(base_url=url)).endswith("at https://api.example/base>")
        OAuth2ClientCredentials("key-id", "key-secret", token_url=url)  # type: ignore[arg-type] # pydantic's has no type in common


async def test_ids_go_out_by_value() -> None:
    """A UUID and an enum of strings mean their value, as a project and as a sender."""
    emulator = Emulator()
    async with client_on(emulator, project_id=Project.SHOP) as sinch:
        assert sinch.project_id == "shop-1"
        assert type(sinch.project_id) is str
        for sender_id in (IDS, Project.SHOP):
            with pytest.raises(Exception, match="404"):
                await sinch.rcs.get(sender_id)
        assert await sinch.for_project(IDS).rcs.list() == []
    assert [request.path for request in emulator.requests if request.operation_id != "token"] == [
        f"/v1/projects/shop-1/rcs/senders/{IDS}",
        "/v1/projects/shop-1/rcs/senders/shop-1",
        f"/v1/projects/{IDS}/rcs/senders",
    ]


@pytest.mark.parametrize(
    "pauses",
    [
        {"first_pause": 0},
        {"first_pause": timedelta(seconds=1)},
        {"longest_pause": float("nan")},
        {"growth": 0.5},
        {"growth": "2"},
    ],
)
def test_pauses_that_are_no_pauses_are_refused(pauses: Any) -> None:
    """A pause that shrinks or is none would ask the server without end."""
    with pytest.raises(ConfigurationError, match=next(iter(pauses))):
        Polling(**pauses)


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": timedelta(days=3)},
        {"timeout": float("nan")},
        {"timeout": -1},
        {"timeout": True},
        {"until": None},
        {"until": 5},
        {"until": []},
        {"events": 5},
    ],
)
async def test_wait_that_can_not_be_is_refused_before_the_launch(
    sinch: ProvisioningClient, sinch_emulator: Emulator, options: Any
) -> None:
    """Nothing is created or launched for a wait that would fail; the other waits refuse the same."""
    with pytest.raises(ConfigurationError):
        await sinch.launch_rcs_sender(display_name="Acme", wait=True, **options)
    with pytest.raises(ConfigurationError):
        await sinch.rcs.wait_for_status("s1", **({"until": "LAUNCHED"} | options))
    if "until" not in options:
        with pytest.raises(ConfigurationError):
            sinch.rcs.watch("s1", **options)
    assert not [*sinch_emulator.requests]


@pytest.mark.parametrize("value", [b"x", {"b": 1}, date(2026, 1, 1), [[1]], object()])
async def test_query_value_that_has_no_one_form_is_refused(
    sinch: ProvisioningClient, sinch_emulator: Emulator, value: Any
) -> None:
    """Bytes, mappings, dates: which text the server would want is for the caller to say."""
    with pytest.raises(ConfigurationError, match="query parameter 'a'"):
        await sinch.request("GET", "/x", params={"a": value})
    assert not [*sinch_emulator.requests]


async def test_query_values_go_out_by_value() -> None:
    """Numbers, enums of strings, lists of them in any sequence; None leaves out."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.query.decode())
        return httpx.Response(200, json={})

    async with bare(transport=httpx.MockTransport(answer)) as sinch:
        await sinch.request("GET", "/x", params={"a": Project.SHOP, "b": (1.5, True, None), "c": None})
    assert seen == ["a=shop-1&b=1.5&b=true"]


@pytest.mark.parametrize("method", [None, "", 5, "CONNECT"])
async def test_method_that_is_no_word_is_refused(sinch: ProvisioningClient, method: Any) -> None:
    """`request` says so, rather than raise an AttributeError."""
    with pytest.raises(ConfigurationError, match="method"):
        await sinch.request(method, "/v1/projects/{project_id}/x")


def test_plain_http_goes_to_named_hosts_only() -> None:
    """`http_hosts` opens exactly the hosts it names, for the API and for tokens."""
    key = OAuth2ClientCredentials("key-id", "key-secret", "http://emulator:8080/token")
    assert bare(base_url="http://Emulator:8080", http_hosts=("emulator",), credentials=key)
    with pytest.raises(ConfigurationError, match=r"token_url.*http_hosts=\('emulator',\)"):
        bare(credentials=key)
    with pytest.raises(ConfigurationError, match="base_url"):
        bare(base_url="http://emulator.example", http_hosts=("emulator",))
    sinch = bare(http_hosts=["emulator"])
    assert sinch.for_project("q", key).project_id == "q"


class Tenant(ProvisioningClient):
    """A client with something of its own."""

    __slots__ = ("plan",)

    def __init__(self, *, tenant: str, **options: Any) -> None:
        super().__init__(**options)
        self.tenant = tenant
        self.plan = "gold"


def test_views_of_a_subclass_keep_its_attributes() -> None:
    """A view is the same object for another project or with other limits, slots included."""
    tenant = Tenant(tenant="acme", project_id="p", credentials=BearerToken("t0ken"))
    for view in (tenant.for_project("q"), tenant.with_options(retry=RetryPolicy(max_attempts=1))):
        assert isinstance(view, Tenant)
        assert (view.tenant, view.plan) == ("acme", "gold")
    assert tenant.for_project("q").rcs.project.project_id == "q"
    assert tenant.rcs.project.project_id == "p"


@pytest.mark.parametrize(
    "make",
    [
        lambda: AsyncMock(spec=ProvisioningClient),
        lambda: create_autospec(ProvisioningClient, instance=True),
        lambda: create_autospec(bare()),
    ],
    ids=["AsyncMock", "autospec of the class", "autospec of a client"],
)
async def test_mock_made_from_the_client_has_its_channels(make: Callable[[], Any]) -> None:
    """A unit test of somebody's service says what a channel's method returns, and awaits it."""
    mock = make()
    mock.rcs.get.return_value = "a sender"
    mock.line.list.return_value = []
    assert await mock.rcs.get("id") == "a sender"
    assert await mock.line.list() == []
    mock.rcs.get.assert_awaited_once_with("id")


async def test_channel_and_its_methods_can_be_patched() -> None:
    """`patch.object` replaces one method of one client, and puts it back."""
    sinch = bare()
    sender = RcsSender(id="id")
    with patch.object(sinch.rcs, "get", AsyncMock(return_value=sender)):
        assert await sinch.rcs.get("id") is sender
    assert asyncio.iscoroutinefunction(sinch.rcs.get)
    with patch.object(sinch, "rcs", MagicMock()) as rcs:
        rcs.get = AsyncMock(return_value=sender)
        assert await sinch.rcs.get("id") is sender
    assert sinch.rcs.project.project_id == "p"
