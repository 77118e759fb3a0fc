"""The example service: in process on the emulator, and as it is run, with two workers, a Redis and a load."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from examples.fastapi_service import run
from examples.fastapi_service.app import create_app
from examples.fastapi_service.load import PROJECT, brand

from sinch_provisioning_emulator import Emulator, RunningClock

from .valkey import running


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """Serve an emulator whose reviews take a third of a second."""
    emulator = Emulator(api="1.2", clock=RunningClock(), review=0.3)
    async with emulator.serve():
        yield emulator


@pytest.fixture
async def service(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """Run the service in this process, with a Redis of its own, and register its webhook."""
    with running() as valkey:
        settings = run.settings(emulator, valkey.url)
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        app = create_app()
        emulator.receive("http://service/webhooks/sinch", app=app)
        await run.register(emulator, "http://service", settings["SINCH_WEBHOOK_SECRET"])
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as http,
        ):
            yield http


def told(stream: str) -> list[tuple[str, dict[str, Any]]]:
    """Read server-sent events."""
    events: list[tuple[str, dict[str, Any]]] = []
    for block in stream.strip().split("\n\n"):
        name, data = (line.partition(": ")[2] for line in block.splitlines())
        events.append((name, json.loads(data)))
    return events


@pytest.mark.parametrize("poll", [False, True])
async def test_a_brand_is_onboarded_and_followed_until_it_is_live(
    service: httpx.AsyncClient, emulator: Emulator, poll: bool
) -> None:
    """POST launches, sending it again launches nothing more, and the events end with LAUNCHED, heard or polled."""
    first = await service.post("/projects/example/brands", json=brand("Acme"))
    again = await service.post("/projects/example/brands", json=brand("Acme"))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert emulator.requests.count("RcsSendersController_createSender_v1", project_id=PROJECT) == 1
    reads = emulator.requests.count(run.READ)
    stream = await service.get(first.headers["location"] + "/events", params={"poll": poll})
    assert stream.headers["content-type"].startswith("text/event-stream")
    events = told(stream.text)
    assert events[-2:] == [("state", {"id": first.json()["id"], "state": "LAUNCHED"}), ("done", {})]
    assert poll or emulator.requests.count(run.READ) - reads <= len(emulator.deliveries)
    assert (await service.get(first.headers["location"])).json()["state"] == "LAUNCHED"
    listed = (await service.get("/projects/example/senders")).json()
    assert [sender["details"]["brand"]["name"] for sender in listed["RCS"]] == ["Acme"]
    assert listed["KakaoTalk"] == []
    assert "authToken" not in stream.text + json.dumps(listed)


async def test_its_failures_are_problems(service: httpx.AsyncClient, emulator: Emulator) -> None:
    """An incomplete brand, an unknown sender and a failure in mid-stream are told in their own ways."""
    incomplete = brand("Bare") | {"details": {"brand": {"name": "Bare"}}}
    bare = await service.post("/projects/example/brands", json=incomplete)
    assert (bare.status_code, bare.headers["content-type"]) == (412, "application/problem+json")
    assert any("privacyPolicyUrl" in missing for missing in bare.json()["missing"])
    assert (await service.post("/projects/example/brands", json={"details": 3})).status_code == 422
    assert (await service.get("/projects/example/brands/nobody/events")).status_code == 404
    assert (await service.post("/webhooks/sinch", json={})).status_code == 401
    location = (await service.post("/projects/example/brands", json=brand("Acme"))).headers["location"]
    emulator.inject(run.READ, status=403, skip=1)
    events = told((await service.get(f"{location}/events")).text)
    assert events[-1] == ("failed", {"error": "PermissionDeniedError"})


async def test_it_is_ready_and_documented(service: httpx.AsyncClient) -> None:
    """The probe answers, and the service's own OpenAPI describes what it returns."""
    assert (await service.get("/readyz")).json()["status"] == "ready"
    assert (await service.get("/vitals")).json()["inFlight"] == 0
    schemas = (await service.get("/openapi.json")).json()["components"]["schemas"]
    assert {"CreateRcsSenderRequest", "RcsSender", "KakaoTalkSender"} <= set(schemas)


@pytest.mark.timeout(400)
async def test_two_workers_a_redis_and_a_thousand_requests_half_of_them_abandoned() -> None:
    """What `make example` runs: one token for all, no failed request, and nothing left over in any worker."""
    report = await run.run(requests=1000, brands=10)
    assert report.failed == {}
    assert report.answered == 500
    assert report.abandoned == 500
    assert report.launched == 20
    assert 0 < report.reads <= report.changes
    assert report.reads < report.polls
    assert report.token_requests == 1
    assert len(report.before) == len(report.after) == 2
    for pid, after in report.after.items():
        before = report.before[pid]
        assert after.in_flight == 0
        assert after.tasks <= before.tasks
        assert after.open_files <= before.open_files
    assert report.left_running == 0


def test_its_readme_names_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every path and every variable of the README exists in the code, and every one of the code is in the README."""
    readme = Path("examples/fastapi_service/README.md").read_text()
    monkeypatch.setenv("SINCH_WEBHOOK_SECRET", "secret")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:9")
    paths = {path for path in create_app().openapi()["paths"] if path not in ("/vitals",)}
    assert all(path.replace("/projects/{project_id}", "") in readme for path in paths)
    variables = (
        "REDIS_URL", "SINCH_WEBHOOK_SECRET", "RATE_LIMIT", "TOKEN_ENCRYPTION_KEY", "MAX_CONNECTIONS", "POLL_PAUSE"
    )  # fmt: skip
    for name in variables:
        assert name in readme
