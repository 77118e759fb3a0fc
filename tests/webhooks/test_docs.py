"""`docs/webhooks.md`: every block runs, and the endpoints it builds accept a delivery."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from .deliveries import SECRET, SENDER_ID, encode, sign, status_updated

PAGE = Path(__file__).parents[2] / "docs" / "webhooks.md"
BODY = encode(status_updated())


async def test_every_block_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In order, as one module; then each endpoint is sent a delivery."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SINCH_WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    module: dict[str, Any] = {"__name__": "docs_webhooks"}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        exec(block, module)
    for app, paths in (("app", ("sinch", "handled", "stored")), ("asgi", ("sinch",))):
        transport = httpx.ASGITransport(module[app])
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
            for path in paths:
                headers = sign(BODY, at=time.time())
                reply = await http.post(f"/webhooks/{path}", headers=headers, content=BODY)
                assert reply.status_code == 204
    assert (await module["verify"](sign(BODY, at=time.time()), BODY)).sender_id == SENDER_ID
    assert (tmp_path / "events.jsonl").read_text().count("\n") == 1
