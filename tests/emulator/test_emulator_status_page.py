"""The status page, as text and as a browser shows it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from sinch_provisioning_emulator import Emulator

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


async def staged(brand: dict[str, str]) -> Emulator:
    """An emulator with something of everything to look at."""
    emulator = Emulator(control=True)
    emulator.add("rcs", brand, status="LAUNCHED")
    emulator.add("line", {"name": "<script>alert(1)</script>", "channelCredentials": {"token": "hunter2"}})
    emulator.inject("launchRcsSender", retry_after=5, times=3)
    emulator.inject("listRcsSenders", drop=True)
    auth = (emulator.key_id, emulator.key_secret)
    async with httpx.AsyncClient(
        transport=emulator.transport(), base_url=emulator.base_url, auth=auth
    ) as api:
        await api.get("/v1/projects/p1/telegram/senders")
        with pytest.raises(httpx.RemoteProtocolError):
            await api.get("/v1/projects/p1/rcs/senders")
    return emulator


async def test_the_page_shows_senders_requests_and_faults_and_no_secret(brand: dict[str, str]) -> None:
    """Everything is escaped, nothing secret is there, and no script may run."""
    emulator = await staged(brand)
    async with httpx.AsyncClient(transport=emulator.transport(), base_url=emulator.base_url) as api:
        reply = await api.get("/__emulator__/")
    page = reply.text
    for shown in ("Acme", "LAUNCHED", "ACTIVE", "listTelegramSenders", "dropped", "launchRcsSender", "429"):
        assert shown in page
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    for secret in ("hunter2", emulator.key_secret):
        assert secret not in page
    assert reply.headers["content-security-policy"].startswith("default-src 'none'")


async def test_the_page_shows_webhook_deliveries_and_no_secret() -> None:
    """Target, trigger, attempts and last status; neither signing secrets nor tokens, nor credentials in a target."""
    emulator = Emulator(api="1.2", control=True)
    target = "https://user:hunter2@acme.example/hook"

    async def unavailable(headers: Mapping[str, str], body: bytes) -> int:
        assert b"authToken" in body
        return 503

    emulator.receive(f"{target}?key=hunter2", unavailable)
    async with httpx.AsyncClient(transport=emulator.transport(), base_url=emulator.base_url) as api:
        page = (await api.get("/__emulator__/")).text
        assert "No deliveries yet" in page
        emulator.add(
            "webhooks", {"target": f"{target}?key=hunter2", "secret": "hunter2", "triggers": ["ALL"]}
        )
        sender = emulator.add("rcs", {"region": "EU", "billingCategory": "CONVERSATIONAL", "useCase": "OTP"})
        path = f"/v1/projects/emulator-project/rcs/senders/{sender.id}/comments"
        await api.post(path, json={"comment": "hello"}, auth=(emulator.key_id, emulator.key_secret))
        await emulator.deliver()
        page = (await api.get("/__emulator__/")).text
    row = page[page.index("Webhook deliveries (1)") :]
    for shown in (
        "<td>https://acme.example/hook<",
        "RCS_SENDER_COMMENT_ADDED",
        "<td>1<",
        ">503<",
        ">pending<",
    ):
        assert shown in row
    assert "hunter2" not in page
    assert "emulated-token" not in page


async def test_the_page_stays_small_with_many_senders() -> None:
    """Ten thousand senders are counted, two hundred are shown."""
    emulator = Emulator(control=True)
    for number in range(10_000):
        emulator.add("line", {"name": f"sender {number}"})
    async with httpx.AsyncClient(transport=emulator.transport(), base_url=emulator.base_url) as api:
        page = (await api.get("/__emulator__/")).text
    assert "Senders (10000, showing the last 200)" in page
    assert "sender 9999" in page
    assert len(page) < 100_000


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt-get install chromium)")
async def test_a_real_browser_shows_the_page(brand: dict[str, str], tmp_path: Path) -> None:
    """Headless Chromium renders the served page: its text is in the DOM, and the screenshot is not blank."""
    emulator = await staged(brand)
    common = [
        str(CHROMIUM),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--window-size=1000,800",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    picture = tmp_path / "page.png"
    async with emulator.serve():
        url = f"{emulator.base_url}/__emulator__/"
        for option in (f"--screenshot={picture}", "--dump-dom"):
            process = await asyncio.create_subprocess_exec(
                *common, option, url, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
            )
            output, _ = await asyncio.wait_for(process.communicate(), 60)
    for shown in ("Acme", "LAUNCHED", "listTelegramSenders", "dropped before the effect"):
        assert shown in output.decode()
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 20_000, "a blank page of this size is a tenth of that"
