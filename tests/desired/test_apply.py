"""Applying: everything that is missing, nothing twice, whatever goes wrong."""

from __future__ import annotations

import asyncio
import random
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sinch_provisioning import (
    ConfigurationError,
    ConflictError,
    ProvisioningClient,
    RateLimitError,
    ServerError,
    TokenError,
    apply,
    plan,
)
from sinch_provisioning.desired import (
    Applied,
    DesiredProject,
    DesiredSender,
    DesiredState,
    Outcome,
    SecretReference,
    load,
    may_pass,
)
from sinch_provisioning.desired.apply_state import DEFAULT_CONCURRENCY
from sinch_provisioning_emulator import Emulator

from .brands import arm, write_brands
from .test_plan import FIELDS

WRITES = ("createRcsSender", "updateRcsSender", "launchRcsSender", "createLineSender")


def _state(*names: str, launch: bool = True, **fields: Any) -> DesiredState:
    senders = [DesiredSender("rcs", {"display_name": name, **FIELDS, **fields}, launch) for name in names]
    return DesiredState([DesiredProject(senders)])


def _writes(server: Emulator) -> int:
    return sum(server.requests.count(operation) for operation in WRITES)


async def test_a_tenth_of_faults_leaves_no_gap_and_no_double(
    server: Emulator, opened: ProvisioningClient, tmp_path: Path
) -> None:
    """Every sender is there once and launched, by a handful of listings, and a second apply sends no write."""
    arm(server)
    desired = load(write_brands(tmp_path / "brands.yaml", 400))
    applied = await apply(opened, desired, clock=server.clock)
    assert applied.ok
    assert applied.counts() == {
        "created": 400, "updated": 0, "launched": 400, "done": 0, "in_review": 400, "failed": 0, "left": 0,
    }  # fmt: skip
    assert Counter(sender.name for sender in server.senders) == Counter(f"Brand {n:05d}" for n in range(400))
    assert server.requests.count("listRcsSenders") < 20
    server.faults.clear()
    server.requests.clear()
    again = await apply(opened, desired, clock=server.clock)
    assert again.ok
    assert _writes(server) == 0
    assert (await plan(opened, desired)).is_empty


async def test_dying_anywhere_and_running_again_comes_to_the_same_end(
    server: Emulator, opened: ProvisioningClient, tmp_path: Path
) -> None:
    """Five runs cut off at random moments, requests under way included, leave nothing that the sixth can't finish."""
    arm(server)
    desired = load(write_brands(tmp_path / "brands.yaml", 200))
    dice = random.Random(7)
    for _ in range(5):
        running = asyncio.ensure_future(apply(opened, desired, clock=server.clock))
        for _ in range(dice.randrange(20, 1500)):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert (await apply(opened, desired, clock=server.clock)).ok
    assert sorted(sender.name for sender in server.senders) == [f"Brand {n:05d}" for n in range(200)]
    assert all(sender.status != "DRAFT" for sender in server.senders)


async def test_memory_is_bounded(server: Emulator, opened: ProvisioningClient, tmp_path: Path) -> None:
    """A sender costs a few kilobytes while it is applied, so that ten thousand of them stay far below 200 MB."""
    desired = load(write_brands(tmp_path / "brands.yaml", 500))
    await apply(opened, desired, clock=server.clock)
    tracemalloc.start()
    try:
        assert (await apply(opened, desired, clock=server.clock)).ok
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak / 500 < 12_000


async def test_waiting_ends_when_the_carriers_have_decided(
    server: Emulator, opened: ProvisioningClient
) -> None:
    """With wait, approved senders are done and rejected ones failed, the first not holding up the others."""
    server.reject("bad")
    heard: list[tuple[str, str]] = []

    def hear(what: str, outcome: Outcome) -> None:
        heard.append((what, outcome.name))

    applied = await apply(opened, _state("good", "bad"), wait=True, clock=server.clock, observer=hear)
    outcomes = {outcome.name: outcome for outcome in applied.outcomes}
    assert (outcomes["good"].state, outcomes["good"].status) == ("done", "LAUNCHED")
    assert (outcomes["bad"].state, outcomes["bad"].status) == ("failed", "REJECTED")
    assert not applied.ok
    assert [what for what, name in heard if name == "good"] == ["create", "launch", "in review", "done"]
    assert server.requests.count("launchRcsSender") == 2


