"""What it would take to make the senders that exist what is wanted: a comparison over data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from attrs import fields_dict, frozen

from sinch_provisioning_api.models import (
    CreateRcsSenderRequest,
    CreateSenderRequest,
    RcsSender,
    UpdateRcsSenderRequest,
)

from ..channels.readiness import LAUNCH_REQUIREMENTS, readiness
from ..lifecycle.next_step import Action, Phase, Situation, steps_ahead
from ..lifecycle.status import FAILED, LAUNCHED, UNDER_WAY, status_of
from .project_channel import AnySender, ProjectChannel
from .state import Channel, DesiredSender

_CAPITAL: Final = re.compile(r"(?<!^)(?=[A-Z])")
_UPDATABLE: Final = frozenset(fields_dict(UpdateRcsSenderRequest))
# Taken down after a launch; launching it again brings it back. The other failures are rejections.
_UNLAUNCHED: Final = "UNLAUNCHED"


@frozen
class Change:
    """What one sender needs: `actions` in order, and `problem` where it can't get all the way.

    `differing` names the fields to update, `missing` those that a launch still needs.
    """

    project_id: str
    channel: Channel
    name: str
    actions: tuple[Action, ...] = ()
    sender_id: str | None = None
    status: str | None = None
    differing: tuple[str, ...] = ()
    problem: str | None = None
    missing: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return the change as JSON data."""
        return {
            "project": self.project_id,
            "channel": self.channel,
            "name": self.name,
            "actions": list(self.actions),
            "id": self.sender_id,
            "status": self.status,
            "differing": list(self.differing),
            "problem": self.problem,
            "missing": list(self.missing),
        }


def compare(channel: ProjectChannel, wanted: DesiredSender, found: Sequence[AnySender]) -> Change:
    """Compare one wanted sender with those of its name."""
    situation = situation_of(channel, wanted, found)
    actions, last = steps_ahead(situation, launch=wanted.launch)
    return Change(
        channel.project_id,
        wanted.channel,
        wanted.name,
        actions,
        found[0].id if len(found) == 1 else None,
        situation.status,
        (*situation.differing, *situation.fixed),
        last.problem,
        last.missing,
    )


def situation_of(channel: ProjectChannel, wanted: DesiredSender, found: Sequence[AnySender]) -> Situation:
    """Describe a sender in the terms that `next_step` decides by."""
    if len(found) > 1:
        return Situation("idle", duplicates=tuple(str(sender.id) for sender in found))
    brand: Mapping[str, object] = wanted.fields
    if not found:
        return Situation("absent", missing=readiness(brand) if wanted.launch else ())
    [sender] = found
    differing = _differences(wanted, sender)
    if not isinstance(sender, RcsSender):
        return Situation("idle", sender.status, fixed=differing)
    if wanted.launch:
        brand = {name: getattr(sender, name) for group in LAUNCH_REQUIREMENTS for name in group} | dict(brand)
    phase = phase_of(status_of(sender))
    if channel.has_launched(sender) and phase == "idle":
        phase = "in review"  # a status in between, such as IN_TEST
    return Situation(
        phase,
        status_of(sender),
        tuple(name for name in differing if name in _UPDATABLE),
        tuple(name for name in differing if name not in _UPDATABLE),
        readiness(brand) if wanted.launch else (),
    )


def phase_of(status: str | None) -> Phase:
    """Return the phase of an RCS sender that exists."""
    if status == LAUNCHED:
        return "launched"
    if status in UNDER_WAY:
        return "in review"
    if status == _UNLAUNCHED:
        return "unlaunched"
    return "rejected" if status in FAILED else "idle"


def _differences(wanted: DesiredSender, sender: AnySender) -> tuple[str, ...]:
    """Return the wanted fields that `sender` has otherwise; credentials only where the server shows them."""
    # The request models know how a value is spelled in JSON, and refuse what creating would refuse.
    fields = cast("Mapping[str, Any]", wanted.fields)
    if isinstance(sender, RcsSender):
        body = CreateRcsSenderRequest(**fields).to_dict()
    else:
        shown = sender.channel_credentials is not None
        body = CreateSenderRequest(
            **cast("Mapping[str, Any]", wanted.arguments() if shown else fields)
        ).to_dict()
    actual = sender.to_dict()
    return tuple(_python_name(name) for name, value in body.items() if actual.get(name) != value)


def _python_name(wire_name: str) -> str:
    return _CAPITAL.sub("_", wire_name).lower()
