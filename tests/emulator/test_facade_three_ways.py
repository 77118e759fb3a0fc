"""One suite for the facade, three counterparts: the emulator in process, over a socket, and Prism.

Prism is stateless: it judges each request against the document and answers with made-up replies, so it takes the
part of the suite that asks for no state.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any, TypeVar

import pytest

from sinch_provisioning import (
    AuthenticationError,
    BadRequestError,
    BasicCredentials,
    BearerToken,
    ConflictError,
    Credentials,
    KakaoTalkCredentials,
    LaunchNotReadyError,
    LaunchRejectedError,
    LineCredentials,
    NotFoundError,
    OAuth2ClientCredentials,
    OutcomeUnknownError,
    ProvisioningClient,
    RateLimitError,
    ResponseDecodeError,
    RetryPolicy,
    SenderMismatchError,
    TelegramCredentials,
    TokenError,
    WaitTimeoutError,
)
from sinch_provisioning_emulator import Emulator

from ..conftest import BRAND, client_on
from .processes import SPEC, Prism

_T = TypeVar("_T")

Answered = tuple[ProvisioningClient, Emulator]


@pytest.fixture(params=["process", "socket"])
async def way(request: pytest.FixtureRequest, emulator: Emulator) -> AsyncIterator[Answered]:
    """A client and the emulator behind it, in process and over a socket."""
    if request.param == "process":
        async with client_on(emulator) as sinch:
            yield sinch, emulator
        return
    async with emulator.serve(), client_on(emulator, transport="httpx") as sinch:
        yield sinch, emulator


@pytest.fixture(scope="module")
def judge() -> Iterator[str]:
    """Prism's URL, with invalid requests refused."""
    with Prism("mock", str(SPEC)) as prism:
        yield prism.origin


async def listed(senders: Awaitable[list[_T]]) -> list[_T]:
    """Await a list; Prism, which has no state, repeats the page token of a document that has pages."""
    try:
        return await senders
    except ResponseDecodeError as error:
        if "nextPageToken came twice" not in str(error):
            raise
        return []


async def every_operation(sinch: ProvisioningClient) -> list[str | None]:
    """Call all twelve, and give the names that came back."""
    sender = await sinch.rcs.create(**BRAND)
    senders = [sender, await sinch.rcs.get(sender.id), await sinch.rcs.launch(sender.id)]
    senders.append(await sinch.rcs.update(sender.id, description="new"))
    senders += await listed(sinch.rcs.list())
    await sinch.rcs.delete(sender.id)
    names = [each.display_name for each in senders]
    for channel, secret in (
        (sinch.kakaotalk, KakaoTalkCredentials("@acme", "key")),
        (sinch.line, LineCredentials("token", "secret")),
        (sinch.telegram, TelegramCredentials("token")),
    ):
        names.append((await channel.create(name="Acme", channel_credentials=secret)).name)
        names += [each.name for each in await listed(channel.list())]
    return names


async def test_every_operation_works(way: Answered) -> None:
    """All twelve, with the SDK's own credentials; every reply came with a 200."""
    sinch, emulator = way
    assert await every_operation(sinch) == ["Acme"] * 11
    assert {each.status for each in emulator.requests} == {200}
    assert len({each.operation_id for each in emulator.requests} - {"token"}) == 12


@pytest.mark.parametrize("scheme", ["oauth2", "basic", "bearer"])
async def test_every_operation_works_with_prism(judge: str, scheme: str, emulator: Emulator) -> None:
    """All twelve, with each kind of credentials; Prism refuses what the document does not allow."""
    async with emulator.serve():  # for its token endpoint: Prism has none
        kinds: dict[str, Credentials] = {
            "oauth2": OAuth2ClientCredentials(emulator.key_id, emulator.key_secret, emulator.token_url),
            "basic": BasicCredentials(emulator.key_id, emulator.key_secret),
            "bearer": BearerToken("made-up"),
        }
        async with ProvisioningClient(project_id="p", credentials=kinds[scheme], base_url=judge) as sinch:
            assert len(await every_operation(sinch)) >= 7


async def test_the_main_job(way: Answered) -> None:
    """Ensured, launched and waited for; run twice, nothing is created or launched again."""
    sinch, emulator = way
    for _ in range(2):
        sender = await sinch.launch_rcs_sender(**BRAND, wait=True, timeout=3600)
        assert (sender.status, sender.display_name) == ("LAUNCHED", "Acme")
    assert emulator.requests.count("createRcsSender") == emulator.requests.count("launchRcsSender") == 1
    assert emulator.requests.count("token") == 1


async def test_both_schemes_and_a_bearer_token(way: Answered) -> None:
    """The emulator checks each of them, and a wrong one is refused."""
    sinch, emulator = way
    for key in (
        BasicCredentials(emulator.key_id, emulator.key_secret),
        OAuth2ClientCredentials(emulator.key_id, emulator.key_secret, emulator.token_url),
    ):
        assert await sinch.for_project("other", key).line.list() == []
    with pytest.raises(AuthenticationError):
        await sinch.for_project("other", BearerToken("made-up")).line.list()
    with pytest.raises(AuthenticationError):
        await sinch.for_project("other", BasicCredentials(emulator.key_id, "wrong")).line.list()
    wrong = OAuth2ClientCredentials(emulator.key_id, "wrong", emulator.token_url)
    with pytest.raises(TokenError):
        await sinch.for_project("other", wrong).line.list()