async def test_waiting_ends_when_its_time_is_over(server: Emulator, opened: ProvisioningClient) -> None:
    """Who is undecided then is in review, which is no failure; few senders are asked for one by one."""
    server.hold("slow")
    applied = await apply(opened, _state("slow"), wait=True, timeout=600, clock=server.clock)
    assert applied.counts()["in_review"] == 1
    assert server.clock.monotonic() == pytest.approx(600, abs=5)
    assert server.requests.count("listRcsSenders") == 1
    assert server.requests.count("getRcsSender") > 10


async def test_many_senders_under_review_are_watched_by_listing(
    server: Emulator, opened: ProvisioningClient, tmp_path: Path
) -> None:
    """Beyond a few, one listing tells of all of them."""
    desired = load(write_brands(tmp_path / "brands.yaml", 60))
    applied = await apply(opened, desired, wait=True, clock=server.clock)
    assert applied.counts()["done"] == 60
    assert server.requests.count("getRcsSender") == 0


async def test_one_failed_sender_stops_no_other(server: Emulator, opened: ProvisioningClient) -> None:
    """A sender that the API refuses is its own outcome, told with the API's words, and tried once."""
    server.inject("createRcsSender", status=400, times=1)
    applied = await apply(opened, _state("A", "B", "C"), concurrency=1, clock=server.clock)
    assert [outcome.state for outcome in applied.outcomes] == ["failed", "in review", "in review"]
    assert "400" in str(applied.failed[0].problem)
    assert server.requests.count("createRcsSender") == 3


async def test_an_unready_launch_is_created_and_told(server: Emulator, opened: ProvisioningClient) -> None:
    """What can be done is done; what is missing for the rest is named; nothing is launched in vain."""
    unready = DesiredSender("rcs", {"display_name": "U", "website": "https://u.example"}, launch=True)
    applied = await apply(opened, DesiredState([DesiredProject([unready])]), clock=server.clock)
    [outcome] = applied.outcomes
    assert (outcome.state, outcome.done) == ("failed", ("create",))
    assert "logo_url" in outcome.missing
    assert server.requests.count("launchRcsSender") == 0


async def test_a_listing_that_lags_behind_makes_no_double(
    server: Emulator, opened: ProvisioningClient
) -> None:
    """A sender made by this run is never made again because a listing does not show it yet."""
    server.inject("launchRcsSender", status=500, times=1)
    server.inject("listRcsSenders", body={"senders": []}, times=3)
    applied = await apply(opened, _state("A"), clock=server.clock)
    assert applied.ok
    assert len(server.senders) == 1


async def test_an_outage_ends_in_failures_and_not_in_endless_calls(
    server: Emulator, opened: ProvisioningClient, tmp_path: Path
) -> None:
    """When nothing comes through, a few rounds of a few calls are made, and every sender has its reason."""
    server.inject("createRcsSender", status=500, times=None)
    desired = load(write_brands(tmp_path / "brands.yaml", 300))
    applied = await apply(opened, desired, concurrency=10, clock=server.clock)
    assert applied.counts()["failed"] == 300
    assert server.requests.count("createRcsSender") < 300
    assert all(outcome.problem for outcome in applied.outcomes)


async def test_where_nothing_can_be_listed_that_is_raised(
    server: Emulator, opened: ProvisioningClient
) -> None:
    """Without a single listing there is no difference to act by."""
    server.inject("listRcsSenders", status=500, times=None)
    with pytest.raises(ServerError):
        await apply(opened, _state("A"), clock=server.clock)
    assert _writes(server) == 0


async def test_refusals_are_not_tried_again(server: Emulator, opened: ProvisioningClient) -> None:
    """Refused calls and tokens, and limits that last for a day, fail the sender; outages and stale views do not."""
    server.inject("createRcsSender", status=401, times=2)
    [sender] = (await apply(opened, _state("A"), clock=server.clock)).failed
    assert "401" in str(sender.problem)
    error = TokenError("refused", status_code=451)
    assert not may_pass(error)
    assert may_pass(TokenError("busy", status_code=429, retry_after=60.0))
    assert not may_pass(RateLimitError("busy", status_code=429, error_code="rbm_too_many_requests"))
    assert may_pass(ConflictError("exists", status_code=409))


async def test_stopping_lets_calls_end_and_begins_no_other(
    server: Emulator, opened: ProvisioningClient, tmp_path: Path
) -> None:
    """After stop, no request is cut off: what was begun is counted, the rest is left, and a second run does it."""
    stop = asyncio.Event()
    desired = load(write_brands(tmp_path / "brands.yaml", 100))

    def hear(what: str, outcome: Outcome) -> None:
        if len(server.senders) > 30:
            stop.set()

    applied = await apply(opened, desired, concurrency=4, clock=server.clock, stop=stop, observer=hear)
    counts = applied.counts()
    assert applied.stopped
    assert counts["left"] > 50
    assert counts["created"] == len(server.senders)
    assert (await apply(opened, desired, clock=server.clock)).ok


