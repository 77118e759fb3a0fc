"""What a delivery becomes: typed by its trigger, with unknown ones kept and secrets masked."""

from __future__ import annotations

import datetime as dt
import json
import pickle
from collections.abc import Mapping
from typing import Any

import pytest
from attrs import evolve

from sinch_provisioning.webhooks import WebhookEvent
from sinch_provisioning_v1_2_api.models import KakaoTalkSender, RcsSender

from .deliveries import AUTH_TOKEN, NOW, SENDER_ID, encode, event, sender, status_updated

RECEIVED = dt.datetime.fromtimestamp(NOW, dt.UTC)


def parse(delivery: object) -> WebhookEvent:
    """Read a delivery."""
    return WebhookEvent.parse(encode(delivery), received=RECEIVED)


def test_a_change_of_state() -> None:
    """The trigger with the sender, its previous and its current state, and a comment where there is one."""
    read = parse(status_updated(comment="Well done", projectId="acme"))
    assert (read.type, read.previous_state, read.current_state) == (
        "RCS_SENDER_STATUS_UPDATED",
        "LAUNCHING",
        "LAUNCHED",
    )
    assert (read.comment, read.project_id, read.received, read.sent) == ("Well done", "acme", RECEIVED, None)
    assert read.sender_id == SENDER_ID
    assert parse(status_updated()).project_id is None


@pytest.mark.parametrize(
    ("kind", "payload", "sender_id"),
    [
        ("RCS_SENDER_OPERATOR_STATUS_UPDATED", sender(), SENDER_ID),
        ("RCS_SENDER_COMMENT_ADDED", sender(), SENDER_ID),
        ("KAKAOTALK_SENDER_ACTIVE", {"plusFriendId": "@acme", "state": "ACTIVE"}, "@acme"),
        ("KAKAOTALK_SENDER_REJECTED", {"plusFriendId": "@acme", "id": "7"}, "@acme"),
        ("WHATSAPP_SENDER_ACTIVE", {"id": "w"}, "w"),
        ("RCS_ACCOUNT_COMMENT_ADDED", {"id": "account"}, None),
        ("KAKAOTALK_TEMPLATE_APPROVED", {"id": "template"}, None),
        ("BUNDLE_DONE", {"id": "bundle"}, None),
        ("SOMETHING_NEW", [1, None, {"a": 2.5}], None),
        ("SOMETHING_NEW_WITHOUT_PAYLOAD", None, None),
    ],
)
def test_every_trigger_is_an_event(kind: str, payload: object, sender_id: str | None) -> None:
    """Events about senders name theirs, all others are kept as they came."""
    delivery = {"type": kind, "payload": payload, "more": {"x": 1}}
    read = parse(delivery)
    assert (read.type, read.sender_id) == (kind, sender_id)
    assert (read.sender is None) is (sender_id is None)
    masked = json.loads(json.dumps(delivery).replace(AUTH_TOKEN, "***"))
    assert read.raw == masked


def test_senders_are_models() -> None:
    """Those of RCS and KakaoTalk are what the generated package of version 1.2 reads."""
    rcs = parse(status_updated()).sender
    assert isinstance(rcs, RcsSender)
    assert (rcs.id, rcs.state, rcs.region, rcs.auth_token) == (SENDER_ID, "LAUNCHED", "EU", "***")
    payload = {"plusFriendId": "@acme", "state": "ACTIVE", "new": 1}
    kakaotalk = parse({"type": "KAKAOTALK_SENDER_ACTIVE", "payload": payload}).sender
    assert isinstance(kakaotalk, KakaoTalkSender)
    assert (kakaotalk.plus_friend_id, kakaotalk.state) == ("@acme", "ACTIVE")
    assert kakaotalk.additional_properties == {"new": 1}


def test_a_payload_that_fits_no_model_is_kept_as_a_mapping() -> None:
    """A property that changed its type costs the model and not the event."""
    read = parse(status_updated(payload={"id": SENDER_ID, "state": ["not", "text"], "countryStatus": 7}))
    assert isinstance(read.sender, Mapping)
    assert (read.sender_id, read.current_state) == (SENDER_ID, "LAUNCHED")


@pytest.mark.parametrize("wrong", [1, None, ["LAUNCHED"], {}, True])
def test_a_property_of_another_type_reads_as_none(wrong: object) -> None:
    """States, comment and project are text or None, whatever was sent."""
    read = parse(status_updated(currentState=wrong, previousState=wrong, comment=wrong, projectId=wrong))
    assert (read.current_state, read.previous_state, read.comment, read.project_id) == (None,) * 4


def test_secrets_are_masked_at_any_depth_and_spelling() -> None:
    """No form of an event shows one: repr, dict, pickle, or the sender."""
    secrets: dict[str, Any] = {
        "authToken": AUTH_TOKEN,
        "auth_token": AUTH_TOKEN,
        "channelCredentials": {"a": [AUTH_TOKEN]},
        "nested": [{"SECRET": AUTH_TOKEN, "token": AUTH_TOKEN}],
        "password": None,
    }
    for payload in (sender(**secrets), secrets):
        for kind in (
            "RCS_SENDER_STATUS_UPDATED",
            "KAKAOTALK_SENDER_ACTIVE",
            "OTHER",
            "WHATSAPP_SENDER_ACTIVE",
        ):
            read = parse(status_updated(type=kind, payload=payload, secret=AUTH_TOKEN))
            shown = f"{read!r}{read.to_dict()}{read.sender!r}{read.raw}".encode() + pickle.dumps(read)
            assert AUTH_TOKEN.encode() not in shown
    kept = parse(status_updated(payload=secrets)).raw["payload"]
    assert kept["authToken"] == "***"  # type: ignore[index]
    assert kept["password"] is None  # type: ignore[index]


def test_an_event_survives_a_queue_a_pickle_and_a_set() -> None:
    """Its dict is JSON, and what is built from it equals it; a pickle leaves the sender's token behind."""
    read = WebhookEvent.parse(encode(status_updated()), received=RECEIVED, sent=RECEIVED)
    for event_ in (read, event()):
        again = WebhookEvent.from_dict(json.loads(json.dumps(event_.to_dict())))
        assert again == event_
        pickled = pickle.loads(pickle.dumps(event_))
        assert evolve(pickled, sender=event_.sender) == event_
        assert getattr(pickled.sender, "auth_token", None) is None
        assert len({again, event_}) == 1


def test_an_event_can_be_made_by_hand() -> None:
    """A test of a handler needs no delivery."""
    made = WebhookEvent(
        type="RCS_SENDER_STATUS_UPDATED", received=RECEIVED, sender={"id": "s"}, current_state="X"
    )
    assert (made.sender_id, made.raw) == ("s", {})
    assert WebhookEvent(type="BUNDLE_DONE", received=RECEIVED).sender_id is None
