"""Faults: each kind, in process and over a socket, and how often they strike."""

from __future__ import annotations

import time

import httpx
import pytest

from sinch_provisioning_emulator import Emulator, EmulatorError
from sinch_provisioning_emulator.server.asgi import ConnectionDropped

LINE = "/v1/projects/p1/line/senders"
BODY = {"name": "A"}


async def test_a_status_comes_instead_of_the_effect(api: httpx.AsyncClient, emulator: Emulator) -> None:
    """The API's error body, the status asked for, once; nothing was created."""
    emulator.inject("createLineSender", status=503, headers={"X-Cause": "test"})
    reply = await api.post(LINE, json=BODY)
    assert (reply.status_code, reply.headers["x-cause"]) == (503, "test")
    assert reply.json()["errorCode"] == "service_unavailable"
    assert len(emulator.senders) == 0
    assert (await api.post(LINE, json=BODY)).status_code == 200


async def test_an_applied_status_comes_after_the_effect(api: httpx.AsyncClient, emulator: Emulator) -> None:
    """The caller reads a 500, and the sender is there all the same."""
    emulator.inject("createLineSender", status=500, applied=True)
    assert (await api.post(LINE, json=BODY)).status_code == 500
    assert [sender.name for sender in emulator.senders] == ["A"]


@pytest.mark.parametrize(("drop", "effects"), [(True, 0), ("before", 0), ("after", 1)])
async def test_a_dropped_connection_may_have_had_its_effect(
    api: httpx.AsyncClient, emulator: Emulator, drop: bool | str, effects: int
) -> None:
    """The client sees a broken connection; only the emulator knows whether it was before or after the effect."""
    emulator.inject("createLineSender", drop=drop)  # type: ignore[arg-type]  # a literal, parametrized
    with pytest.raises(httpx.RemoteProtocolError):
        await api.post(LINE, json=BODY)
    assert len(emulator.senders) == effects
    assert (emulator.requests[-1].status, emulator.requests[-1].fault) == (
        None,
        f"dropped {'after' if effects else 'before'} the effect",
    )
    assert (await api.get(LINE)).status_code == 200


async def test_a_truncated_reply_breaks_while_it_is_read(api: httpx.AsyncClient, emulator: Emulator) -> None:
    """The status line arrives, the body doesn't; the effect is there."""
    emulator.inject("createLineSender", truncate=True)
    async with api.stream("POST", LINE, json=BODY) as reply:
        assert reply.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            await reply.aread()
    assert len(emulator.senders) == 1


@pytest.mark.parametrize(
    ("retry_after", "told"), [(2, "2"), (2.0, "2"), (0.5, "0.5"), ("soon", "soon"), (86_400, "86400")]
)
async def test_a_retry_after_alone_is_a_429(
    api: httpx.AsyncClient, emulator: Emulator, retry_after: float | str, told: str
) -> None:
    """The header has the value as it was given, whether it makes sense or not."""
    emulator.inject("listLineSenders", retry_after=retry_after)
    reply = await api.get(LINE)
    assert (reply.status_code, reply.headers["retry-after"]) == (429, told)


@pytest.mark.parametrize(
    ("body", "content_type", "sent"),
    [
        ("<html>", "text/html", b"<html>"),
        (b"\xff\xfe", "text/plain", b"\xff\xfe"),
        ({"senders": None}, "application/json", b'{"senders":null}'),
        (b"", "text/plain", b""),
    ],
)
async def test_a_body_can_be_swapped(
    api: httpx.AsyncClient, emulator: Emulator, body: bytes, content_type: str, sent: bytes
) -> None:
    """Without a status the request is processed and its 200 says something else."""
    emulator.inject("listLineSenders", body=body)
    reply = await api.get(LINE)
    assert (reply.status_code, reply.headers["content-type"], reply.content) == (200, content_type, sent)


async def test_an_expired_token_is_refused_once(api: httpx.AsyncClient, emulator: Emulator) -> None:
    """The token that comes along is made invalid for good; the next one works."""
    grant = {"grant_type": "client_credentials"}
    emulator.inject("listLineSenders", expire_token=True)
    statuses = []
    for _ in range(2):
        token = (await api.post(emulator.token_url, data=grant)).json()["access_token"]
        headers = {"authorization": f"Bearer {token}"}
        statuses += [
            (await api.get(LINE, headers=headers, auth=lambda request: request)).status_code for _ in range(2)
        ]
    assert statuses == [401, 401, 200, 200]


async def test_the_token_endpoint_can_be_down(api: httpx.AsyncClient, emulator: Emulator) -> None:
    """It has faults of its own, which "*" leaves alone."""
    emulator.inject("*", status=500, times=None)
    emulator.inject("token", status=503, times=2)
    form = {"grant_type": "client_credentials"}
    assert [(await api.post(emulator.token_url, data=form)).status_code for _ in range(3)] == [503, 503, 200]
    assert (await api.get(LINE)).status_code == 500
    emulator.faults.clear()
    assert (await api.get(LINE)).status_code == 200


