"""The client as its users meet it: settings, channels, views, raw requests, closing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import httpx
import pytest

from sinch_provisioning import (
    BadRequestError,
    BasicCredentials,
    BearerToken,
    ConfigurationError,
    KakaoTalkCredentials,
    LaunchNotReadyError,
    LineCredentials,
    NotFoundError,
    OAuth2ClientCredentials,
    ProvisioningClient,
    ResponseDecodeError,
    RetryPolicy,
    SenderMismatchError,
    ServerError,
    TelegramCredentials,
)
from sinch_provisioning_api.api import get_rcs_sender
from sinch_provisioning_emulator import Emulator

from .conftest import BRAND, client_on
from .faults.clients import TRANSPORTS, transport_named

KEY = OAuth2ClientCredentials("key-id", "key-secret")

Served = tuple[Emulator, Callable[..., ProvisioningClient]]


async def call_everything(sinch: ProvisioningClient) -> None:
    """Make every call of the vendored document's twelve operations, in the order of a sender's life."""
    sender = await sinch.rcs.create(**BRAND)
    assert (await sinch.rcs.get(sender.id)).display_name == "Acme"
    assert (await sinch.rcs.update(sender.id, description="New")).description == "New"
    assert [each.id for each in await sinch.rcs.list()] == [sender.id]
    assert (await sinch.rcs.launch(sender.id)).status == "PREPARING_LAUNCH"
    await sinch.rcs.delete(sender.id)
    await sinch.kakaotalk.create(name="k", channel_credentials=KakaoTalkCredentials("@acme", "sender-key"))
    await sinch.line.create(name="l", channel_credentials=LineCredentials("line-token", "line-secret"))
    await sinch.telegram.create(name="t", channel_credentials=TelegramCredentials("1:bot"))
    for channel in (sinch.kakaotalk, sinch.line, sinch.telegram):
        assert len(await channel.list()) == 1


@pytest.mark.parametrize("scheme", ["oauth2", "basic"])
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_every_operation_over_a_socket(served: Served, scheme: str, transport: str) -> None:
    """All operations work over both transports and both of the document's security schemes."""
    emulator, client = served
    basic = BasicCredentials(emulator.key_id, emulator.key_secret)
    options = {"credentials": basic} if scheme == "basic" else {}
    async with client(transport=transport_named(transport), **options) as sinch:
        await call_everything(sinch)
    assert emulator.requests.count("token") == (scheme == "oauth2")
    assert {each.status for each in emulator.requests} <= {200, 201, 204}


async def test_bearer_token_is_sent_as_it_is(sinch_emulator: Emulator) -> None:
    """A token from elsewhere authorizes calls, and no token is fetched."""
    async with client_on(sinch_emulator) as sinch:
        raw = await sinch.request("GET", "/v1/projects/{project_id}/rcs/senders")
        assert raw.status_code == 200
    async with httpx.AsyncClient(transport=sinch_emulator.transport()) as http:
        reply = await http.post(
            sinch_emulator.token_url,
            data={"grant_type": "client_credentials"},
            auth=(sinch_emulator.key_id, sinch_emulator.key_secret),
        )
    fetched = sinch_emulator.requests.count("token")
    async with client_on(sinch_emulator, credentials=BearerToken(reply.json()["access_token"])) as sinch:
        assert await sinch.rcs.list() == []
    assert sinch_emulator.requests.count("token") == fetched


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Project, key and URLs are read from the variables, and arguments win over them."""
    monkeypatch.setenv("SINCH_PROJECT_ID", "from-environment")
    monkeypatch.setenv("SINCH_KEY_ID", "key-id")
    monkeypatch.setenv("SINCH_KEY_SECRET", "key-secret")
    monkeypatch.setenv("SINCH_PROVISIONING_URL", "https://eu.api.example/base/")
    assert repr(ProvisioningClient()) == (
        "<ProvisioningClient project 'from-environment' at https://eu.api.example/base>"
    )
    assert ProvisioningClient(project_id="argument").project_id == "argument"


@pytest.mark.parametrize("missing", ["SINCH_PROJECT_ID", "SINCH_KEY_ID", "SINCH_KEY_SECRET"])
def test_missing_setting_names_its_variable(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not configured is named by the variable that configures it."""
    for name in {"SINCH_PROJECT_ID", "SINCH_KEY_ID", "SINCH_KEY_SECRET"} - {missing}:
        monkeypatch.setenv(name, "value")
    with pytest.raises(ConfigurationError, match=missing):
        ProvisioningClient()


