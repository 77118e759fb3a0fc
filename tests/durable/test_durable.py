"""Orders, the rate, webhooks, and workers that die."""

from __future__ import annotations

import asyncio
import base64
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from attrs import frozen
from dbos import DBOS, SetWorkflowID

from sinch_provisioning import ConfigurationError, OAuth2ClientCredentials, ProvisioningClient
from sinch_provisioning.desired import (
    DesiredProject,
    DesiredSender,
    DesiredState,
    SecretReference,
    Stopped,
    load,
)
from sinch_provisioning.durable import (
    Pace,
    cancel,
    deliver,
    enqueue,
    project_totals,
    standings,
    totals,
    work,
)
from sinch_provisioning.durable.database import Database, channels, orders, upsert
from sinch_provisioning.durable.limiter import Limiter
from sinch_provisioning.durable.membership import (
    LEASE,
    Beat,
    Watch,
    beat,
    fair_share,
    join,
    new_worker_id,
    release,
)
from sinch_provisioning.durable.sqlite_clock import SQLITE_ARGUMENTS
from sinch_provisioning.durable.upgrade import adopt_old_orders
from sinch_provisioning_emulator import Emulator, RunningClock

from ..desired.brands import COMMON, arm
from .cluster import cluster, why_not
from .trial import busiest_second, trial

needs_postgresql = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


def test_a_sender_is_read_back_as_it_was_stored() -> None:
    """Fields, the launch and references survive the database."""
    sender = DesiredSender("line", {"name": "L"}, channel_credentials={"token": SecretReference("env", "T")})
    assert DesiredSender.from_json("line", sender.to_json()) == sender
    rcs = DesiredSender("rcs", {"display_name": "A"}, launch=True)
    assert DesiredSender.from_json("rcs", rcs.to_json()) == rcs
    project = DesiredProject([sender], "p", "key", SecretReference("file", "/run/secret"))
    assert DesiredProject.from_json([sender], "p", project.credentials_json()) == project


def test_literal_secrets_are_not_stored() -> None:
    """A secret that would be readable in the database is refused; a KakaoTalk channel's public name is not."""
    line = DesiredSender("line", {"name": "L"}, channel_credentials={"token": "s3cret"})
    with pytest.raises(ConfigurationError, match="token would be stored in the database") as caught:
        line.to_json()
    assert "s3cret" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="key_secret would be stored"):
        DesiredProject([line], "p", "key", "s3cret").credentials_json()
    kakao = DesiredSender(
        "kakaotalk", {"name": "K"}, channel_credentials={"kakaotalk_plus_friend_id": "@acme"}
    )
    assert "@acme" in kakao.to_json()


@pytest.mark.parametrize("rate", [0.2, 1, 2.5, 5, 20, 100])
def test_slots_come_back_no_sooner_than_the_rate_allows(rate: float) -> None:
    """No second may see more than the rate, rounded down, and below one per second there is one slot."""
    pace = Pace(rate)
    assert pace.slots / pace.period <= max(rate, pace.slots / pace.period if rate < 1 else rate)
    assert pace.period == max(1.0, 1 / rate)


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf"), True])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    """Zero, negative, endless and no number at all."""
    with pytest.raises(ConfigurationError):
        Pace(rate)


def test_the_busiest_second_is_found() -> None:
    """The trial's own measure counts any second, not only whole ones."""
    assert busiest_second([]) == 0
    assert busiest_second([0.0, 0.9, 1.1, 1.2, 1.3, 5.0]) == 4


async def test_a_slot_comes_back_a_period_after_the_reply() -> None:
    """However long a request takes, no period sees more arrivals than slots; nothing is sent after the lease."""
    limiter = Limiter(period=0.05)
    loop = asyncio.get_running_loop()
    limiter.grant(1, loop.time() + 60)
    async with limiter.slot():
        await asyncio.sleep(0.03)
    replied = loop.time()
    async with limiter.slot():
        assert loop.time() - replied >= 0.05
    limiter.grant(1, loop.time())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2), limiter.slot():
            pytest.fail("sent after the lease")
    limiter.close()
    with pytest.raises(Stopped):
        async with limiter.slot():
            pytest.fail("sent after the end")


def test_slots_are_shared_by_the_busy() -> None:
    """Equal parts, and the remainder goes round; who has nothing to send holds none."""
    assert [fair_share(5, ["a", "b"], name, 0) for name in ("a", "b", "c")] == [3, 2, 0]
    assert [fair_share(5, ["a", "b"], name, 1) for name in ("a", "b")] == [2, 3]
    assert sum(fair_share(1, ["a", "b", "c"], name, 7) for name in "abc") == 1


