"""Orders, the rate, webhooks, and workers that die."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import os
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, closing, suppress
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from dbos import DBOS, SetWorkflowID

from sinch_provisioning import (
    ConfigurationError,
    DeadlineExceededError,
    OAuth2ClientCredentials,
    ProvisioningClient,
    RetryPolicy,
)
from sinch_provisioning.desired import (
    DesiredProject,
    DesiredSender,
    DesiredState,
    Limiter,
    SecretReference,
    Stopped,
    load,
)
from sinch_provisioning.durable import (
    Pace,
    cancel,
    deliver,
    dropped_events,
    enqueue,
    project_totals,
    standings,
    work,
)
from sinch_provisioning.durable.database import Database, channels, clock, orders, upsert, workers
from sinch_provisioning.durable.membership import (
    LEASE,
    Beat,
    beat,
    fair_share,
    join,
    leave,
    new_worker_id,
)
from sinch_provisioning.durable.sqlite_clock import SQLITE_ARGUMENTS
from sinch_provisioning.durable.upgrade import adopt_old_orders
from sinch_provisioning.webhooks import WebhookEvent
from sinch_provisioning_emulator import Emulator, RunningClock

from ..desired.brands import COMMON, arm
from .cluster import cluster, why_not
from .fleet import Fleet, busiest_second, stop
from .trial import trial

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


async def test_call_that_begins_after_the_lease_sends_nothing(server: Emulator) -> None:
    """Its slot was taken before: a process that was stopped in between finds out, and no create is left in doubt."""
    limiter = Limiter()
    once = RetryPolicy(max_attempts=1, deadline=0.3)
    async with _client(server) as sinch:
        await sinch.authenticate()
        leased = sinch.with_options(retry=once, rate_limit=limiter)
        with pytest.raises(DeadlineExceededError):
            await leased.line.create(name="A")
        assert len(server.senders) == 0
        limiter.grant(1, asyncio.get_running_loop().time() + 60)
        await leased.line.create(name="A")
        await sinch.line.create(name="B")
    assert len(server.senders) == 2


def test_slots_are_shared_by_the_busy() -> None:
    """Equal parts, and the remainder goes round; who has nothing to send holds none."""
    assert [fair_share(5, ["a", "b"], name, 0) for name in ("a", "b", "c")] == [3, 2, 0]
    assert [fair_share(5, ["a", "b"], name, 1) for name in ("a", "b")] == [2, 3]
    assert sum(fair_share(1, ["a", "b", "c"], name, 7) for name in "abc") == 1


async def _two_workers(url: str) -> None:
    database = Database.at(url)
    await database.prepare()
    one, two = new_worker_id(), new_worker_id()
    first, second = Limiter(demand=1), Limiter()

    async def beats(name: str, limiter: Limiter, working_on: Sequence[str] = ()) -> Beat | None:
        demand, held = limiter.demand, limiter.held
        return await database.run(
            partial(beat, worker_id=name, demand=demand, held=held, working_on=working_on)
        )

    await database.run(partial(join, worker_id=one, pace=Pace(5)))
    await database.run(partial(join, worker_id=two, pace=Pace(5)))
    alone = await beats(one, first)
    assert alone is not None
    assert alone.slots == 5
    first.grant(5, first.monotonic() + 60)
    held = [await _enter(first) for _ in range(5)]
    second.demand = 1
    early = await beats(two, second)
    assert early is not None
    assert early.slots == 0, "slots in use are not given away"
    lowered = await beats(one, first)
    assert lowered is not None
    assert lowered.slots in (2, 3)
    first.grant(lowered.slots, first.monotonic() + 60)
    still = await beats(two, second)
    assert still is not None
    assert still.slots == 0, "and not before the requests in them have arrived"
    for request in held:
        await request.aclose()
    await asyncio.sleep(1.05)
    again = await beats(one, first)
    later = await beats(two, second)
    assert again is not None
    assert later is not None
    # The odd slot goes round with time, perhaps between the two.
    assert {again.slots, later.slots} <= {2, 3}
    assert again.slots + later.slots <= 5
    row = {"id": "p/rcs", "is_open": 1}
    await database.run(lambda connection: upsert(connection, channels, [row]))
    taken = await beats(one, first)
    assert taken is not None
    assert [each.id for each in taken.taken] == ["p/rcs"]
    idle = await beats(two, second)
    assert idle is not None
    assert idle.taken == []
    again = await beats(one, first, ["p/rcs"])
    assert again is not None
    assert again.taken == []
    await database.run(partial(leave, worker_id=one, doubt=1))
    assert await beats(one, first) is None
    inherited = await beats(two, second)
    assert inherited is not None
    assert [(each.id, each.doubt) for each in inherited.taken] == [("p/rcs", 1)]


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


async def test_silence_is_measured_by_one_clock(tmp_path: Path) -> None:
    """A worker is dead after a lease without a beat, or when its process has ended; not while nobody could beat."""
    database = Database.at(f"sqlite:///{tmp_path}/orders.sqlite")
    await database.prepare()
    gone = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await gone.wait()
    mine, far = new_worker_id(), "elsewhere:1:abc"
    ended = mine.replace(f":{os.getpid()}:", f":{gone.pid}:")

    async def dead(own: float, **silent: float) -> set[str]:
        names = {"far": far, "ended": ended}

        def work(connection: sa.Connection) -> Beat | None:
            now = clock(connection)
            connection.execute(sa.delete(workers))
            for name, seconds in [(mine, own), *((names[key], silent[key]) for key in silent)]:
                connection.execute(sa.insert(workers).values(id=name, beat=now - seconds, rate=1.0))
            return beat(connection, mine, demand=0, held=0, working_on=())

        found = await database.run(work)
        assert found is not None
        return {key for key in silent if names[key] in found.dead}

    assert await dead(1.0, far=LEASE + 1.9, ended=2.9) == set()
    assert await dead(1.0, far=LEASE + 2.1, ended=3.1) == {"far", "ended"}
    assert await dead(LEASE, far=LEASE + 60, ended=60.0) == set(), "the database was away"


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """A PostgreSQL of this file's own."""
    with cluster() as made:
        yield made.url


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


