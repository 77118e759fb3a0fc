"""One request to the API as a workflow of its own, so that the queue's limiter counts requests and nothing else."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final, Literal, Required, TypedDict, cast

from dbos import DBOS

from sinch_provisioning_api.models import RcsSenderList, SenderList

from .. import ConflictError, LaunchNotReadyError, NotFoundError, OutcomeUnknownError, ProvisioningError
from ..desired import ProjectChannel, name_of, requested_pause
from .order import AnySender, Order, Record, recorded
from .worker_client import worker_client

CALL: Final = "sinch_provisioning.call"
CALLS: Final = "sinch-provisioning-calls"
# Marks a call whose worker died with it: it may have been sent.
CUT_OFF: Final = "cut_off"
# Seconds from the start that the limiter counts to the request's leaving, at most.
LATEST: Final = 0.5
Operation = Literal["create", "update", "launch", "get", "list"]

_PATHS: Final = {"rcs": "rcs", "kakaotalk": "kakaoTalk", "line": "line", "telegram": "telegram"}


class Reply(TypedDict, total=False):
    """What a request came to.

    The sender, or a page of senders; "doubt": it may have been done; "later": it was not done; "late": it was not
    sent in time; "failed": it can't succeed.
    """

    kind: Required[Literal["sender", "page", "doubt", "later", "late", "failed"]]
    senders: list[Record]
    next_page: str | None
    problem: str
    missing: list[str]
    after: float | None


@DBOS.workflow(name=CALL)
async def call(data: Record, operation: Operation, arguments: Record) -> Reply:
    """Send one request; a write that was cut off by the end of its worker is reported as doubtful, never repeated."""
    return await DBOS.run_step_async({"name": operation}, _send, data, operation, arguments)


async def _send(data: Record, operation: Operation, arguments: Record) -> Reply:
    async with worker_client.turn():
        status = await DBOS.get_workflow_status_async(str(DBOS.workflow_id))
        if status is not None:
            if operation in ("create", "launch") and (status.attributes or {}).get(CUT_OFF):
                return {"kind": "doubt", "problem": "the worker ended while it was sent"}
            late = 0.0 if status.dequeued_at is None else time.time() - status.dequeued_at / 1000
            if late > LATEST and not arguments.get("however_late"):
                return {"kind": "late"}
        try:
            return await _ask(Order.from_dict(data), operation, arguments)
        except ProvisioningError as error:
            return _refused(error, operation)


async def _ask(order: Order, operation: Operation, arguments: Record) -> Reply:
    channel = worker_client.channel(order)
    sender_id = cast("str | None", arguments.get("sender_id"))
    if operation == "list":
        return await _page(channel, order, cast("str | None", arguments.get("page")))
    if operation == "get":
        sender = await channel.get(sender_id)
    else:
        sender = await channel.write(
            operation, order.sender, sender_id, cast("list[str]", arguments["differing"])
        )
    return {"kind": "sender", "senders": [recorded(sender)]}


async def _page(channel: ProjectChannel, order: Order, page: str | None) -> Reply:
    """Get one page and keep those of the name: a listing is as many requests as it has pages."""
    path = f"/v1/projects/{{project_id}}/{_PATHS[order.sender.channel]}/senders"
    reply = await channel.client.request("GET", path, params=None if page is None else {"pageToken": page})
    try:
        data = cast("Mapping[str, Any]", reply.json())
        model = RcsSenderList if order.sender.channel == "rcs" else SenderList
        senders: list[AnySender] = [*(model.from_dict(data).senders or ())]
        token = data.get("nextPageToken")
    # Whatever a parser raises, the reply is at fault.
    except Exception:
        return {"kind": "later", "problem": "the list can't be parsed", "after": None}
    found = [recorded(each) for each in senders if name_of(each) == order.sender.name]
    return {
        "kind": "page",
        "senders": found,
        "next_page": token if isinstance(token, str) and token else None,
    }


def _refused(error: ProvisioningError, operation: Operation) -> Reply:
    """Sort a failure into what may have been done, what may be tried later, and what is final."""
    problem, after = str(error), requested_pause(error) or None
    if isinstance(error, LaunchNotReadyError):
        return {"kind": "failed", "problem": problem, "missing": list(error.missing)}
    if isinstance(error, ConflictError | NotFoundError):
        return {"kind": "doubt", "problem": problem, "after": after}
    if not error.retryable:
        return {"kind": "failed", "problem": problem}
    received = getattr(error, "status_code", None) not in (None, 429) or isinstance(
        error, OutcomeUnknownError
    )
    doubtful = received and operation not in ("get", "list")
    return {"kind": "doubt" if doubtful else "later", "problem": problem, "after": after}
