"""docs/sinch-own-api.md: every block is run as a file against a server of that API."""

from __future__ import annotations

from pathlib import Path

from ..uvicorn_server import serving
from .own_api import DecidingServer
from .pages import DOCS, blocks
from .reader import Reader

PAGE = DOCS / "sinch-own-api.md"


async def test_own_api_blocks_run(tmp_path: Path) -> None:
    """From credentials to a launched sender, with test numbers; each block prints what the page says."""
    server, found = DecidingServer(), [block for block in blocks(PAGE) if block.language == "python"]
    async with serving(server) as url:
        settings = {
            "SINCH_PROJECT_ID": "your-project-id",
            "SINCH_KEY_ID": "your-key-id",
            "SINCH_KEY_SECRET": "your-key-secret",
            "SINCH_PROVISIONING_URL": url,
            "SINCH_TOKEN_URL": f"{url}/oauth2/token",
            "SINCH_WEBHOOK_SECRET": "a-webhook-secret",
        }
        reader = Reader(tmp_path, settings)
        reader.save(found)
        for block in found:
            printed = await reader.run(block)
            if block.output is not None:
                assert printed == block.output, block.file
    assert server.asked["POST rcs/senders"] == 1
    [sender_id] = server.senders
    assert server.asked[f"POST rcs/senders/{sender_id}/launch"] == 1
    assert server.asked[f"POST rcs/senders/{sender_id}/testNumbers"] == 1
