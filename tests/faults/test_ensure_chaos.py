"""`ensure` under faults and cancellations: exactly one sender per name, whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from sinch_provisioning import (
    OutcomeUnknownError,
    ProvisioningClient,
    ProvisioningError,
    SenderMismatchError,
    ServerError,
)

from . import faults
from .clients import FakeClock, client_on, own_tasks, policy, settle
from .conftest import Open
from .server import Server
from .wire import Seen

DOUBTFUL = {
    "dropped": faults.drop,
    "committed_then_dropped": faults.commit_then_drop,
    "committed_then_reset": faults.commit_then_reset,
    "truncated": faults.truncate,
    "committed_then_502": faults.commit_then(502, b"<html>"),
    "committed_then_500": faults.commit_then(500),
    "not_committed_500": faults.status(500),
    "committed_then_rubbish": faults.commit_then(200, b"rubbish"),
    "committed_then_409": faults.commit_then(409, {"errorCode": "exists"}),
}


@pytest.mark.parametrize("fault", DOUBTFUL)
async def test_ensure_reads_back_before_it_writes_again(
    server: Server, open_client: Open, fault: str
) -> None:
    """After a create that may have happened, ensure looks; the name has one sender in the end."""
    server.arm("POST rcs", DOUBTFUL[fault])
    sender = await open_client().rcs.ensure(display_name="Acme")
    assert sender.display_name == "Acme"
    assert server.names() == {"Acme": 1}
    keys = [seen.key for seen in server.seen if seen.key != "token"]
    assert keys[:3] == ["GET rcs", "POST rcs", "GET rcs"]
    assert server.count("POST rcs") == (2 if fault in ("dropped", "not_committed_500") else 1)


@pytest.mark.parametrize("fault", DOUBTFUL)
async def test_launch_reads_back_before_it_launches_again(
    server: Server, open_client: Open, fault: str
) -> None:
    """After a launch that may have happened, the sender is read; what is under way is not launched again."""
    server.add("Acme")
    server.arm("POST rcs/{id}/launch", DOUBTFUL[fault])
    sender = await open_client().launch_rcs_sender("s1")
    assert sender.status == "LAUNCHING"
    assert server.count("POST rcs/{id}/launch") == (2 if fault in ("dropped", "not_committed_500") else 1)


async def test_doubt_that_cannot_be_cleared_is_raised(server: Server, open_client: Open) -> None:
    """When the look after a doubtful write fails, the write's own error is raised: it says what may have been."""
    server.always("POST rcs", faults.commit_then_drop)
    server.arm("GET rcs", faults.status(200, {"senders": []}))
    server.always("GET rcs", faults.status(500))
    with pytest.raises(OutcomeUnknownError):
        await open_client().rcs.ensure(display_name="Acme")
    assert server.count("POST rcs") == 1


async def test_writes_are_bounded(server: Server, open_client: Open) -> None:
    """A server that fails every create and does none is written to `max_attempts` times."""
    server.always("POST rcs", faults.status(500))
    with pytest.raises(ServerError):
        await open_client(retry=policy(max_attempts=3)).rcs.ensure(display_name="Acme")
    assert server.count("POST rcs") == 3


async def test_same_name_waits_for_its_turn_over_all_views(server: Server, open_client: Open) -> None:
    """Twenty ensures of one name through many views of one client create one sender."""
    sinch = open_client()
    views = [sinch, sinch.for_project("p1"), sinch.with_options(timeout=3)]
    server.always("POST rcs", faults.delay(0.02))
    senders = await asyncio.gather(
        *(views[number % 3].rcs.ensure(display_name="Acme") for number in range(20))
    )
    assert {sender.id for sender in senders} == {"s1"}
    assert server.count("POST rcs") == 1


async def test_different_names_do_not_wait_for_each_other(server: Server, open_client: Open) -> None:
    """A name whose create hangs holds up no other."""
    sinch = open_client()
    server.arm("POST rcs", faults.hang)
    slow = asyncio.ensure_future(sinch.rcs.ensure(display_name="slow"))
    await settle(lambda: server.count("POST rcs") == 1)
    async with asyncio.timeout(2):
        await sinch.rcs.ensure(display_name="quick")
    slow.cancel()
    await asyncio.gather(slow, return_exceptions=True)