async def _two_workers(url: str) -> None:
    database = Database.open(url)
    await database.prepare()
    one, two = new_worker_id(), new_worker_id()
    first, second = Limiter(demand=1), Limiter()
    try:
        await database.run(join, one, Pace(5))
        await database.run(join, two, Pace(5))
        alone = await database.run(beat, one, first)
        assert alone is not None
        assert alone.slots == 5
        first.grant(5, first.monotonic() + 60)
        held = [await _enter(first) for _ in range(5)]
        second.demand = 1
        early = await database.run(beat, two, second)
        assert early is not None
        assert early.slots == 0, "slots in use are not given away"
        assert await database.run(beat, one, first)
        assert (await database.run(beat, two, second) or early).slots == 0
        for request in held:
            await request.aclose()
        await asyncio.sleep(1.05)
        lowered = await database.run(beat, one, first)
        later = await database.run(beat, two, second)
        assert lowered is not None
        assert later is not None
        assert lowered.slots + later.slots == 5
        row = {"id": "p/rcs", "owner": one, "is_open": 1}
        await database.run(upsert, channels, [row])
        assert not await database.run(release, one, beat=0), "it has beaten since"
        assert await database.run(release, one, beat=3)
        assert await database.run(beat, one, first) is None
        owned = await database.run(lambda c: c.execute(sa.select(channels.c.owner, channels.c.doubt)).one())
        assert tuple(owned) == (None, 1)
    finally:
        database.engine.dispose()


async def _enter(limiter: Limiter) -> AsyncExitStack:
    stack = AsyncExitStack()
    await stack.enter_async_context(limiter.slot())
    return stack


async def test_the_rate_is_handed_over_and_the_dead_own_nothing_on_sqlite(tmp_path: Path) -> None:
    """A slot changes hands when no request holds it, and a worker that was declared dead has lost its channels."""
    await _two_workers(f"sqlite:///{tmp_path}/orders.sqlite")


@needs_postgresql
async def test_the_rate_is_handed_over_and_the_dead_own_nothing_on_postgresql(postgresql: str) -> None:
    """The same on PostgreSQL."""
    await _two_workers(postgresql.replace("/orders", "/members"))


def test_silence_is_measured_by_the_observer_alone() -> None:
    """A worker is suspected when its count stood still for a lease, or its process has ended; never by its clock."""
    watch = Watch("me")
    other = "elsewhere:1:abc"

    def found(count: int) -> Beat:
        return Beat({"me:1:x": 1, other: count}, frozenset(), 0, 1.0)

    watch.own = "me:1:x"
    times = [float(second) for second in range(0, int(LEASE) + 1)]
    assert [list(watch.suspects(found(7), now)) for now in times][:-1] == [[]] * (len(times) - 1)
    assert watch.suspects(found(7), LEASE) == {other: 7}
    assert watch.suspects(found(8), LEASE + 1) == {}
    assert watch.suspects(found(8), 3 * LEASE) == {}, "who did not look can't tell who was silent"
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    ended = new_worker_id().replace(f":{os.getpid()}:", f":{gone.pid}:")
    assert watch.suspects(Beat({ended: 1}, frozenset(), 0, 1.0), 3 * LEASE + 1) == {ended: 1}


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """A PostgreSQL of this file's own."""
    with cluster() as url:
        yield url


async def test_a_database_that_is_not_there_is_reported_without_its_password(tmp_path: Path) -> None:
    """The reason and what to check are said, the URL is not."""
    with pytest.raises(ConfigurationError, match="can't use the database") as caught:
        await work(ProvisioningClient, "postgresql://me:s3cret@127.0.0.1:9/x")
    assert "s3cret" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="no orders in this database"):
        await standings(f"sqlite:///{tmp_path}/none.sqlite")
    for url in ("sqlite://", "mysql://x/y", "nonsense"):
        with pytest.raises(ConfigurationError, match="sqlite:///FILE"):
            await standings(url)


@pytest.fixture
async def server() -> Emulator:
    """An emulator on virtual time."""
    return Emulator()


def _client(server: Emulator) -> ProvisioningClient:
    return ProvisioningClient(
        project_id="p",
        credentials=OAuth2ClientCredentials(server.key_id, server.key_secret, server.token_url),
        base_url=server.base_url,
        transport=server.transport(),
        clock=server.clock,
    )


