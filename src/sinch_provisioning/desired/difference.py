"""What a sender that is there lacks of the one wanted, and what can be done about it: decisions over data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, cast

from attrs import evolve, fields_dict, frozen

from sinch_provisioning_api.models import (
    CreateRcsSenderRequest,
    CreateSenderRequest,
    RcsSender,
    UpdateRcsSenderRequest,
)

from ..channels.readiness import LAUNCH_REQUIREMENTS, readiness
from ..lifecycle.status import FAILED, is_under_way, status_of
from .places import AnySender
from .state import Channel, DesiredSender

Action = Literal["create", "update", "launch"]

_CAPITAL: Final = re.compile(r"(?<!^)(?=[A-Z])")
# Taken down after its launch: wanting it launched means launching it again. The other failures are the carriers' word.
_RELAUNCHABLE: Final = "UNLAUNCHED"


@frozen
class Change:
    """What is to be done for one sender: `actions` in their order, and in `problem` what can't be.

    `differing` names the fields that are otherwise, `missing` those that a launch waits for.
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
        """Give the change ready for JSON."""
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


def decide(project_id: str, wanted: DesiredSender, found: Sequence[AnySender]) -> Change:
    """Compare one wanted sender with those of its name."""
    change = Change(project_id, wanted.channel, wanted.name)
    if len(found) > 1:
        ids = ", ".join(str(sender.id) for sender in found)
        return evolve(change, problem=f"{len(found)} senders have this name ({ids}): delete the surplus ones")
    if not found:
        return _launching(evolve(change, actions=("create",)), wanted, wanted.fields)
    sender = found[0]
    change = evolve(change, sender_id=sender.id, status=status(sender), differing=differences(wanted, sender))
    stuck = change.differing if wanted.channel != "rcs" else _unpatchable(change.differing)
    if stuck:
        return evolve(change, problem=f"differs in {', '.join(stuck)}, which the API can't update")
    if change.differing:
        change = evolve(change, actions=("update",))
    if not isinstance(sender, RcsSender) or is_under_way(sender):
        return change
    if change.status in FAILED and change.status != _RELAUNCHABLE and not change.differing and wanted.launch:
        return evolve(change, problem=f"the carriers' word is {change.status}: correct the brand's fields")
    shown = {name: getattr(sender, name) for group in LAUNCH_REQUIREMENTS for name in group}
    return _launching(change, wanted, {**shown, **wanted.fields})


def _launching(change: Change, wanted: DesiredSender, brand: Mapping[str, object]) -> Change:
    """Add the launch where one is wanted and the brand is ready for it."""
    if not wanted.launch:
        return change
    missing = readiness(brand)
    if missing:
        problem = f"not ready to be launched, missing: {', '.join(missing)}"
        return evolve(change, problem=problem, missing=missing)
    return evolve(change, actions=(*change.actions, "launch"))


def differences(wanted: DesiredSender, sender: AnySender) -> tuple[str, ...]:
    """Return the wanted fields that `sender` has otherwise; credentials only where the server shows them."""
    # The request models know how a value travels; what they refuse, creating would refuse too.
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


def status(sender: AnySender) -> str | None:
    """Return a sender's status, whatever its channel."""
    return status_of(sender) if isinstance(sender, RcsSender) else sender.status


def _unpatchable(differing: Sequence[str]) -> tuple[str, ...]:
    known = fields_dict(UpdateRcsSenderRequest)
    return tuple(name for name in differing if name not in known)


def _python_name(wire_name: str) -> str:
    return _CAPITAL.sub("_", wire_name).lower()
