"""Orders, the rate, and workers that die."""

from __future__ import annotations

import asyncio
import base64
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from sinch_provisioning import ConfigurationError, OAuth2ClientCredentials, ProvisioningClient
from sinch_provisioning.desired import DesiredProject, DesiredSender, DesiredState, SecretReference
from sinch_provisioning.durable import Pace, enqueue, standings, totals
from sinch_provisioning.durable.calls import LATEST
from sinch_provisioning.durable.liveness import liveness_for
from sinch_provisioning.durable.order import Order
from sinch_provisioning.lifecycle.polling import Polling
from sinch_provisioning_api.models import RcsSender
from sinch_provisioning_emulator import Emulator, RunningClock

from ..desired.brands import arm
from .cluster import cluster, why_not
from .trial import busiest_second, trial

needs_postgresql = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


def test_an_order_is_read_back_as_it_was_written() -> None:
    """Fields, references, keys, what was there and the polling survive the database."""
    sender = DesiredSender("line", {"name": "L"}, channel_credentials={"token": SecretReference("env", "T")})
    project = DesiredProject([sender], "p", "key", SecretReference("file", "/run/secret"))
    order = Order.of(project, "p", sender)
    assert Order.from_dict(order.to_dict()) == order
    rcs = DesiredSender("rcs", {"display_name": "A"}, launch=True)
    found = RcsSender(
        id="1", display_name="A", additional_properties={"state": "DRAFT", "authToken": "s3cret"}
    )
    there = Order("p", rcs, None, (found,), Polling(1, 2, 3))
    assert "s3cret" not in str(there.to_dict())
    assert Order.from_dict(there.to_dict()).found == (RcsSender(id="1", display_name="A", status="DRAFT"),)


def test_secrets_by_themselves_are_not_ordered() -> None:
    """What would be written into the database in the clear is refused; a KakaoTalk channel's public name is not."""
    line = DesiredSender("line", {"name": "L"}, channel_credentials={"token": "s3cret"})
    with pytest.raises(ConfigurationError, match="token would be written into the database") as caught:
        Order.of(DesiredProject([line], "p"), "p", line)
    assert "s3cret" not in str(caught.value)
    kakao = DesiredSender(
        "kakaotalk", {"name": "K"}, channel_credentials={"kakaotalk_plus_friend_id": "@acme"}
    )
    assert Order.of(DesiredProject([kakao], "p"), "p", kakao).workflow_id == "p/kakaotalk/K"


@pytest.mark.parametrize("rate", [0.2, 1, 2.5, 3, 4, 5, 7, 9, 20, 33, 100])
def test_no_second_holds_more_requests_than_the_rate(rate: float) -> None:
    """However late requests leave, within what is allowed, the starts behind one second are within the rate."""
    pace = Pace(rate)
    # A rolling limiter starts at most `limit` in any `period`, so at most this many in 1 + LATEST seconds.
    spans = -(-round((1 + LATEST) * 1000) // round(pace.period * 1000))
    assert pace.limit * spans <= max(rate, 1)
    assert pace.limit / pace.period >= rate / 2.6


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf"), True])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    """Zero, negative, endless and no number at all."""
    with pytest.raises(ConfigurationError):
        Pace(rate)


def test_the_busiest_second_is_found() -> None:
    """The trial's own measure counts any second, not only whole ones."""
    assert busiest_second([]) == 0
    assert busiest_second([0.0, 0.9, 1.1, 1.2, 1.3, 5.0]) == 4


HOLD = """
import sys, time
from sinch_provisioning.durable.liveness import liveness_for
liveness = liveness_for(sys.argv[1])
liveness.hold("them")
print("held", flush=True)
time.sleep(60)
"""


def _dies_with_its_process(url: str) -> None:
    liveness = liveness_for(url)
    process = subprocess.Popen([sys.executable, "-c", HOLD, url], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with liveness.claim_if_dead("them") as dead:
            assert not dead
        with pytest.raises(ConfigurationError, match="another worker"):
            liveness.hold("them")
        liveness.close()
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    for _ in range(100):
        with liveness.claim_if_dead("them") as dead:
            if dead:
                with liveness_for(url).claim_if_dead("them") as again:
                    assert not again
                return
    pytest.fail("a killed worker still counts as alive")


def test_a_killed_worker_is_known_to_be_dead_on_sqlite(tmp_path: Path) -> None:
    """The operating system takes the lock back, and only one survivor is told at a time."""
    url = f"sqlite:///{tmp_path}/orders.sqlite"
    _dies_with_its_process(url)
    mine = liveness_for(url)
    mine.hold("me")
    assert mine.is_held()
    mine.close()
    assert list((tmp_path / "orders.sqlite.workers").iterdir()) == []


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """A PostgreSQL of this file's own."""
    with cluster() as url:
        yield url


@needs_postgresql
def test_a_killed_worker_is_known_to_be_dead_on_postgresql(postgresql: str) -> None:
    """PostgreSQL takes the lock back when the session ends, and only one survivor is told at a time."""
    _dies_with_its_process(postgresql.replace("/orders", "/postgres"))


def test_a_database_that_is_not_there_is_told_without_its_password(tmp_path: Path) -> None:
    """The reason and what to check are said, the URL is not."""
    with pytest.raises(ConfigurationError, match="can't be reached") as caught:
        liveness_for("postgresql://me:s3cret@127.0.0.1:9/x").hold("me")
    assert "s3cret" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="no such database"):
        asyncio.run(standings(f"sqlite:///{tmp_path}/none.sqlite"))
    with pytest.raises(ConfigurationError, match="needs a file"):
        liveness_for("sqlite://")


async def test_ordering_twice_is_one_workflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The workflow's id is the sender's natural key, what is as wanted is not ordered, and no secret is written."""
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