async def test_delays_and_slow_replies_pass_on_the_virtual_clock_in_process(emulator: Emulator) -> None:
    """A minute's delay takes no time; a read timeout that is shorter is one, after its own virtual seconds."""
    began = time.perf_counter()
    emulator.inject("listLineSenders", delay=60, times=2)
    emulator.inject("listLineSenders", slow=100, times=2)
    auth = (emulator.key_id, emulator.key_secret)
    async with httpx.AsyncClient(
        transport=emulator.transport(), base_url=emulator.base_url, auth=auth, timeout=None
    ) as api:
        assert (await api.get(LINE)).status_code == 200
        with pytest.raises(httpx.ReadTimeout):
            await api.get(LINE, timeout=5)
        assert emulator.clock.monotonic() == 65
        assert (await api.get(LINE)).json() == {"senders": []}
        with pytest.raises(httpx.ReadTimeout):
            await api.get(LINE, timeout=5)
    assert emulator.clock.monotonic() > 150
    assert time.perf_counter() - began < 1


async def test_delays_and_slow_replies_are_real_over_a_socket(emulator: Emulator) -> None:
    """A client's real read timeout strikes, and a dripping reply arrives whole."""
    auth = (emulator.key_id, emulator.key_secret)
    async with emulator.serve(), httpx.AsyncClient(base_url=emulator.base_url, auth=auth, timeout=0.2) as api:
        emulator.inject("listLineSenders", delay=0.3)
        with pytest.raises(httpx.ReadTimeout):
            await api.get(LINE)
        emulator.inject("listLineSenders", slow=0.25)
        began = time.perf_counter()
        assert (await api.get(LINE)).json() == {"senders": []}
        assert time.perf_counter() - began > 0.2


async def test_a_server_that_can_not_break_connections_raises(emulator: Emulator) -> None:
    """Under httpx.ASGITransport the app answers as ever, and a drop is an exception out of the app."""
    auth = (emulator.key_id, emulator.key_secret)
    transport = httpx.ASGITransport(emulator.app)
    async with httpx.AsyncClient(transport=transport, base_url=emulator.base_url, auth=auth) as api:
        assert (await api.post(LINE, json=BODY)).json()["name"] == "A"
        emulator.inject("listLineSenders", drop=True)
        with pytest.raises(ConnectionDropped):
            await api.get(LINE)


async def test_faults_strike_by_count_after_a_pause_and_by_project(emulator: Emulator) -> None:
    """`skip`, `times` and `project_id` say exactly which requests are struck, and the fault counts them."""
    auth = (emulator.key_id, emulator.key_secret)
    async with httpx.AsyncClient(
        transport=emulator.transport(), base_url=emulator.base_url, auth=auth
    ) as api:
        armed = emulator.inject("list_line_senders", status=500, skip=2, times=2, project_id="p1")
        elsewhere = [(await api.get("/v1/projects/p2/line/senders")).status_code for _ in range(3)]
        statuses = [(await api.get(LINE)).status_code for _ in range(6)]
    assert elsewhere == [200] * 3
    assert statuses == [200, 200, 500, 500, 200, 200]
    assert armed.struck == 2
    assert len(emulator.faults) == 0


async def test_chance_repeats_with_its_seed() -> None:
    """The same seed strikes the same requests, another one others; about as many as the probability says."""
    runs = []
    for seed in (7, 7, 8):
        emulator = Emulator()
        emulator.inject("listLineSenders", status=500, probability=0.3, seed=seed, times=None)
        auth = (emulator.key_id, emulator.key_secret)
        async with httpx.AsyncClient(
            transport=emulator.transport(), base_url=emulator.base_url, auth=auth
        ) as api:
            runs.append([(await api.get(LINE)).status_code for _ in range(200)])
    assert runs[0] == runs[1] != runs[2]
    assert 35 <= runs[0].count(500) <= 85


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"operation_id": "createLineSendr", "status": 500}, "did you mean 'createLineSender'"),
        ({"operation_id": "xyz", "status": 500}, "use one of listRcsSenders"),
        ({"operation_id": "token"}, "has no effect"),
        ({"operation_id": "token", "times": 3, "project_id": "p"}, "has no effect"),
        ({"operation_id": "token", "status": 99}, "status"),
        ({"operation_id": "token", "status": 500, "times": 0}, "times"),
        ({"operation_id": "token", "status": 500, "probability": 1.5}, "probability"),
        ({"operation_id": "token", "delay": -1}, "delay"),
        ({"operation_id": "token", "body": {1, 2}}, "body"),
        ({"operation_id": "token", "slow": float("inf")}, "slow"),
        ({"operation_id": "token", "drop": "later"}, "drop"),
        ({"operation_id": "token", "status": 500, "skip": -1}, "skip"),
    ],
)
def test_a_fault_that_can_not_be_is_refused_in_one_line(
    emulator: Emulator, options: dict[str, object], told: str
) -> None:
    """The error says which operation or which option is wrong, and nothing is armed."""
    with pytest.raises(EmulatorError, match=told) as caught:
        emulator.inject(**options)  # type: ignore[arg-type]  # wrong on purpose
    assert "\n" not in str(caught.value)
    assert len(emulator.faults) == 0