@pytest.mark.parametrize(
    "options",
    [
        {"base_url": "http://api.example"},
        {"base_url": "ftp://api.example"},
        {"base_url": "https://user:pass@api.example"},
        {"base_url": "https://api.example?x=1"},
        {"base_url": "https://"},
        {"base_url": ""},
        {"credentials": OAuth2ClientCredentials("key-id", "key-secret", "http://auth.example/token")},
        {"project_id": ""},
        {"project_id": ".."},
        {"project_id": "a/b"},
        {"project_id": "a\r\nb"},
        {"credentials": ("key-id", "key-secret")},
        {"transport": "requests"},
        {"max_connections": 0},
        {"max_response_bytes": 0},
        {"timeout": 0},
        {"timeout": -1.0},
        {"timeout": float("nan")},
        {"timeout": "5"},
    ],
)
def test_unusable_setting_is_refused(options: dict[str, object]) -> None:
    """Settings that can't work, or would send a key in the clear, are refused before anything is sent."""
    settings: dict[str, object] = {"project_id": "p", "credentials": KEY}
    with pytest.raises(ConfigurationError) as caught:
        ProvisioningClient(**(settings | options))  # type: ignore[arg-type]  # wrong on purpose
    assert "key-secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"])
def test_plain_http_to_this_machine_is_allowed(url: str) -> None:
    """Plain http is for the machine itself."""
    assert ProvisioningClient(project_id="p", credentials=KEY, base_url=url)


@pytest.mark.parametrize("sender_id", ["", ".", "..", "a/b", "a\\b", "a\nb", "%2e%2e", None])
@pytest.mark.parametrize("method", ["get", "update", "delete", "launch", "wait_for_status"])
async def test_id_that_is_no_path_segment_is_refused(
    sinch: ProvisioningClient, sinch_emulator: Emulator, sender_id: str | None, method: str
) -> None:
    """An id that would address something else is a ConfigurationError, and nothing is sent."""
    with pytest.raises(ConfigurationError):
        await getattr(sinch.rcs, method)(sender_id)
    assert len(sinch_emulator.requests) == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda sinch: sinch.rcs.create(display_name="x", colour="red"),
        lambda sinch: sinch.rcs.create(),
        lambda sinch: sinch.rcs.update("id", colour="red"),
        lambda sinch: sinch.rcs.list(nonsense=1),
        lambda sinch: sinch.line.create(name="x", nonsense=1),
        lambda sinch: sinch.rcs.create(display_name=float("nan")),
        lambda sinch: sinch.launch_rcs_sender("id", display_name="x"),
        lambda sinch: sinch.launch_rcs_sender(),
    ],
)
async def test_argument_that_cannot_be_is_refused(
    sinch: ProvisioningClient,
    sinch_emulator: Emulator,
    call: Callable[[ProvisioningClient], Awaitable[object]],
) -> None:
    """An unknown, missing or unsendable argument is refused before anything is sent."""
    with pytest.raises((ConfigurationError, TypeError)):
        await call(sinch)
    assert len(sinch_emulator.requests) == 0


async def test_request_body_carries_what_was_given(
    sinch: ProvisioningClient, sinch_emulator: Emulator
) -> None:
    """A body holds the given properties under the document's names, and nothing else."""
    await sinch.rcs.create(display_name="Acme", logo_url="https://acme.example/l.png")
    [request] = sinch_emulator.requests.of("createRcsSender")
    assert request.body == {"displayName": "Acme", "logoUrl": "https://acme.example/l.png"}


