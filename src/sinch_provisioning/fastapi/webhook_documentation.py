"""A webhook delivery as an application's own OpenAPI describes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, cast

from pydantic import BaseModel, ConfigDict, Field

from sinch_provisioning_v1_2_api.models import KakaoTalkSender, RcsSender


class _Delivery(BaseModel):
    """A webhook delivery; triggers not known yet have other payloads."""

    model_config = ConfigDict(title="WebhookDelivery")

    type: str = Field(description="The trigger's name.", examples=["RCS_SENDER_STATUS_UPDATED"])
    payload: Annotated[
        RcsSender | KakaoTalkSender | dict[str, Any],
        Field(description="The sender as it is now, where the trigger is about one."),
    ]
    previous_state: str | None = Field(default=None, alias="previousState")
    current_state: str | None = Field(default=None, alias="currentState")
    comment: str | None = None


_HEADERS: Final = {
    "x-sinch-webhook-signature": {"type": "string", "format": "byte"},
    "x-sinch-webhook-signature-algorithm": {"type": "string", "const": "HmacSHA256"},
    "x-sinch-webhook-signature-nonce": {"type": "string"},
    "x-sinch-webhook-signature-timestamp": {"type": "string", "description": "Unix seconds."},
}


def request_documentation() -> dict[str, Any]:
    """Return the headers and the body of a delivery, as members of an OpenAPI operation.

    The body's schema is in one piece, as an operation has no place in the document for the schema's parts.
    """
    schema = _Delivery.model_json_schema(mode="validation")
    parts: dict[str, Any] = schema.pop("$defs", {})
    return {
        "parameters": [
            {"name": name, "in": "header", "required": True, "schema": header}
            for name, header in _HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _inlined(schema, parts)}},
        },
    }


def _inlined(schema: object, parts: Mapping[str, Any]) -> object:
    if isinstance(schema, list):
        return [_inlined(item, parts) for item in cast("list[object]", schema)]
    if not isinstance(schema, dict):
        return schema
    members = cast("dict[str, object]", schema)
    reference = members.get("$ref")
    if isinstance(reference, str):
        name = reference.rpartition("/")[2]
        others = {other: part for other, part in parts.items() if other != name}
        # A model within itself is described once.
        return _inlined(parts[name], others) if name in parts else {"type": "object"}
    return {name: _inlined(item, parts) for name, item in members.items()}
