"""What it would take to make the senders that exist what is wanted: a comparison over data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from attrs import astuple, frozen

from ..lifecycle.next_step import Action, Situation, phase_of, steps_ahead
from ..lifecycle.properties import flat, same
from ..lifecycle.status import refusals, status_of
from .kinds import Channel, Kind
from .project_channel import AnySender, ProjectChannel
from .state import CREDENTIALS, DesiredSender

_CAPITAL: Final = re.compile(r"(?<!^)(?=[A-Z])")


@frozen
class Change:
    """What one sender needs: `actions` in order, and `problem` where it can't get all the way.

    `differing` names the fields to update, `missing` those that a launch still needs. `is_waiting` says that what is
    left after the actions is for the carriers to decide.
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
    is_waiting: bool = False

    def to_dict(self) -> dict[str, object]:
        """Return the change as JSON data."""
        names = ("project", "channel", "name", "actions", "id", "status", "differing", "problem", "missing")
        return dict(zip(names, astuple(self), strict=False))


def compare(channel: ProjectChannel, wanted: DesiredSender, found: Sequence[AnySender]) -> Change:
    """Compare one wanted sender with those of its name."""
    situation = situation_of(channel, wanted, found)
    actions, last = steps_ahead(situation, launch=wanted.launch)
    return Change(
        channel.project_id,
        wanted.channel,
        wanted.name,
        actions,
        channel.kind.id_of(found[0]) if len(found) == 1 else None,
        situation.status,
        (*situation.differing, *situation.fixed),
        last.problem,
        last.missing,
        last.kind == "wait",
    )


def situation_of(channel: ProjectChannel, wanted: DesiredSender, found: Sequence[AnySender]) -> Situation:
    """Describe a sender in the terms that `next_step` decides by."""
    kind = channel.kind
    if len(found) > 1:
        return Situation("idle", duplicates=tuple(str(channel.kind.id_of(sender)) for sender in found))
    sender = found[0] if found else None
    missing = kind.missing(sender, wanted.fields) if wanted.launch else ()
    if sender is None:
        return Situation("absent", missing=missing)
    differing = _differences(kind, wanted, sender)
    updatable = tuple(name for name in differing if kind.can_update(sender, name))
    fixed = tuple(name for name in differing if name not in updatable)
    if kind.progress is None:
        return Situation("idle", status_of(sender), updatable, fixed)
    progress = channel.progress(wanted, sender)
    phase = phase_of(progress)
    if channel.has_launched(sender, progress) and phase == "idle":
        phase = "in review"  # a status in between, such as IN_TEST
    return Situation(phase, progress.status, updatable, fixed, missing, refusals=refusals(progress))


def _differences(kind: Kind, wanted: DesiredSender, sender: AnySender) -> tuple[str, ...]:
    """Return the wanted fields that `sender` has otherwise; credentials only where the server shows them."""
    shown = getattr(sender, CREDENTIALS, None) is not None
    # The request models know how a value is spelled in JSON, and refuse what creating would refuse.
    body = flat(kind.create(**(wanted.arguments() if shown else wanted.fields)).to_dict())
    actual = flat(kind.read(sender))
    differing = (_python_name(name) for name, value in body.items() if not same(actual.get(name), value))
    return tuple(name for name in differing if name not in kind.instructions)


def _python_name(wire_name: str) -> str:
    return _CAPITAL.sub("_", wire_name).lower()
