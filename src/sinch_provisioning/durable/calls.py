"""One request to the API as a workflow of its own, so that the queue's limiter counts requests and nothing else."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final, Literal, Required, TypedDict, cast

from dbos import DBOS

from sinch_provisioning_api.models import RcsSenderList, SenderList

from .. import (
    APIConnectionError,
    ConflictError,
    DeadlineExceededError,
    LaunchNotReadyError,
    NotFoundError,
    OutcomeUnknownError,
    ProvisioningError,
    RateLimitError,
    ResponseDecodeError,
    ServerError,
    TokenError,
)
from ..desired import Place, name_of
from .desk import desk
from .order import AnySender, Order, Record, recorded

CALL: Final = "sinch_provisioning.call"
CALLS: Final = "sinch-provisioning-calls"
# Marks a call whose worker died with it: it may have been sent.
CUT_OFF: Final = "cut_off"
# Seconds from the start that the limiter counts to the request's leaving, at most.
LATEST: Final = 0.5
Operation = Literal["create", "update", "launch", "get", "list"]

_PATHS: Final = {"rcs": "rcs", "kakaotalk": "kakaoTalk", "line": "line", "telegram": "telegram"}
_DAY: Final = 86_400.0


class Reply(TypedDict, total=False):
    """What a request came to.

    The sender, or a page of senders; "doubt": it may have been done; "later": it was not; "late": it was not sent,
    for its turn was over; "failed": for good.
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
    async with desk.turn():
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
    place = desk.place(order)
    sender_id = cast("str | None", arguments.get("sender_id"))
    if operation == "list":
        return await _page(place, order, cast("str | None", arguments.get("page")))
    sender: AnySender
    if operation == "create":
        sender = await place.create(order.sender)
    elif operation == "update":
        sender = await place.update(sender_id, order.sender, cast("list[str]", arguments["differing"]))
    elif operation == "launch":
        sender = await place.launch(sender_id)
    else:
        sender = await place.client.rcs.get(sender_id)
    return {"kind": "sender", "senders": [recorded(sender)]}


async def _page(place: Place, order: Order, page: str | None) -> Reply:
    """Get one page and keep those of the name: a listing is as many requests as it has pages."""
    path = f"/v1/projects/{{project_id}}/{_PATHS[order.sender.channel]}/senders"
    reply = await place.client.request("GET", path, params=None if page is None else {"pageToken": page})
    try:
        data = cast("Mapping[str, Any]", reply.json())
        model = RcsSenderList if order.sender.channel == "rcs" else SenderList
        senders: list[AnySender] = [*(model.from_dict(data).senders or ())]
        token = data.get("nextPageToken")
    # Whatever a parser stumbles over, the fault is the reply's.
    except Exception:
        return {"kind": "later", "problem": "the list can't be read", "after": None}
    found = [recorded(each) for each in senders if name_of(each) == order.sender.name]
    return {
        "kind": "page",
        "senders": found,
        "next_page": token if isinstance(token, str) and token else None,
    }


def _refused(error: ProvisioningError, operation: Operation) -> Reply:
    """Sort a failure into what may have been done, what may be tried later, and what is final."""
    problem = str(error)
    if isinstance(error, LaunchNotReadyError):
        return {"kind": "failed", "problem": problem, "missing": list(error.missing)}
    after = cast("float | None", getattr(error, "retry_after", None))
    if isinstance(error, RateLimitError):
        daily = error.error_code == "rbm_too_many_requests"
        return {"kind": "later", "problem": problem, "after": _DAY if daily else after}
    if isinstance(
        error, OutcomeUnknownError | ServerError | ResponseDecodeError | ConflictError | NotFoundError
    ):
        kind: Literal["doubt", "later"] = "later" if operation in ("get", "list") else "doubt"
        gone = isinstance(error, NotFoundError)
        return {"kind": "doubt" if gone else kind, "problem": problem, "after": after}
    passing = isinstance(error, APIConnectionError | DeadlineExceededError) or (
        isinstance(error, TokenError) and (error.status_code is None or error.status_code >= 429)
    )
    return {"kind": "later" if passing else "failed", "problem": problem, "after": after}
