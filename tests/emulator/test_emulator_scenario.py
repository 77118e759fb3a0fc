"""Scenarios: a YAML file, or the same over the control endpoint."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from sinch_provisioning_emulator import Emulator, EmulatorError

SCENARIO = """
review: 120
approval: pending
approvals: {Good: accepted, Bad: rejected}
page_size: 2
unique_names: true
keys:
  - {key_id: second, key_secret: other, projects: [p1]}
senders:
  - channel: rcs
    project_id: p1
    status: LAUNCHED
    fields: {displayName: Good, website: "https://good.example"}
  - {channel: line, fields: {name: Shop, channelCredentials: {token: t}}}
faults:
  - {operation: launchRcsSender, status: 429, retry_after: 1, times: 2}
  - {operation: token, drop: true, times: null, probability: 0.5, seed: 3}
  - {operation: list_line_senders, body: {senders: null}, delay: 0.1}
"""


async def test_a_scenario_sets_the_stage(tmp_path: Path) -> None:
    """Senders, keys, verdicts, options and faults are there from the first request on."""
    path = tmp_path / "scenario.yaml"
    path.write_text(SCENARIO)
    emulator = Emulator(scenario=path)
    good, shop = emulator.senders
    assert (good.status, good.project_id, good.channel) == ("LAUNCHED", "p1", "rcs")
    assert (shop.status, shop.project_id) == ("ACTIVE", emulator.project_id)
    assert emulator.lifecycle.review == 120
    assert emulator.lifecycle.approval == "pending"
    assert emulator.lifecycle.announced == {"Good": "accepted", "Bad": "rejected"}
    launch, token, listing = (armed.fault for armed in emulator.faults)
    assert (launch.status, launch.retry_after, launch.times) == (429, 1, 2)
    assert (token.drop, token.times, token.probability, token.seed) == ("before", None, 0.5, 3)
    assert (listing.operation_id, listing.body, listing.delay) == ("listLineSenders", {"senders": None}, 0.1)
    async with httpx.AsyncClient(
        transport=emulator.transport(), base_url=emulator.base_url, auth=("second", "other")
    ) as api:
        twice = await api.post("/v1/projects/p1/rcs/senders", json={"displayName": "Good"})
        assert twice.status_code == 409
        assert (await api.get("/v1/projects/p1/rcs/senders")).json()["totalSize"] == 1


def test_an_empty_scenario_changes_nothing(tmp_path: Path) -> None:
    """A file of comments is a scenario, too."""
    path = tmp_path / "scenario.yaml"
    path.write_text("# nothing yet\n")
    assert len(Emulator(scenario=path).senders) == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "not valid YAML"),
        ("- 1", "not a mapping"),
        ("sender: []", "'sender' was unexpected"),
        ("faults: [{operation: nope, status: 500}]", "unknown operation 'nope'"),
        ("faults: [{status: 500}]", "faults.0.operation: .* required"),
        ("faults: [{operation: token}]", "no effect"),
        ("faults: [{operation: token, status: 1000}]", "faults.0.status"),
        ("faults: [{operation: token, drop: later}]", "faults.0.drop"),
        ("senders: [{channel: sms, fields: {}}]", "unknown channel 'sms'"),
        ("senders: [{channel: rcs, fields: {}}]", "displayName"),
        ("approvals: {A: perhaps}", "approvals.A"),
        ("review: soon", "review"),
        ("\x00", "not valid YAML"),
    ],
)
def test_a_broken_scenario_is_told_in_one_line_and_changes_nothing(
    tmp_path: Path, text: str, told: str
) -> None:
    """The line names the place in the file."""
    path = tmp_path / "scenario.yaml"
    path.write_text(
        "senders: [{channel: line, fields: {name: A}}]\n" + text if text.startswith("faults") else text
    )
    emulator = Emulator()
    with pytest.raises(EmulatorError, match=told) as caught:
        emulator.play(path)
    assert "\n" not in str(caught.value)
    assert (len(emulator.senders), len(emulator.faults)) == (0, 0)
