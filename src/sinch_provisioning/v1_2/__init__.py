"""Sinch's own Provisioning API, version 1.2, with the credentials, errors, retries and extras of the other client."""

from .client import ProvisioningClient
from .kakaotalk import KakaoTalkSenders
from .rcs import RcsSenders, TestNumbers
from .webhooks import Webhooks

__all__ = ["KakaoTalkSenders", "ProvisioningClient", "RcsSenders", "TestNumbers", "Webhooks"]