async def test_stopping_wakes_up_who_waits(server: Emulator, opened: ProvisioningClient) -> None:
    """A wait for carriers ends at once when it is to stop."""
    stop = asyncio.Event()
    server.hold("slow")

    def hear(what: str, _: Outcome) -> None:
        if what == "in review":
            asyncio.get_running_loop().call_later(0.01, stop.set)

    applied = await asyncio.wait_for(apply(opened, _state("slow"), wait=True, stop=stop, observer=hear), 5)
    assert applied.stopped


async def test_secrets_are_read_when_they_are_needed(
    server: Emulator, opened: ProvisioningClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A referenced secret reaches the API, and one that is gone by then is that sender's failure."""
    monkeypatch.setenv("LINE_TOKEN", "t-1")
    there, gone = (
        DesiredSender(
            "line", {"name": name}, channel_credentials={"token": SecretReference("env", name), "secret": "s"}
        )
        for name in ("LINE_TOKEN", "NOT_THERE")
    )
    applied = await apply(opened, DesiredState([DesiredProject([there, gone])]), clock=server.clock)
    assert [outcome.state for outcome in applied.outcomes] == ["done", "failed"]
    assert applied.outcomes[1].problem == "environment variable NOT_THERE is not set"
    assert [sender.name for sender in server.senders] == ["LINE_TOKEN"]


async def test_differences_are_sent_and_nothing_else(server: Emulator, opened: ProvisioningClient) -> None:
    """An update carries the fields that differ, and the sender is launched after it."""
    await opened.rcs.create(
        display_name="A", **{**FIELDS, "description": "old", "logo_url": "https://old.example"}
    )
    applied = await apply(opened, _state("A"), clock=server.clock)
    assert applied.outcomes[0].done == ("update", "launch")
    [sent] = server.requests.of("updateRcsSender")
    assert sent.body == {"description": FIELDS["description"], "logoUrl": FIELDS["logo_url"]}


async def test_concurrency_is_bounded(server: Emulator, opened: ProvisioningClient, tmp_path: Path) -> None:
    """No more senders than asked for are worked on at once, and nonsense is refused."""
    busy: list[int] = []
    desired = load(write_brands(tmp_path / "brands.yaml", 50))
    begun = ended = 0

    def hear(what: str, _: Outcome) -> None:
        nonlocal begun, ended
        begun += what == "create"
        ended += what == "in review"
        busy.append(begun - ended)

    await apply(opened, desired, concurrency=3, clock=server.clock, observer=hear)
    assert max(busy) <= 3
    assert DEFAULT_CONCURRENCY == 20
    with pytest.raises(ConfigurationError):
        await apply(opened, desired, concurrency=0)


def test_results_are_plain_data() -> None:
    """An outcome and a result can be printed as JSON."""
    applied = Applied([Outcome("p", "rcs", "A", "done", "id", "LAUNCHED", ("create",))])
    assert applied.to_dict()["summary"] == {
        "created": 1, "updated": 0, "launched": 0, "done": 1, "in_review": 0, "failed": 0, "left": 0,
    }  # fmt: skip


async def test_applying_twice_launches_once_whatever_status_is_shown(
    server: Emulator, opened: ProvisioningClient
) -> None:
    """A sender that this client has launched is not launched again while it still shows IN_TEST."""
    brand = {
        "display_name": "A", "description": "d", "website": "https://a.example", "logo_url": "https://a.example/l",
        "hero_image_url": "https://a.example/h", "privacy_policy": "https://a.example/p",
        "terms_of_service": "https://a.example/t",
    }  # fmt: skip
    wanted = DesiredState([DesiredProject([DesiredSender("rcs", brand, launch=True)])])
    assert (await apply(opened, wanted)).counts()["launched"] == 1
    [sender] = (await opened.request("GET", "/v1/projects/{project_id}/rcs/senders")).json()["senders"]
    shown = {"senders": [sender | {"status": "IN_TEST", "state": "IN_TEST"}]}
    server.inject("listRcsSenders", status=200, body=shown, times=None)
    assert (await plan(opened, wanted)).is_empty
    again = await apply(opened, wanted)
    assert (again.counts()["launched"], again.counts()["in_review"]) == (0, 1)
    assert server.requests.count("launchRcsSender") == 1
