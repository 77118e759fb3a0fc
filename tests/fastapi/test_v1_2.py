"""An application on Sinch's own API."""

from typing import Annotated, Any

from fastapi import Body, Depends, FastAPI

from sinch_provisioning import OAuth2ClientCredentials, models, v1_2
from sinch_provisioning.fastapi import RcsSenderResponse, current_client, install, lifespan
from sinch_provisioning.v1_2.models import CreateRcsSenderRequest, RcsSender

from ..v1_2.strict_server import StrictServer
from .apps import TestClient

FIELDS: Any = {
    "region": "EU",
    "billingCategory": "CONVERSATIONAL",
    "useCase": "OTP",
    "details": {"brand": {"name": "Acme"}},
}


def test_routes_take_and_return_the_models_of_1_2() -> None:
    """Request models are bodies, replies are described and come without the live token, refusals are problems."""
    server = StrictServer()
    credentials = OAuth2ClientCredentials("key-id", "key-secret")
    app = FastAPI(
        lifespan=lifespan(
            lambda: v1_2.ProvisioningClient(project_id="p1", credentials=credentials, transport=server)
        )
    )
    install(app)
    sinch_client = Depends(current_client)

    @app.post("/brands", status_code=201)
    async def create(
        body: Annotated[CreateRcsSenderRequest, Body()],
        sinch: Annotated[v1_2.ProvisioningClient, sinch_client],
    ) -> RcsSender:
        return await sinch.rcs.create(
            region=body.region,
            billing_category=body.billing_category,
            use_case=body.use_case,
            details=body.details,
        )

    @app.post("/brands/{sender_id}/launch")
    async def launch(sender_id: str, sinch: Annotated[v1_2.ProvisioningClient, sinch_client]) -> RcsSender:
        return await sinch.launch_rcs_sender(sender_id)

    with TestClient(app) as http:
        made = http.post("/brands", json=FIELDS)
        assert (made.status_code, made.json()["state"]) == (201, "DRAFT")
        assert "canary" not in made.text
        assert made.json()["details"]["brand"]["name"] == "Acme"
        assert http.post("/brands", json={**FIELDS, "details": 3}).status_code == 422
        refused = http.post(f"/brands/{made.json()['id']}/launch")
        assert refused.status_code == 412
        assert "details.brand.bannerUrl should not be empty" in refused.json()["missing"]
        described = http.get("/openapi.json").json()["components"]["schemas"]
        assert "authToken" not in str(described["RcsSender"])


def test_an_application_may_return_senders_of_both_apis() -> None:
    """Models of one name are two schemas, each with the properties that its responses have."""
    app = FastAPI()

    @app.get("/vendored")
    async def vendored() -> RcsSenderResponse:
        return models.RcsSender(id="a")

    @app.get("/own")
    async def own() -> RcsSender:
        return RcsSender("b", "EU", "CONVERSATIONAL", "OTP", "EUROPE", state="DRAFT", auth_token="canary")

    with TestClient(app) as http:
        schemas = http.get("/openapi.json").json()["components"]["schemas"]
        one, other = http.get("/vendored").json(), http.get("/own").json()
    named = {frozenset(each["properties"]) for name, each in schemas.items() if name.endswith("RcsSender")}
    assert named == {frozenset(one), frozenset(other)}
    assert (other["state"], "status" in other, "authToken" in other) == ("DRAFT", False, False)
