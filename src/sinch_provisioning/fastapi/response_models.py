"""Names for the models that routes return, which FastAPI serializes and describes as they are."""

from sinch_provisioning_api.models import RcsSender, Sender

RcsSenderResponse = RcsSender
"""An RCS sender as a route's response, without properties that the API's document does not define."""

SenderResponse = Sender
"""A sender of another channel as a route's response, without its credentials."""