async def test_cancelled_ensure_gives_up_its_turn(server: Server, open_client: Open) -> None:
    """The next in line goes on at once, and finds what the cancelled one left."""
    sinch = open_client()
    server.arm("POST rcs", faults.commit_then_hang)
    first = asyncio.ensure_future(sinch.rcs.ensure(display_name="Acme"))
    await settle(lambda: server.count("POST rcs") == 1)
    second = asyncio.ensure_future(sinch.rcs.ensure(display_name="Acme"))
    first.cancel()
    assert (await second).id == "s1"
    assert server.count("POST rcs") == 1


async def test_two_of_a_name_are_no_ground_to_guess_on(server: Server, open_client: Open) -> None:
    """Where a name has two senders already, ensure names them and writes nothing."""
    server.add("Acme")
    server.add("Acme")
    with pytest.raises(SenderMismatchError, match="s1, s2"):
        await open_client().rcs.ensure(display_name="Acme")
    assert server.count("POST rcs") == 0


async def test_chaos_leaves_exactly_one_sender_per_name(server: Server, open_client: Open) -> None:
    """30 % faults, 20 % cancellations, 2,000 ensure calls for 40 names: 0 duplicates, 0 lost."""
    dice = random.Random(2026)
    kinds = [*DOUBTFUL.values(), faults.status(503), faults.status(429), faults.cut_chunked]

    def chaos(seen: Seen) -> faults.Fault | None:
        return dice.choice(kinds) if seen.key != "token" and dice.random() < 0.3 else None

    server.chaos = chaos
    clock = FakeClock()
    sinch = open_client(clock=clock, max_connections=20)
    before = asyncio.all_tasks()
    names = [f"sender {number % 40}" for number in range(2000)]
    dice.shuffle(names)
    outcomes: Counter[str] = Counter()

    async def work(client: ProvisioningClient) -> None:
        while names:
            call = asyncio.ensure_future(client.rcs.ensure(display_name=names.pop()))
            if dice.random() < 0.2:
                for _ in range(dice.randrange(20)):
                    await asyncio.sleep(0)
                call.cancel()
            outcome = (await asyncio.gather(call, return_exceptions=True))[0]
            assert not isinstance(outcome, Exception) or isinstance(outcome, ProvisioningError)
            outcomes[type(outcome).__name__] += 1

    await asyncio.gather(*(work(sinch.for_project("p1")) for _ in range(20)))
    server.chaos = None
    for number in range(40):
        await sinch.rcs.ensure(display_name=f"sender {number}")
    assert server.names() == {f"sender {number}": 1 for number in range(40)}
    assert sum(outcomes.values()) == 2000
    assert outcomes["CancelledError"] > 100
    assert outcomes["RcsSender"] > 1000
    assert "SenderMismatchError" not in outcomes
    assert sinch.in_flight == 0
    await sinch.aclose()
    assert own_tasks(before) == set()
    await settle(lambda: server.open_connections == 0)


async def test_churn_of_cancellations_sticks_no_place(server: Server) -> None:
    """Two seconds of calls cancelled at random, 20 workers on 10 connections: the next 10 calls are quick.

    On our own connections only: httpx's pool loses slots when callers are cancelled (encode/httpcore#1093).
    """
    dice = random.Random(10)
    server.always("GET rcs", faults.delay(0.005))
    sinch = client_on(server, max_connections=10)
    await sinch.rcs.list()
    loop = asyncio.get_running_loop()
    ends = loop.time() + 2.0

    async def churn() -> None:
        while loop.time() < ends:
            call = asyncio.ensure_future(sinch.rcs.list())
            await asyncio.sleep(dice.random() * 0.02)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)

    await asyncio.gather(*(churn() for _ in range(20)))
    assert sinch.in_flight == 0
    server.always("GET rcs", None)
    started = loop.time()
    await asyncio.gather(*(sinch.rcs.list() for _ in range(10)))
    assert loop.time() - started < 1.0
    assert server.count("token") == 1
    await sinch.aclose()
