"""The project of a request: from its path, its header, or the application's own dependency."""

from __future__ import annotations

from fastapi import Depends

from sinch_provisioning import OAuth2ClientCredentials, ProvisioningClient
from sinch_provisioning.fastapi import ChosenProject, RcsSenderResponse, project
from sinch_provisioning_emulator import Emulator

from .apps import in_process, opener, small_app


async def test_the_project_comes_from_path_header_or_a_callable() -> None:
    """Each request may be for a project of its own, with credentials of its own, on the connections of all."""
    emulator = Emulator()
    emulator.add_key("tenant-key", "tenant-secret", projects=["tenant"])
    app = small_app(opener(emulator))

    async def of_tenant(tenant: str) -> ChosenProject:
        key = OAuth2ClientCredentials("tenant-key", "tenant-secret", emulator.token_url)
        return ChosenProject(tenant, key)

    chosen = Depends(project(of_tenant))

    @app.get("/tenant")
    async def tenant(sinch: ProvisioningClient = chosen) -> list[RcsSenderResponse]:
        return await sinch.rcs.list()

    async with in_process(app) as http:
        assert (await http.get("/projects/a-project/senders")).json() == []
        assert (await http.get("/header", headers={"X-Sinch-Project": "h"})).json() == "h"
        assert (await http.get("/header")).status_code == 422
        crooked = await http.get("/header", headers={"X-Sinch-Project": "../p"})
        assert (crooked.status_code, crooked.headers["content-type"]) == (400, "application/problem+json")
        assert (await http.get("/tenant", params={"tenant": "tenant"})).json() == []
        refused = await http.get("/tenant", params={"tenant": "somebody-elses"})
        wrong = await http.get("/projects/%2E%2E/senders")
    assert [each.project_id for each in emulator.requests.of("listRcsSenders")] == [
        "a-project",
        "tenant",
        "somebody-elses",
    ]
    assert (refused.status_code, refused.json()["title"]) == (403, "Forbidden")
    assert wrong.status_code in (400, 404)