async def test_errors_carry_what_the_reply_said(way: Answered) -> None:
    """Each status is its own exception, with code, resolution, details and the reply's id."""
    sinch, emulator = way
    with pytest.raises(NotFoundError) as lost:
        await sinch.rcs.get("01NOSUCH")
    assert (lost.value.error_code, lost.value.request_id) == (
        "sender_not_found",
        emulator.requests[-1].request_id,
    )
    with pytest.raises(BadRequestError, match="logoUrl"):
        await sinch.rcs.create(display_name="A", logo_url="no uri")
    draft = await sinch.rcs.create(display_name="A", description="d")
    with pytest.raises(LaunchNotReadyError) as unready:
        await sinch.rcs.launch(draft.id)
    assert unready.value.missing == (
        "logo_url",
        "hero_image_url",
        "phone_number",
        "website",
        "privacy_policy",
        "terms_of_service",
    )
    ready = await sinch.rcs.create(**BRAND)
    await sinch.rcs.launch(ready.id)
    with pytest.raises(ConflictError, match="PREPARING_LAUNCH"):
        await sinch.rcs.launch(ready.id)


async def test_a_rejected_and_a_pending_launch(way: Answered) -> None:
    """Both end the waiting, each with the last state seen."""
    sinch, emulator = way
    emulator.reject("Acme")
    with pytest.raises(LaunchRejectedError) as rejected:
        await sinch.launch_rcs_sender(**BRAND, wait=True, timeout=7_200)
    assert rejected.value.sender is not None
    assert rejected.value.sender.status == "REJECTED"
    pending = await sinch.rcs.create(**(BRAND | {"display_name": "Slow"}))
    emulator.hold("Slow")
    with pytest.raises(WaitTimeoutError) as late:
        await sinch.launch_rcs_sender(pending.id, wait=True, timeout=7_200)
    assert late.value.sender is not None
    assert late.value.sender.status == "LAUNCHING"


async def test_watching_sees_every_station(way: Answered) -> None:
    """Each change of status once, in order."""
    sinch, _ = way
    sender = await sinch.rcs.create(**BRAND)
    await sinch.rcs.launch(sender.id)
    seen = [each.status async for each in sinch.rcs.watch(sender.id)]
    assert seen == ["PREPARING_LAUNCH", "LAUNCHING", "LAUNCHED"]


async def test_ensure_finds_mends_and_refuses_to_guess(way: Answered) -> None:
    """Found by name, updated where it differs; two of a name, or what can't be mended, is an error."""
    sinch, emulator = way
    first = await sinch.rcs.ensure(**BRAND)
    again = await sinch.rcs.ensure(**(BRAND | {"description": "new"}))
    assert (again.id, again.description) == (first.id, "new")
    with pytest.raises(SenderMismatchError, match="website"):
        await sinch.rcs.ensure(**(BRAND | {"website": "https://other.example"}))
    emulator.add("rcs", {"displayName": "Acme"})
    with pytest.raises(SenderMismatchError):
        await sinch.rcs.ensure(**BRAND)


async def test_lists_come_whole_from_a_paging_server() -> None:
    """The 51st sender is not lost, in process and over a socket."""
    emulator = Emulator(page_size=50)
    for number in range(120):
        emulator.add("telegram", {"name": str(number)})
    async with client_on(emulator) as sinch:
        assert len(await sinch.telegram.list()) == 120
    async with emulator.serve(), client_on(emulator, transport="httpx") as sinch:
        assert len(await sinch.telegram.list()) == 120
    assert emulator.requests.count("listTelegramSenders") == 6


async def test_a_storm_passes_and_an_expired_token_is_renewed(way: Answered) -> None:
    """429 with Retry-After, 503, dropped connections and a token that died early: reading calls come through."""
    sinch, emulator = way
    emulator.inject("listLineSenders", retry_after=2, times=2)
    emulator.inject("listLineSenders", drop="after")
    assert await sinch.line.list() == []
    emulator.inject("listLineSenders", expire_token=True)
    assert await sinch.line.list() == []
    emulator.clock.advance(days=1)
    assert await sinch.line.list() == []
    assert [each.status for each in emulator.requests.of("listLineSenders")] == [
        429,
        429,
        None,
        200,
        401,
        200,
        200,
    ]
    assert emulator.requests.count("token") == 3
    emulator.inject("listLineSenders", retry_after=3600, times=None)
    with pytest.raises(RateLimitError) as limited:
        await sinch.line.list()
    assert limited.value.retry_after == 3600


async def test_a_create_that_may_have_happened_is_not_repeated(way: Answered) -> None:
    """The create is sent once and its fate told; ensure looks first, and ends with one sender."""
    sinch, emulator = way
    emulator.inject("createLineSender", drop="after")
    with pytest.raises(OutcomeUnknownError):
        await sinch.line.create(name="Acme")
    assert emulator.requests.count("createLineSender") == 1
    emulator.inject("createRcsSender", drop="after")
    emulator.inject("launchRcsSender", status=500, applied=True)
    launched = await sinch.launch_rcs_sender(**BRAND, wait=True, timeout=3600)
    assert launched.status == "LAUNCHED"
    assert emulator.requests.count("createRcsSender") == emulator.requests.count("launchRcsSender") == 1


async def test_chaos_ends_with_one_sender_each(way: Answered) -> None:
    """With a fifth of all requests failing, fifty ensures at once make fifty senders, and none twice."""
    sinch, emulator = way
    emulator.inject("*", status=503, retry_after=1, probability=0.1, seed=1, times=None)
    emulator.inject("*", drop="after", probability=0.1, seed=2, times=None)
    patient = sinch.with_options(retry=RetryPolicy(max_attempts=12, deadline=3_600))
    names = [f"sender {number}" for number in range(50)]

    async def ensured(name: str) -> Any:
        for _ in range(5):
            try:
                return await patient.line.ensure(name=name)
            except OutcomeUnknownError:
                continue
        return None

    assert all(await asyncio.gather(*(ensured(name) for name in names)))
    assert sorted(sender.name for sender in emulator.senders) == sorted(names)
