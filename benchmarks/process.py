"""What a process pays before and beside its calls: import, construction, memory."""

from __future__ import annotations

import os
import subprocess
import sys
from statistics import median

from .serving import ROOT, serving

# httpx imports a command line with rich where that is installed; without it, as users have it, import is quicker.
_IMPORT = """
import sys, time
sys.modules["click"] = sys.modules["rich"] = None
started = time.process_time()
{statement}
print((time.process_time() - started) * 1e3)
"""

_SECOND_CLIENT = """
import time
import httpx
from sinch_provisioning import BearerToken, ProvisioningClient
def make():
    started = time.process_time()
    ProvisioningClient(project_id="p", credentials=BearerToken("t"))
    return (time.process_time() - started) * 1e3
make()
print(sorted(make() for _ in range(101))[50])
"""

_SECOND_HTTPX = """
import time
import httpx
def make():
    started = time.process_time()
    httpx.AsyncClient()
    return (time.process_time() - started) * 1e3
make()
print(sorted(make() for _ in range(11))[5])
"""

_MEMORY = """
import asyncio, gc, psutil
from benchmarks.callers import own
from benchmarks.measure import Work, share
from benchmarks.serving import serving
async def main():
    with serving() as url:
        caller = own(url, 100)[0]
        await share(caller.get, Work("get", 100, {calls} // 2), 120)
        gc.collect()
        before = psutil.Process().memory_info().rss
        await share(caller.get, Work("get", 100, {calls}), 120)
        gc.collect()
        print((psutil.Process().memory_info().rss - before) / 2**20)
asyncio.run(main())
"""

# From nothing to the first sender, a token included: both fetch one with their key and secret.
_FIRST_CALLS = {
    "SDK": """
import asyncio, sys, time
sys.modules["click"] = sys.modules["rich"] = None
started = time.process_time()
from sinch_provisioning import OAuth2ClientCredentials, ProvisioningClient
async def main(url):
    credentials = OAuth2ClientCredentials("key", "secret", f"{url}/oauth2/token")
    async with ProvisioningClient(project_id="p1", credentials=credentials, base_url=url) as sinch:
        assert (await sinch.rcs.get("s-1")).id == "s-1"
asyncio.run(main("{url}"))
print((time.process_time() - started) * 1e3)
""",
    "httpx": """
import asyncio, sys, time
sys.modules["click"] = sys.modules["rich"] = None
started = time.process_time()
import httpx
async def main(url):
    async with httpx.AsyncClient(base_url=url) as client:
        form = {"grant_type": "client_credentials"}
        granted = await client.post("/oauth2/token", data=form, auth=("key", "secret"))
        bearer = {"Authorization": f"Bearer {granted.json()['access_token']}"}
        reply = await client.get("/v1/projects/p1/rcs/senders/s-1", headers=bearer)
        assert reply.raise_for_status().json()["id"] == "s-1"
asyncio.run(main("{url}"))
print((time.process_time() - started) * 1e3)
""",
}

STATEMENTS = {
    "httpx": "import httpx",
    "SDK": "import sinch_provisioning",
    "SDK, as used": (
        "from sinch_provisioning import OAuth2ClientCredentials, ProvisioningClient\n"
        "ProvisioningClient(project_id='p', credentials=OAuth2ClientCredentials('k', 's'))"
    ),
    "aiohttp": "import aiohttp",
    "openai": "import openai",
}


def _printed(program: str) -> float:
    # All with bytecode, as pip leaves it; this checkout has none of its own where the environment says so.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(ROOT / ".build" / "pycache")
    run = subprocess.run(  # noqa: S603 - this interpreter, a program above
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
    )
    return float(run.stdout)


def import_times(count: int) -> dict[str, float]:
    """Return each library's import in milliseconds of processor time, in fresh processes that take turns."""
    found: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for _ in range(1 + count):
        for name, statement in STATEMENTS.items():
            found[name].append(_printed(_IMPORT.format(statement=statement)))
    # The first one may have compiled.
    return {name: round(median(times[1:]), 1) for name, times in found.items()}


def first_calls(count: int) -> dict[str, float]:
    """Return the milliseconds of processor time from import to first reply, in fresh processes that take turns."""
    found: dict[str, list[float]] = {name: [] for name in _FIRST_CALLS}
    with serving() as url:
        for _ in range(1 + count):
            for name, program in _FIRST_CALLS.items():
                found[name].append(_printed(program.replace("{url}", url)))
    return {name: round(median(times[1:]), 1) for name, times in found.items()}


def construction_times() -> dict[str, float]:
    """Return the milliseconds that a further client of a process takes."""
    return {"SDK": round(_printed(_SECOND_CLIENT), 3), "httpx": round(_printed(_SECOND_HTTPX), 3)}


def memory_growth(calls: int) -> dict[str, float]:
    """Return the MiB that `calls` calls leave behind, after half as many for warming up."""
    return {"SDK": round(_printed(_MEMORY.format(calls=calls)), 2)}
