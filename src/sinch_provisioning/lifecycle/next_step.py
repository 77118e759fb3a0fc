"""What a sender needs next: one decision over plain data, shared by plans, `apply` and durable work.

Nothing here knows a document: whoever reads a sender says in which phase it is and what differs.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Literal

from attrs import evolve, frozen

from .status import UNDER_WAY, Progress

Action = Literal["create", "update", "launch"]
Phase = Literal["absent", "idle", "in review", "launched", "rejected", "unlaunched"]

# Taken down after a launch; launching it again brings it back. The other failures are rejections.
_UNLAUNCHED: Final = "UNLAUNCHED"
_WRITES: Final[tuple[Action, ...]] = ("create", "update", "launch")


@frozen
class Situation:
    """One sender as it is, compared with what is wanted.

    `differing` are fields to update, `fixed` those that differ and can't be updated, `missing` those that a launch
    still needs, `duplicates` the ids where several senders share the name. `status` is the server's own word,
    `refusals` says who refused the launch where the sender tells.
    """

    phase: Phase
    status: str | None = None
    differing: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    duplicates: tuple[str, ...] = ()
    refusals: str = ""


def phase_of(progress: Progress) -> Phase:
    """Return the phase of a sender that exists and can be launched."""
    if progress.failed:
        return "unlaunched" if progress.status == _UNLAUNCHED else "rejected"
    if progress.unsubmitted:
        return "idle"
    if progress.launched:
        return "launched"
    return "in review" if progress.status in UNDER_WAY else "idle"


@frozen
class Step:
    """What to do now: a write, wait for the carriers, or nothing more.

    `problem` says why it failed, and `missing` names the fields to fill in where that is the reason.
    """

    kind: Action | Literal["wait", "done", "failed"]
    problem: str | None = None
    missing: tuple[str, ...] = ()

    @property
    def action(self) -> Action | None:
        """The write to send, if any."""
        return next((action for action in _WRITES if action == self.kind), None)


def next_step(found: Situation, *, launch: bool, done: Collection[Action] = ()) -> Step:
    """Return the next step; `done` are the writes that this run has seen succeed, which it does not repeat."""
    # What was just written and still differs is how the server spells it.
    written = "create" in done or "update" in done
    if found.duplicates:
        ids = ", ".join(found.duplicates)
        step = _failed(f"{len(found.duplicates)} senders have this name ({ids}): delete the surplus ones")
    elif found.phase == "absent":
        step = Step("create")
    elif found.fixed:
        names = ", ".join(found.fixed)
        step = _failed(f"differs in {names}, which the API can't update: delete it, or change the file")
    elif found.differing and not written:
        step = Step("update")
    elif not launch or found.phase == "launched":
        step = Step("done")
    else:
        step = _launch_step(found, launched="launch" in done, corrected=written)
    return step


def _launch_step(found: Situation, *, launched: bool, corrected: bool) -> Step:
    # Idle after a launch is a status in between, such as IN_TEST.
    if found.phase == "in review" or (found.phase == "idle" and launched):
        step = Step("wait")
    elif found.phase == "rejected" and (launched or not corrected):
        reason = found.refusals or f"status {found.status}"
        step = _failed(f"carriers rejected the launch ({reason}): correct the brand fields")
    elif found.phase == "unlaunched" and launched:
        step = _failed("taken down after its launch: ask Sinch for the reason, then apply again")
    elif found.missing:
        problem = f"not ready to be launched, missing: {', '.join(found.missing)}"
        step = Step("failed", problem, found.missing)
    else:
        step = Step("launch")
    return step


def _failed(problem: str) -> Step:
    return Step("failed", problem)


def steps_ahead(found: Situation, *, launch: bool) -> tuple[tuple[Action, ...], Step]:
    """Return the writes that lead as far as they can, and the step that follows them."""
    done: list[Action] = []
    while True:
        step = next_step(found, launch=launch, done=done)
        if step.action is None:
            return tuple(done), step
        done.append(step.action)
        found = evolve(found, phase="idle" if found.phase == "absent" else found.phase, differing=())
