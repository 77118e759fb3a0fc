"""The main job on the emulator of Sinch's own API: token, create, test number, launch, webhook heard, LAUNCHED."""

from __future__ import annotations

import asyncio
import secrets
import sys
from typing import Final

import uvicorn
from fastapi import FastAPI
from rich.console import Console

from sinch_provisioning import OAuth2ClientCredentials, TokenEvent
from sinch_provisioning.fastapi import webhook_router
from sinch_provisioning.v1_2 import ProvisioningClient
from sinch_provisioning.webhooks import EventHub, WebhookEvent, WebhookVerifier
from sinch_provisioning_emulator import Emulator, RunningClock
from sinch_provisioning_v1_2_api.models import BrandDetailsInputFields, RcsSenderDetailsInputFields

from .demo import Steps

# A review of 30 minutes passes in three seconds of the demo.
REVIEW_SECONDS: Final = 1800.0
SPEED: Final = 600.0
TESTER: Final = "+4915112345678"

BRAND: Final[BrandDetailsInputFields] = {
    "name": "Acme",
    "banner_url": "https://acme.example/banner.png",
    "logo_url": "https://acme.example/logo.png",
    "privacy_policy_url": "https://acme.example/privacy",
    "terms_of_service_url": "https://acme.example/terms",
    "phones": [{"label": "Support", "number": "+49301234567"}],
}
DETAILS: Final[RcsSenderDetailsInputFields] = {
    "brand": BRAND,
    "countries": ["DE", "SE"],
    "questionnaire": {
        "general": {
            "answers": {
                "opt_in_description": "Customers tick a box when they order",
                "trigger_description": "An order is shipped or delayed",
                "interactions_description": "Delivery notices and answers to them",
                "opt_out_description": "Customers reply STOP",
                "video_uris": ["https://acme.example/flow.mp4"],
                "screenshot_uris": ["https://acme.example/flow.png"],
            }
        },
        "verification": {
            "answers": {
                "name": "Ada Example",
                "email": "ada@acme.example",
                "title": "Head of Messaging",
                "website": "https://acme.example",
            }
        },
    },
}


async def run(steps: Steps) -> None:
    """Serve the emulator and a webhook's target, and bring one brand live."""
    emulator = Emulator(api="1.2", clock=RunningClock(speed=SPEED), review=REVIEW_SECONDS)
    secret, hub = secrets.token_urlsafe(), EventHub()
    # The emulator's clock is fast, so that its signatures are hours ahead of this machine's.
    verifier = WebhookVerifier(secret, clock=emulator.clock)

    async def heard(event: WebhookEvent) -> None:
        steps.say(f"[yellow]webhook[/] {event.type} {event.previous_state or ''} {event.current_state or ''}")
        await hub.publish(event)

    app = FastAPI()
    app.include_router(webhook_router(verifier, heard))
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    with config.bind_socket() as bound:
        bound.listen()
        target = f"http://127.0.0.1:{bound.getsockname()[1]}/webhooks/sinch"
        serving = asyncio.ensure_future(server.serve([bound]))
        async with emulator.serve():
            steps.title(f"Sinch's own API, emulated, at {emulator.base_url}")
            await bring_live(steps, emulator, hub, target, secret)
        server.should_exit = True
        await serving


async def bring_live(steps: Steps, emulator: Emulator, hub: EventHub, target: str, secret: str) -> None:
    """Register the webhook, create the sender, invite a tester, launch it, and wait until it is live."""

    def token(event: TokenEvent) -> None:
        steps.say(f"[green]token[/] for key {event.key_id}")

    async with ProvisioningClient(
        project_id=emulator.project_id,
        credentials=OAuth2ClientCredentials(
            emulator.key_id, emulator.key_secret, token_url=emulator.token_url
        ),
        base_url=emulator.base_url,
        on_token=token,
    ) as sinch:
        steps.title("Register a webhook, once")
        webhook = await sinch.webhooks.ensure(target=target, secret=secret, triggers=["ALL"])
        steps.say(f"{webhook.id} for {webhook.target}")
        steps.title("Create an RCS sender")
        sender = await sinch.rcs.ensure(
            region="EU", billing_category="CONVERSATIONAL", use_case="TRANSACTIONAL", details=DETAILS
        )
        steps.say(f"{sender.id} is {sender.state}")
        steps.title("Invite a tester")
        [tester] = await sinch.rcs.test_numbers.add(sender.id, [TESTER])
        steps.say(f"{tester.number} is {tester.state}")
        steps.title("Launch it, and hear from the carriers")
        before = len(emulator.requests)
        live = await sinch.launch_rcs_sender(sender.id, wait=True, timeout=60, events=hub)
        for country in live.country_status or ():
            steps.say(f"{country.country}: {country.status}")
        steps.say(
            f"{live.id} is [bold green]{live.state}[/] after {len(emulator.requests) - before} requests"
        )


def main() -> int:
    """Run the demo."""
    asyncio.run(run(Steps(Console(highlight=False))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
