"""Orders of Sinch's own API, alone and beside those of the vendored document's."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from sinch_provisioning import BasicCredentials, ProvisioningClient
from sinch_provisioning.desired import DesiredProject, DesiredSender, DesiredState, load
from sinch_provisioning.durable import Pace, deliver, enqueue, project_totals, standings, work
from sinch_provisioning.durable.database import Database, orders
from sinch_provisioning.webhooks import WebhookEvent
from sinch_provisioning_emulator import Emulator, RunningClock

from ..desired.own_api import FRIEND, BothApis, write_own
from ..desired.test_plan import FIELDS as VENDORED
from ..v1_2.details import FIELDS
from .test_durable import everything


async def test_one_order_may_be_for_both_apis(tmp_path: Path) -> None:
    """One worker with one client does each order on its API, once; a rejection has its remarks, nothing a secret."""
    vendored = Emulator(clock=RunningClock(), review=0.0, key_secret="canary-of-the-key")
    own = Emulator(api="1.2", clock=RunningClock(), review=0.0, key_secret="canary-of-the-key")
    own.reject("Bad")
    more = f"kakaotalk:\n  - {{plus_friend_id: '@acme', details: {FRIEND}}}\n"
    acme = DesiredSender("rcs", {"display_name": "Acme", **VENDORED}, launch=True)
    senders = load(write_own(tmp_path / "senders.yaml", "Acme", "Bad", more=more))
    state = DesiredState([DesiredProject([acme], "p"), DesiredProject(senders, "own-project")])
    url, stopping = f"sqlite:///{tmp_path}/orders.sqlite", asyncio.Event()

    def connect() -> ProvisioningClient:
        return ProvisioningClient(
            project_id="p",
            credentials=BasicCredentials(own.key_id, own.key_secret),
            base_url=own.base_url,
            transport=BothApis(vendored, own),
        )

    async with connect() as client:
        ordered = await enqueue(client, state, url)
        assert ordered.new == (
            "p/rcs/Acme",
            "own-project/rcs/Acme",
            "own-project/rcs/Bad",
            "own-project/kakaotalk/@acme",
        )
        working = asyncio.ensure_future(work(connect, url, pace=Pace(100.0), stop=stopping))
        async with asyncio.timeout(30):
            while await standings(url, ["queued", "under way"]):  # noqa: ASYNC110 - it polls a database
                await asyncio.sleep(0.1)
        stopping.set()
        await working
        again = await enqueue(client, state, url)
    assert [each.name for each in again.blocked] == ["Bad"]
    assert again.counts()["unchanged"] == 3
    totals = await project_totals(url)
    assert (totals["p"]["done"], totals["own-project"]["done"]) == (1, 2)
    [failed] = await standings(url, ["failed"])
    assert "SE Second Mobile REJECTED (The brand could not be verified.)" in str(failed.problem)
    assert [(each.name, each.status) for each in vendored.senders] == [("Acme", "LAUNCHED")]
    launched = Counter(each.path.rpartition("/")[2] for each in own.requests if each.method == "POST")
    assert launched == {"senders": 3, "launch": 2}
    written = await asyncio.to_thread(everything, tmp_path / "orders.sqlite")
    assert b"SE Second Mobile" in written
    assert b"canary" not in written
    assert b"emulated-token" not in written


async def test_a_webhook_ends_an_order_when_every_country_has_decided(tmp_path: Path) -> None:
    """LAUNCHED in a first country is not the end; the event about the last one is, whatever it decided."""
    url = f"sqlite:///{tmp_path}/orders.sqlite"
    own = Emulator(api="1.2", approval="pending")
    client = ProvisioningClient(
        project_id="own-project",
        credentials=BasicCredentials(own.key_id, own.key_secret),
        base_url=own.base_url,
        transport=own.transport(),
    )
    async with client:
        state = DesiredState([DesiredProject([DesiredSender("rcs", FIELDS, launch=True, api="1.2")])])
        await enqueue(client, state, url)
    reviewed = sa.update(orders).values(sender_id="id-1", state="in review")
    await Database.at(url).run(lambda connection: connection.execute(reviewed))

    def event(trigger: str, germany: str, sweden: str, **states: str) -> WebhookEvent:
        countries = [{"country": "DE", "status": germany}, {"country": "SE", "status": sweden}]
        payload: dict[str, Any] = {
            "id": "id-1", "region": "EU", "hostingRegion": "EUROPE", "useCase": "OTP",
            "billingCategory": "CONVERSATIONAL", "state": "LAUNCHED", "details": {"countries": ["DE", "SE"]},
            "countryStatus": [each | {"operators": []} for each in countries],
        }  # fmt: skip
        raw = {"type": f"RCS_SENDER_{trigger}_UPDATED", "payload": payload, **states}
        return WebhookEvent.from_dict(
            {"raw": raw, "sent": None, "received": dt.datetime.now(dt.UTC).isoformat()}
        )

    assert await deliver(url, event("STATUS", "LAUNCHED", "PENDING", currentState="LAUNCHED"))
    assert [each.state for each in await standings(url)] == ["under way"]
    assert await deliver(url, event("OPERATOR_STATUS", "LAUNCHED", "REJECTED"))
    assert [(each.state, each.status) for each in await standings(url)] == [("done", "LAUNCHED")]
