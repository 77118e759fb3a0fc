"""The control endpoint: shut unless asked for, then the same powers over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from sinch_provisioning_emulator import Emulator

LINE = "/v1/projects/p1/line/senders"


@pytest.fixture
def emulator() -> Emulator:
    """An emulator that can be controlled."""
    return Emulator(control=True)


@pytest.fixture
async def control(emulator: Emulator) -> AsyncIterator[httpx.AsyncClient]:
    """A client without credentials, over a socket."""
    async with emulator.serve(), httpx.AsyncClient(base_url=emulator.base_url) as client:
        yield client


async def test_it_is_off_unless_asked_for() -> None:
    """By default nothing of it is there, and nothing tells that it could be."""
    emulator = Emulator()
    async with httpx.AsyncClient(transport=emulator.transport(), base_url=emulator.base_url) as api:
        for path in ("/__emulator__", "/__emulator__/", "/__emulator__/state"):
            assert (await api.get(path)).status_code == 404
        assert (
            await api.post("/__emulator__/faults", json={"operation": "token", "status": 500})
        ).status_code == 404
    assert len(emulator.faults) == 0


async def test_faults_are_armed_and_disarmed(control: httpx.AsyncClient, emulator: Emulator) -> None:
    """The names are those of `inject`; the fault strikes over the same socket."""
    armed = await control.post(
        "/__emulator__/faults",
        json={"operation": "listLineSenders", "status": 503, "retry_after": 7, "times": None},
    )
    assert (armed.status_code, armed.json()[0]["operation"]) == (201, "listLineSenders")
    struck = await control.get(LINE)
    assert (struck.status_code, struck.headers["retry-after"]) == (503, "7")
    assert (await control.get("/__emulator__/state")).json()["faults"][0]["struck"] == 1
    assert (await control.delete("/__emulator__/faults")).status_code == 204
    assert (await control.get(LINE)).status_code == 401


async def test_time_verdicts_tokens_scenarios_and_a_fresh_start(
    control: httpx.AsyncClient, emulator: Emulator, brand: dict[str, str]
) -> None:
    """Each power works and is seen in the state."""
    scenario = {"senders": [{"channel": "rcs", "fields": brand}], "review": 3600}
    shown = (await control.post("/__emulator__/scenario", json=scenario)).json()
    sender = emulator.senders[0]
    assert (shown["senders"][0]["name"], shown["senders"][0]["status"]) == ("Acme", "IN_TEST")
    auth = (emulator.key_id, emulator.key_secret)
    path = f"/v1/projects/{emulator.project_id}/rcs/senders/{sender.id}"
    await control.post(f"{path}/launch", auth=auth)
    verdict = await control.post("/__emulator__/approvals", json={"sender": sender.id, "verdict": "rejected"})
    assert (verdict.status_code, sender.status) == (204, "REJECTED")
    await control.post("/__emulator__/approvals", json={"sender": "Later", "verdict": "pending"})
    assert emulator.lifecycle.announced == {"Later": "pending"}
    before = emulator.clock.monotonic()
    moved = (await control.post("/__emulator__/clock", json={"days": 2, "minutes": 1})).json()
    assert emulator.clock.monotonic() - before == 2 * 86_400 + 60
    assert moved["now"] == emulator.clock.time()
    token = await control.post("/oauth2/token", data={"grant_type": "client_credentials"}, auth=auth)
    headers = {"authorization": f"Bearer {token.json()['access_token']}"}
    assert (await control.get(path, headers=headers)).status_code == 200
    assert (await control.post("/__emulator__/tokens/expire", json={})).status_code == 204
    assert (await control.get(path, headers=headers)).status_code == 401
    assert (await control.post("/__emulator__/reset", json={})).status_code == 204
    state = (await control.get("/__emulator__/state")).json()
    assert (state["senders"], state["requests"], state["faults"]) == ([], [], [])


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "told"),
    [
        ("POST", "/faults", {"operation": "nope", "status": 500}, 400, "unknown operation 'nope'"),
        ("POST", "/faults", {"operation": "token", "stats": 500}, 400, "stats"),
        ("POST", "/faults", [1], 400, "object"),
        ("POST", "/clock", {"days": -1}, 400, "days"),
        ("POST", "/clock", {}, 400, "non-empty"),
        ("POST", "/approvals", {"sender": "x"}, 400, "verdict"),
        ("POST", "/scenario", {"x": 1}, 400, "'x' was unexpected"),
        ("PUT", "/faults", {}, 405, "PUT"),
        ("GET", "/nope", None, 404, "no such path"),
    ],
)
async def test_nonsense_is_refused_in_one_line(
    control: httpx.AsyncClient, method: str, path: str, body: object, status: int, told: str
) -> None:
    """Wrong bodies, methods and paths are told as the API tells them."""
    reply = await control.request(method, f"/__emulator__{path}", json=body)
    assert reply.status_code == status
    assert told in reply.json()["message"]


async def test_no_foreign_page_can_change_anything(control: httpx.AsyncClient, emulator: Emulator) -> None:
    """What a browser sends across origins without asking (forms, text) is not taken."""
    for content_type in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ):
        reply = await control.post(
            "/__emulator__/faults",
            content=b'{"operation":"token","status":500}',
            headers={"content-type": content_type},
        )
        assert reply.status_code == 415
    assert len(emulator.faults) == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example:8080"}, 403),
        ({"host": "127.0.0.1.evil.example"}, 403),
        ({"host": ""}, 403),
        ({"host": "localhost:8080", "origin": "http://evil.example:8080"}, 403),
        ({"host": "localhost:8080", "origin": "http://localhost:9090"}, 403),
        ({"host": "localhost:8080", "origin": "null"}, 403),
        ({"host": "localhost:8080", "origin": "http://localhost:8080"}, 200),
        ({"host": "LOCALHOST"}, 200),
        ({"host": "[::1]:8080"}, 200),
        ({"host": "emulator:8080"}, 200),
    ],
)
async def test_foreign_hosts_and_origins_are_refused(headers: dict[str, str], status: int) -> None:
    """A page whose name was rebound to this machine can neither read nor change the emulator."""
    emulator = Emulator(control=True, control_hosts=["Emulator"])
    emulator.add("line", {"name": "A"})
    async with emulator.serve(), httpx.AsyncClient(base_url=emulator.base_url) as api:
        assert (await api.get("/__emulator__/state", headers=headers)).status_code == status
        assert (await api.get("/__emulator__/", headers=headers)).status_code == status
        await api.post("/__emulator__/reset", json={}, headers=headers)
        assert len(emulator.senders) == (1 if status == 403 else 0)


async def test_the_control_leaves_no_trace_in_the_record(
    control: httpx.AsyncClient, emulator: Emulator
) -> None:
    """Looking at an emulator does not change what it has seen."""
    await control.get("/__emulator__/state")
    await control.get("/__emulator__/")
    assert len(emulator.requests) == 0
