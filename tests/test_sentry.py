"""Sentry's tracing sees the requests of the default transport."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import asyncio, json
import sentry_sdk
from sentry_sdk.transport import Transport
from sinch_provisioning import BasicCredentials, ProvisioningClient
from sinch_provisioning_emulator import Emulator

seen = []
class Keep(Transport):
    def capture_envelope(self, envelope):
        seen.extend(item.payload.get_bytes().decode() for item in envelope.items)

sentry_sdk.init(dsn="https://a@127.0.0.1/1", transport=Keep, traces_sample_rate=1.0)

async def main():
    async with Emulator().serve() as emulator:
        credentials = BasicCredentials(emulator.key_id, emulator.key_secret)
        async with ProvisioningClient(
            project_id="p", credentials=credentials, base_url=emulator.base_url
        ) as sinch:
            with sentry_sdk.start_transaction(name="t", op="t"):
                await sinch.line.create(name="Shop", channel_credentials={"token": "canary-1f7b"})
        print(emulator.key_secret)

asyncio.run(main())
sentry_sdk.flush()
print(sum(span["op"] == "http.client" for text in seen for span in json.loads(text).get("spans", [])))
print("canary-1f7b" in "".join(seen))
"""


def test_requests_are_traced_without_secrets() -> None:
    """One http.client span for one request, with no channel credential and no key in it."""
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert run.stdout.split()[1:] == ["1", "False"], run.stdout + run.stderr