def _event(sender_id: str | None, state: str, project_id: str = "p") -> WebhookEvent:
    sender = None if sender_id is None else {"id": sender_id}
    received = dt.datetime.now(dt.UTC)
    return WebhookEvent(
        type="RCS_SENDER_STATUS_UPDATED",
        received=received,
        sender=sender,
        current_state=state,
        project_id=project_id,
    )


async def test_webhooks_end_orders_at_once(server: Emulator, tmp_path: Path) -> None:
    """An approval is done, a rejection failed, anything else a new status; what nobody ordered is said to be so."""
    url = f"sqlite:///{tmp_path}/orders.sqlite"
    file = tmp_path / "one.yaml"
    file.write_text(
        COMMON + "".join(f"  - {{display_name: {n}, website: https://a.example}}\n" for n in "ABC")
    )
    async with _client(server) as sinch:
        await enqueue(sinch, load(file), url)
    database = Database.at(url)
    for name in "ABC":
        row = {
            "id": f"p/rcs/{name}",
            "state": "in review",
            "sender_id": f"id-{name}",
            "done": "create,launch",
        }
        await database.run(partial(upsert, table=orders, rows=[row]))
    assert await deliver(url, _event("id-A", "LAUNCHED"))
    assert await deliver(url, _event("id-B", "REJECTED"))
    assert await deliver(url, _event("id-C", "LAUNCHING"))
    assert not await deliver(url, _event("id-A", "LAUNCHING")), "its order has ended"
    assert not await deliver(url, _event("id-C", "LAUNCHED", "another project"))
    assert await dropped_events(url) == 2
    assert not await deliver(url, _event(None, "LAUNCHED"))
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
    assert [each.state for each in found] == ["queued"] * 3
    written = await asyncio.to_thread(everything, tmp_path / "orders.sqlite")
    assert b"LINE_TOKEN" in written
    assert b"s3cret-token" not in written


def everything(database: Path) -> bytes:
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
    async with Fleet.on(emulator, url) as fleet:
        came = await trial(fleet, folder, number=5, rate=40, kill_after=(1.0,), poll=0.5, orders=1)
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


