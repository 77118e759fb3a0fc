"""Quirks: lists that lag, names and URLs that are rewritten, pages that overlap or never end."""

from __future__ import annotations

import httpx
import pytest

from sinch_provisioning_emulator import Emulator, EmulatorError, Quirks

LINE = "/v1/projects/emulator-project/line/senders"
RCS = "/v1/projects/emulator-project/rcs/senders"


def client(emulator: Emulator) -> httpx.AsyncClient:
    """Return a client with basic authentication, in process."""
    auth = (emulator.key_id, emulator.key_secret)
    return httpx.AsyncClient(transport=emulator.transport(), base_url=emulator.base_url, auth=auth)


async def pages(api: httpx.AsyncClient, size: int, limit: int) -> list[dict[str, object]]:
    """Follow the page tokens for at most `limit` pages."""
    found: list[dict[str, object]] = []
    query = {"pageSize": str(size)}
    while len(found) < limit:
        found.append((await api.get(LINE, params=query)).json())
        if "nextPageToken" not in found[-1]:
            break
        query["pageToken"] = str(found[-1]["nextPageToken"])
    return found


def names(page: dict[str, object]) -> list[str]:
    """Return the names on a page."""
    senders = page["senders"]
    assert isinstance(senders, list)
    return [sender["name"] for sender in senders]


def filled(quirks: Quirks) -> Emulator:
    """Return an emulator with five senders, A to E."""
    emulator = Emulator(quirks=quirks)
    for name in "ABCDE":
        emulator.add("line", {"name": name})
    return emulator


async def test_a_list_lags_behind_creates() -> None:
    """A new sender can be read at once, and is listed when the clock has moved on."""
    emulator = Emulator(quirks=Quirks(list_lag=2))
    async with client(emulator) as api:
        created = (await api.post(RCS, json={"displayName": "A"})).json()
        assert (await api.get(f"{RCS}/{created['id']}")).json() == created
        emulator.advance(seconds=1.9)
        assert (await api.get(RCS)).json() == {"senders": []}
        emulator.advance(seconds=0.1)
        assert (await api.get(RCS)).json() == {"senders": [created]}


async def test_names_and_urls_are_normalized() -> None:
    """What is stored and replied is the normal form; other text stays as it was sent."""
    emulator = Emulator(quirks=Quirks(normalize_names=True, normalize_urls=True))
    body = {"displayName": "  Cafe\u0301  Acme ", "description": " d ", "website": "https://ACME.example"}
    async with client(emulator) as api:
        created = (await api.post(RCS, json=body)).json()
        changed = (await api.patch(f"{RCS}/{created['id']}", json={"displayName": " B  C"})).json()
    assert created["displayName"] == "Caf\u00e9 Acme"
    assert (created["description"], created["website"]) == (" d ", "https://acme.example/")
    assert (changed["displayName"], emulator.senders[0].name) == ("B C", "B C")


async def test_shifting_pages_repeat_a_sender() -> None:
    """Each page starts with the last sender of the one before, and together they hold all of them."""
    async with client(filled(Quirks(shifting_pages=True))) as api:
        found = await pages(api, 2, limit=10)
    assert [names(page) for page in found] == [["A", "B"], ["B", "C"], ["C", "D"], ["D", "E"]]
    assert {page["totalSize"] for page in found} == {5}


async def test_endless_pages_always_have_a_next_one() -> None:
    """Every token is new, and the pages after the last sender are empty."""
    async with client(filled(Quirks(endless_pages=True))) as api:
        found = await pages(api, 3, limit=50)
    assert len(found) == 50
    assert len({page["nextPageToken"] for page in found}) == 50
    assert [names(page) for page in found[:3]] == [["A", "B", "C"], ["D", "E"], []]


async def test_page_tokens_may_be_numbers() -> None:
    """A token that is a JSON number leads to the next page."""
    async with client(filled(Quirks(numeric_page_tokens=True))) as api:
        found = await pages(api, 3, limit=10)
    assert found[0]["nextPageToken"] == 3
    assert [names(page) for page in found] == [["A", "B", "C"], ["D", "E"]]


@pytest.mark.parametrize(("total_size", "claimed"), [("exact", 5), ("too_large", 6), ("missing", None)])
async def test_the_total_size_may_be_wrong(total_size: str, claimed: int | None) -> None:
    """It is exact, one too large, or missing."""
    emulator = filled(Quirks())
    emulator.play({"quirks": {"total_size": total_size}})
    async with client(emulator) as api:
        found = await pages(api, 3, limit=10)
    assert [page.get("totalSize") for page in found] == [claimed, claimed]


async def test_two_writes_at_one_moment_are_both_listed() -> None:
    """A list shows the latest write even if the clock stood still in between."""
    emulator = Emulator()
    async with client(emulator) as api:
        item = f"{RCS}/{(await api.post(RCS, json={'displayName': 'A'})).json()['id']}"
        for name in ("B", "C"):
            await api.patch(item, json={"displayName": name})
            assert [each["displayName"] for each in (await api.get(RCS)).json()["senders"]] == [name]


def test_an_impossible_quirk_is_refused() -> None:
    """The error names the option, from code and from a scenario."""
    with pytest.raises(EmulatorError, match="list_lag"):
        Quirks(list_lag=-1)
    with pytest.raises(EmulatorError, match="total_size"):
        Quirks(total_size="wrong")  # type: ignore[arg-type]  # what is tested
    with pytest.raises(EmulatorError, match=r"quirks.total_size"):
        Emulator().play({"quirks": {"total_size": "wrong"}})