async def test_orders_change_and_are_cancelled(server: Emulator, tmp_path: Path) -> None:
    """A changed file changes its open order; another file's different order is refused with both places."""
    url = f"sqlite:///{tmp_path}/orders.sqlite"
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text(COMMON + "  - {display_name: A, website: https://a.example}\n")
    two.write_text(COMMON + "  - {display_name: A, website: https://b.example}\n")
    async with _client(server) as sinch:
        assert (await enqueue(sinch, one, url)).new == ("p/rcs/A",)
        with pytest.raises(ConfigurationError, match=r"two\.yaml:11:5: p/rcs/A .* by .*one\.yaml:11:5"):
            await enqueue(sinch, two, url)
        one.write_text(COMMON + "  - {display_name: A, website: https://c.example}\n")
        assert (await enqueue(sinch, one, url)).new == ("p/rcs/A",)
        assert (await enqueue(sinch, one, url)).known == ("p/rcs/A",)
        assert await cancel(url, ["p/rcs/A", "p/rcs/B"]) == ["p/rcs/A"]
        assert await cancel(url, ["p/rcs/A"]) == []
        assert (await project_totals(url))["p"]["stopped"] == 1
        assert (await enqueue(sinch, two, url)).new == ("p/rcs/A",)


@frozen
class Event:
    """What a verified webhook says."""

    sender_id: str | None
    current_state: str | None
    project_id: str | None = "p"


async def test_webhooks_end_orders_at_once(server: Emulator, tmp_path: Path) -> None:
    """An approval is done, a rejection failed, anything else a new status; what nobody ordered is said to be so."""
    url = f"sqlite:///{tmp_path}/orders.sqlite"
    file = tmp_path / "one.yaml"
    file.write_text(
        COMMON + "".join(f"  - {{display_name: {n}, website: https://a.example}}\n" for n in "ABC")
    )
    async with _client(server) as sinch:
        await enqueue(sinch, load(file), url)
    database = Database.open(url)
    for name in "ABC":
        row = {
            "id": f"p/rcs/{name}",
            "state": "in review",
            "sender_id": f"id-{name}",
            "done": "create,launch",
        }
        await database.run(upsert, orders, [row])
    database.engine.dispose()
    assert await deliver(url, Event("id-A", "LAUNCHED"))
    assert await deliver(url, Event("id-B", "REJECTED"))
    assert await deliver(url, Event("id-C", "LAUNCHING"))
    assert not await deliver(url, Event("id-A", "LAUNCHING")), "its order has ended"
    assert not await deliver(url, Event("id-C", "LAUNCHED", "another project"))
    assert not await deliver(url, Event(None, "LAUNCHED"))
    found = {each.workflow_id: each for each in await standings(url)}
    assert [(each.state, each.status) for each in found.values()] == [
        ("done", "LAUNCHED"),
        ("failed", "REJECTED"),
        ("under way", "LAUNCHING"),
    ]
    assert "correct the brand fields" in str(found["p/rcs/B"].problem)


