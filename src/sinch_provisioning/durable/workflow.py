"""One sender's workflow: create or update it, launch it, wait for the carriers, record the outcome.

A workflow that is recovered must take the same steps in the same order, so everything here follows from recorded
replies alone. Give APPLICATION_VERSION a new value when the order of steps changes.
"""

from __future__ import annotations

from typing import Final, cast

from attrs import define, field
from dbos import DBOS

from ..desired import situation_of
from ..lifecycle.next_step import Action, Situation, Step, next_step
from .calls import CALLS, Operation, Reply, call
from .order import AnySender, Order, Record, restored

NAME: Final = "sinch_provisioning.sender"
SENDERS: Final = "sinch-provisioning-senders"
_MOST_TRIES: Final = 20
_MOST_LATE: Final = 5
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 300.0
# How often, in seconds, a workflow looks whether its request was made; each look is a query.
_LOOK: Final = 2.0


@DBOS.workflow(name=NAME, max_recovery_attempts=10_000)
async def reconcile(data: Record) -> Record:
    """Make one sender what is wanted; returns the outcome."""
    return await SenderWorkflow(Order.from_dict(data), data).run()


class _GivenUp(Exception):
    """Too many tries in a row have failed."""


@define
class SenderWorkflow:
    """One sender and what has been done for it."""

    order: Order
    data: Record
    found: list[AnySender] = field(init=False)
    done: list[Action] = field(factory=list[Action])
    tries: int = 0
    review_pause: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.found = list(self.order.found)
        self.review_pause = self.order.polling.first_pause

    @property
    def sender_id(self) -> str | None:
        """The sender's id, once it is known."""
        return self.found[0].id if self.found else None

    async def run(self) -> Record:
        """Take one step after the other; returns the outcome."""
        sender = self.order.sender
        while True:
            situation = situation_of(sender, self.found)
            step = next_step(situation, launch=sender.launch, done=self.done)
            if step.kind in ("done", "failed"):
                return self._ended(step, situation)
            action = step.action
            try:
                if action is None:
                    await DBOS.sleep_async(self.review_pause)
                    polling = self.order.polling
                    self.review_pause = min(self.review_pause * polling.growth, polling.longest_pause)
                reply = await self._ask(
                    action or "get", sender_id=self.sender_id, differing=list(situation.differing)
                )
                if reply["kind"] == "failed":
                    problem = str(reply.get("problem"))
                    return self._ended(Step("failed", problem, tuple(reply.get("missing", ()))), situation)
                if reply["kind"] == "sender":
                    if action is not None:
                        self.done.append(action)
                    self._saw(reply)
                    continue
                await self._rest(reply)
                if reply["kind"] == "doubt":
                    await self._look()
            except _GivenUp as error:
                return self._ended(Step("failed", str(error)), situation)

    async def _look(self) -> None:
        """Read back: the sender by its id, or all of the name, page by page."""
        while self.sender_id is not None and self.order.sender.channel == "rcs":
            reply = await self._ask("get", sender_id=self.sender_id)
            if reply["kind"] == "sender":
                tries = self.tries
                self._saw(reply)
                self.tries = tries  # reading is no progress
                return
            if reply["kind"] == "doubt":  # it is gone
                break
            await self._rest(reply)
        found: list[AnySender] = []
        page: str | None = None
        while True:
            reply = await self._ask("list", page=page)
            if reply["kind"] != "page":
                await self._rest(reply)
                continue
            found += [restored(self.order.sender.channel, each) for each in reply.get("senders", [])]
            page = reply.get("next_page")
            if page is None:
                self.found = found
                return

    async def _ask(self, operation: Operation, **arguments: object) -> Reply:
        look = min(_LOOK, self.order.polling.first_pause)
        for _ in range(_MOST_LATE):
            handle = await DBOS.enqueue_workflow_async(CALLS, call, self.data, operation, arguments)
            reply = await handle.get_result(polling_interval_sec=look)
            if reply["kind"] != "late":
                return reply
        # Workers that are always late have to make progress, too.
        handle = await DBOS.enqueue_workflow_async(
            CALLS, call, self.data, operation, {**arguments, "however_late": True}
        )
        return await handle.get_result(polling_interval_sec=look)

    async def _rest(self, reply: Reply) -> None:
        self.tries += 1
        if self.tries >= _MOST_TRIES or reply["kind"] == "failed":
            raise _GivenUp(reply.get("problem", ""))
        pause = min(_FIRST_PAUSE * 2.0 ** (self.tries - 1), _LONGEST_PAUSE)
        after = reply.get("after")
        await DBOS.sleep_async(pause if after is None else max(after, pause))

    def _saw(self, reply: Reply) -> None:
        self.tries = 0
        self.found = [restored(self.order.sender.channel, each) for each in reply.get("senders", [])]

    def _ended(self, step: Step, situation: Situation) -> Record:
        return {
            "project": self.order.project_id,
            "channel": self.order.sender.channel,
            "name": self.order.sender.name,
            "state": step.kind,
            "id": self.sender_id,
            "status": situation.status,
            "done": cast("object", list(self.done)),
            "problem": step.problem,
            "missing": list(step.missing),
        }
