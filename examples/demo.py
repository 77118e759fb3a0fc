"""The main job on the emulator, over a real socket: token, create, launch, live, senders of all channels."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from sinch_provisioning import (
    KakaoTalkCredentials,
    LineCredentials,
    OAuth2ClientCredentials,
    Polling,
    ProvisioningClient,
    TelegramCredentials,
    TokenEvent,
)
from sinch_provisioning_emulator import Emulator, RunningClock

PROJECT = "demo-project"

# A review of 30 minutes passes in three seconds of the demo.
REVIEW_SECONDS = 1800.0
SPEED = 600.0


class Steps:
    """Prints what happens as it happens: coloured and moving on a terminal, plain lines in a pipe."""

    def __init__(self, console: Console) -> None:
        """Count from one."""
        self.console = console
        self._number = 0

    def title(self, text: str) -> None:
        """Begin the next step."""
        self._number += 1
        self.console.print(f"[bold cyan]{self._number}.[/] [bold]{text}[/]")

    def say(self, text: str) -> None:
        """Add a line to the step."""
        self.console.print(f"   {text}", highlight=False)


@asynccontextmanager
async def client_on(emulator: Emulator, steps: Steps) -> AsyncGenerator[ProvisioningClient, None]:
    """Open a client on the served emulator, telling when it fetches a token."""

    def token(event: TokenEvent) -> None:
        lifetime = f"{event.lifetime:.0f} s" if event.lifetime is not None else "no time"
        steps.say(f"[green]token[/] for key {event.key_id}, good for {lifetime}")

    async with ProvisioningClient(
        project_id=PROJECT,
        credentials=OAuth2ClientCredentials(
            emulator.key_id, emulator.key_secret, token_url=emulator.token_url
        ),
        base_url=emulator.base_url,
        on_token=token,
    ) as sinch:
        yield sinch


async def launch(sinch: ProvisioningClient, steps: Steps, sender_id: str | None) -> None:
    """Launch the sender and follow its states until it is live."""
    launched = await sinch.rcs.launch(sender_id)
    polling = Polling(first_pause=0.25, longest_pause=0.5)
    with Progress(
        TextColumn("  "),
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=steps.console,
        transient=True,
        disable=not steps.console.is_terminal,
    ) as progress:
        task = progress.add_task(f"carriers are reviewing: {launched.status}", total=None)
        async for sender in sinch.rcs.watch(sender_id, timeout=30, polling=polling):
            progress.update(task, description=f"carriers are reviewing: {sender.status}")
            steps.say(f"status [yellow]{sender.status}[/]")
    live = await sinch.rcs.wait_for_status(sender_id, "LAUNCHED", timeout=30)
    steps.say(f"[bold green]{live.display_name} is {live.status}[/]")


async def other_channels(sinch: ProvisioningClient) -> None:
    """Create one sender on each of the other channels; `ensure` makes it safe to run twice."""
    await sinch.kakaotalk.ensure(
        name="Acme KakaoTalk", channel_credentials=KakaoTalkCredentials("@acme", "demo-sender-key")
    )
    await sinch.line.ensure(
        name="Acme LINE", channel_credentials=LineCredentials("demo-line-token", "demo-line-secret")
    )
    await sinch.telegram.ensure(
        name="Acme Telegram", channel_credentials=TelegramCredentials("123:demo-bot-token")
    )


async def overview(sinch: ProvisioningClient) -> Table:
    """List the senders of all four channels at once."""
    rcs, kakaotalk, line, telegram = await asyncio.gather(
        sinch.rcs.list(), sinch.kakaotalk.list(), sinch.line.list(), sinch.telegram.list()
    )
    table = Table("channel", "name", "status", "id")
    for sender in rcs:
        table.add_row("RCS", sender.display_name, sender.status, sender.id)
    for channel, senders in (("KakaoTalk", kakaotalk), ("LINE", line), ("Telegram", telegram)):
        for other in senders:
            table.add_row(channel, other.name, other.status, other.id)
    return table


async def main() -> None:
    """Run all steps."""
    steps = Steps(Console(highlight=False, width=None if sys.stdout.isatty() else 100))
    emulator = Emulator(project_id=PROJECT, clock=RunningClock(speed=SPEED), review=REVIEW_SECONDS)
    async with emulator.serve():
        steps.console.print(f"emulator at {emulator.base_url}, three seconds of review by the carriers\n")
        async with client_on(emulator, steps) as sinch:
            steps.title("Create an RCS sender")
            sender = await sinch.rcs.create(
                display_name="Acme",
                description="Orders and deliveries",
                logo_url="https://acme.example/logo.png",
                hero_image_url="https://acme.example/hero.png",
                website="https://acme.example",
                phone_number="+46700000000",
                color="#0055AA",
                privacy_policy="https://acme.example/privacy",
                terms_of_service="https://acme.example/terms",
            )
            steps.say(f"sender {sender.id}, status [yellow]{sender.status}[/]")

            steps.title("Launch it, and wait until it is live")
            await launch(sinch, steps, sender.id)

            steps.title("Create senders on KakaoTalk, LINE and Telegram")
            await other_channels(sinch)

            steps.title("List the senders of all channels")
            steps.console.print(await overview(sinch))
        steps.say(
            f"{emulator.requests.count('token')} token request, "
            f"{len(emulator.requests)} requests in all, {len(emulator.senders)} senders"
        )


if __name__ == "__main__":
    asyncio.run(main())