async def test_reply_reads_as_typed_values(sinch: ProvisioningClient) -> None:
    """Times are datetimes, what was not sent is None."""
    sender = await sinch.rcs.create(display_name="Acme")
    assert isinstance(sender.create_time, datetime)
    assert sender.create_time.astimezone(UTC).year >= 2026
    assert sender.website is None


async def test_list_follows_pages(sinch_emulator: Emulator) -> None:
    """Every sender comes, however many pages the server needs for them."""
    emulator = Emulator(page_size=3)
    async with client_on(emulator) as sinch:
        for number in range(10):
            await sinch.line.create(name=f"sender {number}")
        assert [sender.name for sender in await sinch.line.list()] == [f"sender {n}" for n in range(10)]
    assert emulator.requests.count("listLineSenders") == 4


async def test_repeating_page_token_ends_in_an_error(
    sinch: ProvisioningClient, sinch_emulator: Emulator
) -> None:
    """A server that sends the same page for ever is caught at the first repetition."""
    page = b'{"senders": [], "nextPageToken": "again"}'
    sinch_emulator.inject("listRcsSenders", status=200, body=page, times=None)
    with pytest.raises(ResponseDecodeError, match="nextPageToken") as caught:
        await sinch.rcs.list()
    assert caught.value.operation_id == "listRcsSenders"
    assert b"again" in caught.value.body
    assert sinch_emulator.requests.count("listRcsSenders") == 2


async def test_project_view_shares_token_and_keeps_projects_apart(
    sinch: ProvisioningClient, sinch_emulator: Emulator
) -> None:
    """Another project's client uses the same token, sees its own senders, and closing it closes nothing."""
    await sinch.rcs.create(display_name="Acme")
    async with sinch.for_project("other") as other:
        assert await other.rcs.list() == []
        assert other.project_id == "other"
    assert len(await sinch.rcs.list()) == 1
    assert sinch_emulator.requests.count("token") == 1


async def test_project_view_with_its_own_key(sinch: ProvisioningClient, sinch_emulator: Emulator) -> None:
    """A project with another key has a token of its own, fetched once for all its views."""
    sinch_emulator.add_key("other-key", "other-secret", projects=["other"])
    credentials = OAuth2ClientCredentials("other-key", "other-secret", sinch_emulator.token_url)
    for _ in range(3):
        await sinch.for_project("other", credentials).rcs.list()
    assert sinch_emulator.requests.count("token") == 1
    [request, *_] = sinch_emulator.requests.of("listRcsSenders")
    assert request.key_id == "other-key"


async def test_options_view_leaves_the_original_alone(
    sinch: ProvisioningClient, sinch_emulator: Emulator
) -> None:
    """Other limits hold for the view only."""
    hasty = sinch.with_options(retry=RetryPolicy(max_attempts=1), timeout=2.0)
    await sinch.rcs.list()
    sinch_emulator.inject("listRcsSenders", status=500, times=1)
    with pytest.raises(Exception, match="500"):
        await hasty.rcs.list()
    sinch_emulator.inject("listRcsSenders", status=500, times=1)
    assert await sinch.rcs.list() == []


async def test_any_generated_coroutine_can_be_called(
    sinch: ProvisioningClient, sinch_emulator: Emulator
) -> None:
    """A generated coroutine without a method of its own gets client, project, token and our errors."""
    sender = await sinch.rcs.create(display_name="Acme")
    assert sender.id is not None
    assert (await sinch.call(get_rcs_sender, sender.id)).display_name == "Acme"
    with pytest.raises(NotFoundError):
        await sinch.for_project("other").call(get_rcs_sender, sender.id)
    with pytest.raises(ConfigurationError):
        await sinch.call(get_rcs_sender, "..")


