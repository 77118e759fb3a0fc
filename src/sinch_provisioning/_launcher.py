"""The main job in one call: a sender that is there, launched, and, if asked for, live."""

from __future__ import annotations

from collections.abc import Iterable

from sinch_provisioning_api.models import RcsSender

from . import launch
from .config import check_segment
from .rcs import RcsSenders


async def launch_once(senders: RcsSenders, sender: RcsSender) -> RcsSender:
    """Launch `sender` unless that is under way, reading back before launching again."""
    project = senders.project
    sender_id = check_segment("sender_id", sender.id)
    seen: RcsSender | None = sender

    async def look() -> RcsSender | None:
        nonlocal seen
        current, seen = seen, None
        if current is None:
            current = await senders.get(sender_id)
        return current if launch.under_way(current) else None

    async with project.locks.hold(("rcs", project.project_id, "id", sender_id)):
        launched, _ = await project.rewriter.run(look, lambda: senders.launch(sender_id))
    return launched


async def until_live(
    senders: RcsSenders, sender: RcsSender, until: str | Iterable[str], timeout: float | None
) -> RcsSender:
    """Wait for a sender that is under way, without asking for what the last reply said already."""
    if launch.check_arrived(sender, launch.statuses(until)):
        return sender
    return await senders.wait_for_status(sender.id, until, timeout=timeout)
