"""Names for the models that routes return, which FastAPI serializes and describes as they are.

Those of Sinch's own API, in `sinch_provisioning.v1_2.models`, need no other name: they have a `state` and no `status`.
"""

from typing import Annotated, TypeVar

from attrs import evolve
from pydantic import AfterValidator

from sinch_provisioning_api.models import RcsSender, Sender

from ..lifecycle.status import status_of

_Sender = TypeVar("_Sender", RcsSender, Sender)


def _with_status(sender: _Sender) -> _Sender:
    return sender if sender.status is not None else evolve(sender, status=status_of(sender))


RcsSenderResponse = Annotated[RcsSender, AfterValidator(_with_status)]
"""An RCS sender as a route's response, without properties that the API's document does not define.

Where a reply has a `state` in place of a `status`, as Sinch's own API has, the response's `status` is that.
"""

SenderResponse = Annotated[Sender, AfterValidator(_with_status)]
"""A sender of another channel as a route's response, without its credentials; its `status` as above."""
