"""Files and servers of Sinch's own API, alone and beside the vendored document's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
from attrs import define

from sinch_provisioning_emulator import Emulator

from ..v1_2.details import FIELDS

_BRAND = {name: value for name, value in FIELDS["details"]["brand"].items() if name != "name"}
DEFAULTS: Any = {**FIELDS, "details": {**FIELDS["details"], "brand": _BRAND}, "launch": True}
FRIEND: Any = {
    "admin_phone_no": "+821012345678",
    "name": "Acme",
    "top_level_category_code": "001",
    "mid_level_category_code": "002",
    "sub_level_category_code": "003",
}


def write_own(path: Path, *names: str, countries: Sequence[str] = ("DE", "SE"), more: str = "") -> Path:
    """Write a file of RCS senders of Sinch's own API, ready to be launched."""
    defaults = {**DEFAULTS, "details": {**DEFAULTS["details"], "countries": [*countries]}}
    senders = "".join(f"  - details: {{brand: {{name: {name}}}}}\n" for name in names)
    path.write_text(
        f'version: 1\napi: "1.2"\ndefaults: {{rcs: {json.dumps(defaults)}}}\nrcs:\n{senders}{more}'
    )
    return path


@define
class BothApis(httpx.AsyncBaseTransport):
    """A host with both APIs: projects whose ids begin with "own" have Sinch's own, all others the vendored one."""

    vendored: Emulator
    own: Emulator

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        emulator = self.own if request.url.path.startswith("/v1/projects/own") else self.vendored
        return await emulator.transport().handle_async_request(request)