async def test_raw_request_reaches_any_path(sinch: ProvisioningClient, sinch_emulator: Emulator) -> None:
    """A path that no method covers gets the token, the project id, the retries and the errors."""
    created = await sinch.request(
        "POST", "/v1/projects/{project_id}/rcs/senders", json={"displayName": "Acme"}
    )
    assert created.json()["displayName"] == "Acme"
    sinch_emulator.inject("listRcsSenders", status=503, times=1)
    listed = await sinch.request("GET", "/v1/projects/{project_id}/rcs/senders", params={"pageSize": 1})
    assert len(listed.json()["senders"]) == 1
    with pytest.raises(NotFoundError):
        await sinch.request("GET", "/v1/projects/{project_id}/nothing")
    with pytest.raises(BadRequestError):
        await sinch.request("POST", "/v1/projects/{project_id}/rcs/senders", json={})


@pytest.mark.parametrize(
    "path",
    [
        "https://elsewhere.example/v1",
        "//elsewhere.example/v1",
        "v1/projects",
        "/v1/../admin",
        "/v1/%2e%2e/admin",
        "/v1/./x",
        "/v1//x",
        "/v1/a%2f..%2fb",
        "/v1/x?y=1",
        "/v1/x#y",
        "/v1/{sender_id}",
        "/v1/a b",
        "",
    ],
)
async def test_raw_request_refuses_misleading_paths(
    sinch: ProvisioningClient, sinch_emulator: Emulator, path: str
) -> None:
    """What could leave the API or the named path is refused, and nothing is sent."""
    with pytest.raises(ConfigurationError):
        await sinch.request("GET", path)
    assert len(sinch_emulator.requests) == 0


async def test_call_after_close_is_a_configuration_error(sinch_emulator: Emulator) -> None:
    """A closed client says so; closing it twice is nothing."""
    sinch = client_on(sinch_emulator)
    view = sinch.for_project("other")
    await sinch.rcs.list()
    await sinch.aclose()
    await sinch.aclose()
    for closed in (sinch, view):
        with pytest.raises(ConfigurationError, match="closed"):
            await closed.rcs.list()


async def test_callers_own_http_client_is_used_as_it_is(served: Served) -> None:
    """An injected client keeps its headers and stays open when ours closes."""
    emulator, client = served
    seen: list[str] = []

    async def note(request: httpx.Request) -> None:
        seen.append(request.headers["x-team"])

    hooks = {"request": [note]}
    async with httpx.AsyncClient(headers={"X-Team": "messaging"}, event_hooks=hooks) as http:
        async with client(http_client=http) as sinch:
            await sinch.rcs.create(**BRAND)
        assert not http.is_closed
        assert seen == ["messaging"] * 2
    assert emulator.requests.count("createRcsSender", status=200) == 1


async def test_ensure_creates_updates_and_leaves_alone(
    sinch: ProvisioningClient, sinch_emulator: Emulator
) -> None:
    """The same call creates, then does nothing, then updates what differs."""
    first = await sinch.rcs.ensure(**BRAND)
    again = await sinch.rcs.ensure(**BRAND)
    brand = BRAND.copy()
    brand["description"] = "Now with pizza"
    changed = await sinch.rcs.ensure(**brand)
    assert first.id == again.id == changed.id
    assert changed.description == "Now with pizza"
    assert sinch_emulator.requests.count("createRcsSender") == 1
    [update] = sinch_emulator.requests.of("updateRcsSender")
    assert update.body == {"description": "Now with pizza"}


async def test_ensure_refuses_what_no_update_can_mend(sinch: ProvisioningClient) -> None:
    """A field that the API can't change is named, and nothing is changed."""
    await sinch.rcs.ensure(**BRAND)
    brand = BRAND.copy()
    brand["website"], brand["description"] = "https://other.example", "x"
    with pytest.raises(SenderMismatchError, match="website"):
        await sinch.rcs.ensure(**brand)
    assert (await sinch.rcs.list())[0].description == BRAND["description"]