async def test_orders_change_while_workers_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A field, a sender and a launch are added, a launch is taken back, an order is cancelled; no secret is stored."""
    monkeypatch.setenv("LINE_TOKEN", "canary-of-line")
    emulator = Emulator(clock=RunningClock(), review=0.0, key_secret="canary-of-the-key", approval="pending")
    url, file = f"sqlite:///{tmp_path}/orders.sqlite", tmp_path / "brands.yaml"
    line = "line:\n  - {name: L, channel_credentials: {token: {env: LINE_TOKEN}}}\n"

    def write(*senders: str) -> Path:
        file.write_text(
            COMMON + "".join(f'  - {{{each}, phone_number: "+46701234567"}}\n' for each in senders) + line
        )
        return file

    def count(*operations: str) -> list[int]:
        return [emulator.requests.count(each) for each in operations]

    async def ended() -> set[str]:
        return {each.workflow_id for each in await standings(url, ["done"])}

    async with Fleet.on(emulator, url) as fleet:
        await fleet.order(write("display_name: A", "display_name: B", "display_name: X"), 60.0, 60.0)
        worker = await fleet.worker(100.0)
        await fleet.until(lambda: emulator.requests.count("launchRcsSender") == 3)
        await fleet.order(
            write(
                "display_name: A, description: New",
                "display_name: B, launch: false",
                "display_name: C",
            ),
            60.0,
            60.0,
        )
        await fleet.until(lambda: count("updateRcsSender", "createRcsSender", "launchRcsSender") == [1, 1, 1])
        assert await cancel(url, [f"{emulator.project_id}/rcs/X"])
        for name in "AC":
            emulator.approve(name)
        for sender in [each for each in emulator.senders if each.name in "AC"]:
            event = _event(sender.id, "LAUNCHED", emulator.project_id)
            # The worker records a launch half a second later, and a webhook ends what is recorded as launched.
            while f"{emulator.project_id}/rcs/{sender.name}" not in await ended():
                await deliver(url, event)
                await asyncio.sleep(0.1)
        async with asyncio.timeout(30):
            totals = await fleet.until_ended(5)
        assert totals == {"queued": 0, "under way": 0, "done": 4, "failed": 0, "stopped": 1}
        assert count("updateRcsSender", "createRcsSender", "launchRcsSender") == [1, 1, 1]
        assert await stop([worker]) == [0]
    written = await asyncio.to_thread(everything, tmp_path / "orders.sqlite")
    assert b"LINE_TOKEN" in written
    assert b"canary" not in written


async def test_a_status_of_ten_thousand_is_one_query(tmp_path: Path) -> None:
    """Totals by project are counted by the database, and ten thousand orders are listed with one more query."""
    url = f"sqlite:///{tmp_path}/orders.sqlite"
    database = Database.at(url)
    await database.prepare()
    rows = [
        {"id": f"p{index % 3}/rcs/{index}", "channel_id": f"p{index % 3}/rcs", "state": "in review"}
        for index in range(10_000)
    ]
    await database.run(partial(upsert, table=orders, rows=rows))
    statements: list[str] = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    found = await project_totals(url)
    assert [each["under way"] for each in found.values()] == [3334, 3333, 3333]
    assert len(await standings(url)) == 10_000
    assert len([each for each in statements if each.startswith("SELECT")]) == 2


@DBOS.workflow(name="sinch_provisioning.sender")
async def _old_workflow(data: dict[str, object]) -> dict[str, object]:
    return {"state": "done", "id": "id-1", "status": "LAUNCHED", "problem": None, "done": ["create"]}


def _start_old_worker(url: str) -> None:
    DBOS(
        config={
            "name": "old",
            "system_database_url": url,
            "log_level": "CRITICAL",
            "db_engine_kwargs": {"connect_args": SQLITE_ARGUMENTS},
        }
    )
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
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        for name, status in (("under way", "PENDING"), ("ended", "ERROR")):
            connection.execute(
                f"UPDATE workflow_status SET status='{status}' WHERE workflow_uuid='p/rcs/{name}'"
            )
        connection.commit()


async def test_a_database_of_the_former_layout_is_converted(tmp_path: Path) -> None:
    """Waiting orders are queued, those under way are in doubt, ended ones stay ended; no old workflow is left."""
    url = f"sqlite:///{tmp_path}/orders.sqlite"
    database = Database.at(url)
    await database.prepare()
    try:
        await asyncio.to_thread(_start_old_worker, url)
        await adopt_old_orders(database)
        left = await asyncio.to_thread(partial(DBOS.list_workflows, name="sinch_provisioning.sender"))
        assert left == []
    finally:
        await asyncio.to_thread(DBOS.destroy)
    found = {each.workflow_id: each.state for each in await standings(url)}
    assert found == {"p/rcs/waiting": "queued", "p/rcs/under way": "under way", "p/rcs/ended": "failed"}
    opened = await database.run(lambda c: c.execute(sa.select(channels)).one())
    assert (opened.id, opened.is_open, opened.doubt, opened.polling) == ("p/rcs", 1, 1, "[1.0, 2.0, 1.5]")