async def test_ordering_twice_is_one_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order's id is the sender's natural key, what is as wanted is not ordered, and no secret is written."""
    monkeypatch.setenv("LINE_TOKEN", "s3cret-token")
    server = Emulator()
    client = ProvisioningClient(
        project_id="p",
        credentials=OAuth2ClientCredentials(server.key_id, server.key_secret, server.token_url),
        base_url=server.base_url,
        transport=server.transport(),
        clock=server.clock,
    )
    url = f"sqlite:///{tmp_path}/orders.sqlite"
    async with client:
        await client.telegram.create(name="there")
        state = DesiredState(
            [
                DesiredProject(
                    [
                        DesiredSender("rcs", {"display_name": "A"}),
                        DesiredSender("telegram", {"name": "there"}),
                        DesiredSender(
                            "line",
                            {"name": "A"},
                            channel_credentials={"token": SecretReference("env", "LINE_TOKEN")},
                        ),
                        DesiredSender("rcs", {"display_name": "unready"}, launch=True),
                    ]
                )
            ]
        )
        server.requests.clear()
        first = await enqueue(client, state, url)
        second = await enqueue(client, state, url)
    assert first.counts() == {"ordered": 3, "already_ordered": 0, "unchanged": 1, "blocked": 1}
    assert first.new == ("p/rcs/A", "p/line/A", "p/rcs/unready")
    assert second.counts() == {"ordered": 0, "already_ordered": 3, "unchanged": 1, "blocked": 1}
    assert {each.method for each in server.requests if each.operation_id != "token"} == {"GET"}
    found = await standings(url)
    assert totals(found) == {"queued": 3, "under way": 0, "done": 0, "failed": 0, "stopped": 0}
    written = await asyncio.to_thread(_everything, tmp_path / "orders.sqlite")
    assert b"LINE_TOKEN" in written
    assert b"s3cret-token" not in written


def _everything(database: Path) -> bytes:
    """Return all text of a database, and what it says where it is base64."""
    found: list[bytes] = []
    with closing(sqlite3.connect(database)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                for cell in row:
                    if isinstance(cell, str):
                        found.append(cell.encode())
                        with suppress(ValueError):
                            found.append(base64.b64decode(cell, validate=True))
    return b"\n".join(found)


async def _dying_worker(url: str, folder: Path, share: float) -> None:
    emulator = Emulator(clock=RunningClock(), review=0.0)
    arm(emulator, share)
    async with emulator.serve():
        came = await trial(emulator, url, folder, number=5, rate=40, kill_after=(1.0,), poll=0.5, orders=1)
    assert (came.senders, came.names, came.launched) == (5, 5, 5)
    assert came.standings == {"queued": 0, "under way": 0, "done": 5, "failed": 0, "stopped": 0}
    assert came.busiest <= 40


async def test_workers_that_die_leave_nothing_undone_on_sqlite(tmp_path: Path) -> None:
    """Two processes, faults, one killed at work: every sender is launched once, within the rate, nothing is left."""
    await _dying_worker(f"sqlite:///{tmp_path}/orders.sqlite", tmp_path, 0.1)


@needs_postgresql
async def test_workers_that_die_leave_nothing_undone_on_postgresql(postgresql: str, tmp_path: Path) -> None:
    """The same on PostgreSQL, where workers may be on many machines."""
    await _dying_worker(postgresql, tmp_path, 0.1)


@DBOS.workflow(name="sinch_provisioning.sender")
async def _old_workflow(data: dict[str, object]) -> dict[str, object]:
    return {"state": "done", "id": "id-1", "status": "LAUNCHED", "problem": None, "done": ["create"]}


def _convert(url: str, database: Database) -> None:
    DBOS(
        config={
            "name": "old",
            "system_database_url": url,
            "log_level": "CRITICAL",
            "db_engine_kwargs": {"connect_args": SQLITE_ARGUMENTS},
        }
    )
    try:
        DBOS.listen_queues([])
        DBOS.launch()
        DBOS.register_queue("old")
        for name in ("waiting", "under way", "ended"):
            data = {
                "project_id": "p", "channel": "rcs", "fields": {"display_name": name}, "launch": True,
                "credentials": None, "key": None, "found": [], "polling": [1.0, 2.0, 1.5],
            }  # fmt: skip
            with SetWorkflowID(f"p/rcs/{name}"):
                handle = DBOS.enqueue_workflow("old", _old_workflow, data)
            assert handle.workflow_id == f"p/rcs/{name}"
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            connection.execute(
                "UPDATE workflow_status SET status='PENDING' WHERE workflow_uuid='p/rcs/under way'"
            )
            connection.execute("UPDATE workflow_status SET status='ERROR' WHERE workflow_uuid='p/rcs/ended'")
        adopt_old_orders(database)
        assert DBOS.list_workflows(name="sinch_provisioning.sender") == []
    finally:
        DBOS.destroy()


async def test_a_database_of_the_former_layout_is_converted(tmp_path: Path) -> None:
    """Waiting orders are queued, those under way are in doubt, ended ones stay ended; no old workflow is left."""
    url = f"sqlite:///{tmp_path}/orders.sqlite"
    database = Database.open(url)
    await database.prepare()
    await asyncio.to_thread(_convert, url, database)
    found = {each.workflow_id: each.state for each in await standings(url)}
    assert found == {"p/rcs/waiting": "queued", "p/rcs/under way": "under way", "p/rcs/ended": "failed"}
    opened = await database.run(lambda c: c.execute(sa.select(channels)).one())
    assert (opened.id, opened.is_open, opened.doubt, opened.polling) == ("p/rcs", 1, 1, "[1.0, 2.0, 1.5]")
    database.engine.dispose()