async def test_ensure_never_guesses_between_two(sinch: ProvisioningClient) -> None:
    """Two senders of one name are an error that names both."""
    ids = [(await sinch.rcs.create(**BRAND)).id for _ in range(2)]
    with pytest.raises(SenderMismatchError) as caught:
        await sinch.rcs.ensure(**BRAND)
    assert all(str(each) in str(caught.value) for each in ids)


async def test_ensure_on_a_channel_without_update(sinch: ProvisioningClient) -> None:
    """LINE senders are found by name, and other credentials are an error that shows none."""
    mine = LineCredentials("line-token", "line-secret")
    first = await sinch.line.ensure(name="Acme", channel_credentials=mine)
    assert (await sinch.line.ensure(name="Acme", channel_credentials=mine)).id == first.id
    with pytest.raises(SenderMismatchError, match="channelCredentials") as caught:
        await sinch.line.ensure(name="Acme", channel_credentials=LineCredentials("line-token", "new-secret"))
    assert "secret" not in str(caught.value)


async def test_launch_not_ready_names_what_is_missing(sinch: ProvisioningClient) -> None:
    """A launch of an incomplete brand says which keyword arguments to fill in."""
    sender = await sinch.rcs.create(display_name="Acme", website="https://acme.example")
    with pytest.raises(LaunchNotReadyError) as caught:
        await sinch.rcs.launch(sender.id)
    assert caught.value.missing == (
        "description",
        "logo_url",
        "hero_image_url",
        "privacy_policy",
        "terms_of_service",
    )
    assert caught.value.status_code == 412


async def test_launch_rcs_sender_is_safe_to_run_twice(
    sinch: ProvisioningClient, sinch_emulator: Emulator
) -> None:
    """One create and one launch reach the server, whatever the number of runs, and by id as well."""
    sender = await sinch.launch_rcs_sender(**BRAND)
    assert sender.status == "PREPARING_LAUNCH"
    live = await sinch.launch_rcs_sender(**BRAND, wait=True, timeout=7200)
    assert live.status == "LAUNCHED"
    assert (await sinch.launch_rcs_sender(live.id)).status == "LAUNCHED"
    assert sinch_emulator.requests.count("createRcsSender") == 1
    assert sinch_emulator.requests.count("launchRcsSender") == 1


async def test_raw_request_takes_lists_none_and_headers(
    sinch: ProvisioningClient, sinch_emulator: Emulator
) -> None:
    """A list repeats its parameter, None leaves it out, and own headers travel; the client's own are refused."""
    path = "/v1/projects/{project_id}/rcs/senders"
    await sinch.request("GET", path, params={"a": ["x", "y"], "b": None, "c": True}, headers={"X-Mine": "1"})
    for name in ("Authorization", "host", "Content-Length", "Transfer-Encoding"):
        with pytest.raises(ConfigurationError, match="client's own"):
            await sinch.request("GET", path, headers={name: "x"})
    for wrong in ("/v1/..;/x", "/v1/.;a/x", "/v1/%00/x", "/v1/;x/y"):
        with pytest.raises(ConfigurationError):
            await sinch.request("GET", wrong)
    assert sinch_emulator.requests.count("listRcsSenders") == 1


@pytest.mark.parametrize(("method", "repeatable", "requests"), [("GET", False, 1), ("POST", True, 4)])
async def test_raw_request_is_repeated_as_it_says(method: str, repeatable: bool, requests: int) -> None:
    """A GET that acts is sent once; a POST that may be repeated is."""
    seen: list[httpx.Request] = []

    def failing(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(500)

    async with ProvisioningClient(
        project_id="p",
        credentials=BearerToken("t"),
        transport=httpx.MockTransport(failing),
        retry=RetryPolicy(initial_delay=0),
    ) as sinch:
        with pytest.raises(ServerError):
            await sinch.request(method, "/x", params={"a": ["x", "y"], "b": None}, repeatable=repeatable)
    assert len(seen) == requests
    assert seen[0].url.query == b"a=x&a=y"
