"""One sender's way, written down step by step: ensure it, launch it, wait for the carriers, say how it ended.

A workflow that is run again after its worker's end must do the same in the same order, so everything here follows
from recorded replies alone. Whoever changes the order of calls gives APPLICATION_VERSION a new value.
"""

from __future__ import annotations

from typing import Final, cast

from attrs import define, field
from dbos import DBOS

from ..desired import Action, Change, decide
from ..lifecycle.status import FAILED, LAUNCHED
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
async def bring(data: Record) -> Record:
    """Bring one sender to what is wanted of it; returns how it ended."""
    return await _Way(Order.from_dict(data), data).walk()


class _Lost(Exception):
    """Too many tries in a row came to nothing."""


@define
class _Way:
    """How far one sender has come."""

    order: Order
    data: Record
    found: list[AnySender] = field(init=False)
    done: list[Action] = field(factory=list[Action])
    tries: int = 0
    review_pause: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.found = list(self.order.found)
        self.review_pause = self.order.polling.first_pause

    async def walk(self) -> Record:
        order = self.order
        while True:
            change = decide(order.project_id, order.sender, self.found)
            launched = "launch" in self.done and change.status not in FAILED
            actions: list[Action] = [each for each in change.actions if each != "launch" or not launched]
            if not actions and change.problem is not None:
                return self._ended("failed", change, change.problem, change.missing)
            if not actions and (not order.sender.launch or change.status == LAUNCHED):
                return self._ended("done", change)
            if not actions and change.status in FAILED:
                return self._ended("failed", change, f"the carriers' word is {change.status}")
            try:
                problem = await (self._act(actions[0], change) if actions else self._review(change))
            except _Lost as error:
                return self._ended("failed", change, str(error))
            if problem is not None:
                return self._ended(
                    "failed", change, str(problem.get("problem")), tuple(problem.get("missing", ()))
                )

    async def _act(self, action: Action, change: Change) -> Reply | None:
        """Do one thing; returns the reply that ends it all, or None to go on."""
        reply = await self._ask(action, sender_id=change.sender_id, differing=list(change.differing))
        if reply["kind"] == "sender":
            self.done.append(action)
            self._saw(reply)
            return None
        if reply["kind"] == "failed":
            return reply
        await self._rest(reply)
        if reply["kind"] == "doubt":
            await self._look(change)
        return None

    async def _review(self, change: Change) -> Reply | None:
        polling = self.order.polling
        await DBOS.sleep_async(self.review_pause)
        self.review_pause = min(self.review_pause * polling.growth, polling.longest_pause)
        reply = await self._ask("get", sender_id=change.sender_id)
        if reply["kind"] == "sender":
            self._saw(reply)
        elif reply["kind"] == "failed":
            return reply
        else:
            await self._rest(reply)
            if reply["kind"] == "doubt":
                await self._look(change)
        return None

    async def _look(self, change: Change) -> None:
        """Read back: the sender by its id, or all of the name, page by page."""
        while change.sender_id is not None and change.channel == "rcs":
            reply = await self._ask("get", sender_id=change.sender_id)
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
        # Workers that are always late must get on, too.
        handle = await DBOS.enqueue_workflow_async(
            CALLS, call, self.data, operation, {**arguments, "however_late": True}
        )
        return await handle.get_result(polling_interval_sec=look)

    async def _rest(self, reply: Reply) -> None:
        self.tries += 1
        if self.tries >= _MOST_TRIES or reply["kind"] == "failed":
            raise _Lost(reply.get("problem", ""))
        pause = min(_FIRST_PAUSE * 2.0 ** (self.tries - 1), _LONGEST_PAUSE)
        after = reply.get("after")
        await DBOS.sleep_async(pause if after is None else max(after, pause))

    def _saw(self, reply: Reply) -> None:
        self.tries = 0
        self.found = [restored(self.order.sender.channel, each) for each in reply.get("senders", [])]

    def _ended(
        self, state: str, change: Change, problem: str | None = None, missing: tuple[str, ...] = ()
    ) -> Record:
        return {
            "project": self.order.project_id,
            "channel": change.channel,
            "name": change.name,
            "state": state,
            "id": change.sender_id,
            "status": change.status,
            "done": cast("object", list(self.done)),
            "problem": problem,
            "missing": list(missing),
        }
