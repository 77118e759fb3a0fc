"""What is accepted and what is refused: signatures, ages, nonces, and mutated deliveries.

`MUTATED_DELIVERIES=5000 python -m pytest tests/webhooks/test_verifier.py` tries more of those than the suite does.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers

from sinch_provisioning import ConfigurationError, ProvisioningError, WebhookSignatureError
from sinch_provisioning.webhooks import MemoryReplays, WebhookVerifier, sinch_signature

from .deliveries import NOW, SECRET, SetClock, encode, sign, status_updated

VECTORS: list[dict[str, str]] = json.loads(Path(__file__).with_name("vectors.json").read_text())
BODY = encode(status_updated())
MUTATIONS = int(os.environ.get("MUTATED_DELIVERIES", "600"))
SIGNATURE, ALGORITHM, NONCE, TIMESTAMP = (
    f"x-sinch-webhook-signature{part}" for part in ("", "-algorithm", "-nonce", "-timestamp")
)


def verifier(secrets: Any = SECRET, **options: Any) -> WebhookVerifier:
    """Make one whose clock stands at the time that deliveries are signed at."""
    return WebhookVerifier(secrets, **({"clock": SetClock()} | options))


async def refusal(headers: Any, body: bytes = BODY, **options: Any) -> str:
    """Return the reason of the refusal, which must be a WebhookSignatureError."""
    with pytest.raises(WebhookSignatureError) as caught:
        await verifier(**options).verify(headers, body)
    return caught.value.reason


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
async def test_signatures_of_another_implementation_verify(vector: Mapping[str, str]) -> None:
    """Deliveries signed by Sinch's own Python SDK (PyPI `sinch` 2.3.0) are accepted."""
    body = vector["body"].encode()
    headers = {
        SIGNATURE: vector["signature"],
        ALGORITHM: "HmacSHA256",
        NONCE: vector["nonce"],
        TIMESTAMP: vector["timestamp"],
    }
    clock = SetClock(float(vector["timestamp"]) + 4)
    event = await verifier(vector["secret"], clock=clock).verify(headers, body)
    assert event.type == json.loads(body)["type"]
    made = sinch_signature(vector["secret"], body, vector["nonce"], vector["timestamp"])
    assert made == vector["signature"]


async def test_the_published_example_of_the_scheme_is_signed() -> None:
    """The values that Sinch's SDKs for other languages check theirs with; what is signed is no event of this API."""
    contact = {
        "id": "01FJA8B466Y0R2GNXD78MD9SM1",
        "channel_identities": [{"channel": "SMS", "identity": "48123456789", "app_id": ""}],
        "display_name": "New Test Contact",
        "email": "new.contact@email.com",
        "external_id": "",
        "metadata": "",
        "language": "EN_US",
    }
    callback = {
        "app_id": "",
        "accepted_time": "2021-10-18T17:49:13.813615Z",
        "project_id": "e2df3a34-a71b-4448-9db5-a8d2baad28e4",
        "contact_create_notification": {"contact": contact},
        "message_metadata": "",
    }
    body = json.dumps(callback, separators=(",", ":")).encode()
    headers = {
        SIGNATURE: "6bpJoRmFoXVjfJIVglMoJzYXxnoxRujzR4k2GOXewOE=",
        ALGORITHM: "HmacSHA256",
        NONCE: "01FJA8B4A7BM43YGWSG9GBV067",
        TIMESTAMP: "1634579353",
    }
    options = {"secrets": "foo_secret1234", "clock": SetClock(1634579353.0)}
    assert await refusal(headers, body, **options) == "body"
    assert await refusal(headers, body + b" ", **options) == "signature"


# A change of one part of a delivery: which part, where, and what is put there.
PARTS = ("body", SIGNATURE, NONCE, TIMESTAMP, ALGORITHM)
changes = st.tuples(
    st.sampled_from(PARTS),
    st.sampled_from(("replace", "insert", "delete", "flip", "cut", "swap", "all")),
    st.integers(0, 10_000),
    st.binary(min_size=1, max_size=8),
)


def changed(content: bytes, how: str, place: int, what: bytes) -> bytes:
    """Change bytes in one of several ways."""
    place %= len(content) + 1
    before, after = content[:place], content[place:]
    return {
        "replace": before + what + after[len(what) :],
        "insert": before + what + after,
        "delete": before + after[1:],
        "flip": before + bytes(byte ^ (what[0] or 1) for byte in after[:1]) + after[1:],
        "cut": before,
        "swap": after + before,
        "all": what,
    }[how]


@settings(max_examples=MUTATIONS, deadline=None, database=None)
@given(st.lists(changes, min_size=1, max_size=3), st.booleans())
def test_a_mutated_delivery_is_refused_and_nothing_else_happens(
    edits: list[tuple[str, str, int, bytes]], as_bytes: bool
) -> None:
    """Whatever is changed in body or headers, it is a WebhookSignatureError, without a secret or the body."""
    original: dict[str, bytes] = {"body": BODY}
    original |= {name: value.encode() for name, value in sign(BODY, nonce="01JN9X3Z8Q").items()}
    mutated = dict(original)
    for part, how, place, what in edits:
        mutated[part] = changed(mutated[part], how, place, what)
    if mutated == original:
        return
    body = mutated.pop("body")
    headers: Any = (
        list(mutated.items())
        if as_bytes
        else {name: value.decode("latin-1") for name, value in mutated.items()}
    )
    if as_bytes:
        headers = [(name.encode(), value) for name, value in headers]
    with pytest.raises(WebhookSignatureError) as caught:
        verifier([SECRET, "another"]).verify(headers, body)
    assert "canary" not in repr(caught.value)
    assert caught.value.reason in {"headers", "signature"}


@settings(max_examples=MUTATIONS // 10, deadline=None, database=None)
@given(
    st.one_of(
        st.binary(max_size=64),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["type", "payload", "a"]), inner),
        ).map(encode),
    )
)
def test_a_signed_body_is_an_event_or_refused(body: bytes) -> None:
    """What Sinch signs is an event where it is an object with a type, and else a WebhookSignatureError."""
    try:
        kind = json.loads(body)["type"]
    except (ValueError, LookupError, TypeError):
        kind = None
    if kind and isinstance(kind, str):
        assert verifier().verify(sign(body), body).type == kind
        return
    with pytest.raises(WebhookSignatureError) as caught:
        verifier().verify(sign(body), body)
    assert caught.value.reason == "body"


@pytest.mark.parametrize("missing", [SIGNATURE, ALGORITHM, NONCE, TIMESTAMP])
async def test_each_header_must_be_there_once(missing: str) -> None:
    """A missing, a doubled and an empty header is refused, in each form that frameworks have headers in."""
    headers = sign(BODY)
    without = {name: value for name, value in headers.items() if name != missing}
    doubled = [*headers.items(), (missing.upper(), headers[missing])]
    raw = [(name.encode(), value.encode()) for name, value in doubled]
    for refused in (
        without,
        doubled,
        raw,
        httpx.Headers(doubled),
        Headers(raw=raw),
        headers | {missing.title(): "x"},
        headers | {missing: ""},
        headers | {missing: ["a list"]},
        {},
        [],
    ):
        assert await refusal(refused) == "headers"


@pytest.mark.parametrize(
    "algorithm", ["HmacSHA1", "hmacsha256", "none", "HmacSHA256, HmacSHA1", "HmacSHA512"]
)
async def test_another_algorithm_is_refused(algorithm: str) -> None:
    """Only the documented algorithm counts, as it is spelled."""
    assert await refusal(sign(BODY) | {ALGORITHM: algorithm}) == "headers"


@pytest.mark.parametrize(
    "timestamp", ["", " 1772446530", "+1772446530", "1_772_446_530", "\uff11\uff17", "1e9", "9" * 40]
)
async def test_a_timestamp_is_a_plain_number_of_seconds(timestamp: str) -> None:
    """What `int` would forgive is refused, and so is a number that no clock shows."""
    assert await refusal(sign(BODY) | {TIMESTAMP: timestamp}) == "headers"


async def test_headers_count_in_any_form_and_case() -> None:
    """Names in any case, text or bytes, a mapping or pairs."""
    for form in (
        dict,
        httpx.Headers,
        Headers,
        lambda headers: {name.title(): value for name, value in headers.items()},
        lambda headers: [(name.upper().encode(), value.encode()) for name, value in headers.items()],
    ):
        assert (await verifier().verify(form(sign(BODY)), BODY)).current_state == "LAUNCHED"


async def test_each_of_several_secrets_verifies() -> None:
    """While a secret is rotated, deliveries signed with either are accepted, and no third one's."""
    both = verifier(["new", "old"])
    for secret in ("new", "old"):
        assert (await both.verify(sign(BODY, secret=secret), BODY)).type == "RCS_SENDER_STATUS_UPDATED"
    assert await refusal(sign(BODY, secret="third"), secrets=["new", "old"]) == "signature"
    assert "new" not in repr(both)


@pytest.mark.parametrize(
    ("offset", "accepted"), [(0, True), (300, True), (-300, True), (301, False), (-301, False)]
)
async def test_age_counts_both_ways(offset: float, accepted: bool) -> None:
    """Signed longer ago than the tolerance, or further ahead, is refused."""
    headers = sign(BODY, at=NOW - offset)
    if accepted:
        await verifier().verify(headers, BODY)
    else:
        assert await refusal(headers) == "timestamp"
        assert (await verifier(tolerance=400).verify(headers, BODY)).sent is not None


async def test_a_nonce_is_accepted_once_for_as_long_as_its_age_is() -> None:
    """The same delivery is refused until its timestamp refuses it, at every moment in between."""
    clock = SetClock(NOW - 300)
    one = verifier(clock=clock)
    headers = sign(BODY)
    await one.verify(headers, BODY)
    for _ in range(600):
        clock.now += 1
        with pytest.raises(WebhookSignatureError) as caught:
            await one.verify(headers, BODY)
        assert caught.value.reason == "replay"
    clock.now += 1
    with pytest.raises(WebhookSignatureError) as caught:
        await one.verify(headers, BODY)
    assert caught.value.reason == "timestamp"


async def test_a_refused_delivery_does_not_use_up_its_nonce() -> None:
    """Nobody without the secret can have a genuine delivery refused, nor fill the memory."""
    replays = MemoryReplays(clock=SetClock())
    one = verifier(replays=replays)
    headers = sign(BODY)
    with pytest.raises(WebhookSignatureError):
        await one.verify(headers, BODY + b" ")
    assert (await one.verify(headers, BODY)).sender_id is not None


async def test_a_released_delivery_is_accepted_again() -> None:
    """A delivery that could not be handed over may come again."""
    one = verifier()
    headers = sign(BODY)
    await one.verify(headers, BODY)
    await one.release(headers)
    await one.verify(headers, BODY)


async def test_the_memory_of_nonces_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """A full memory forgets the oldest, with one warning, and an old one empties itself."""
    clock = SetClock()
    replays = MemoryReplays(max_size=3, clock=clock)
    assert [replays.claim(nonce, 60) for nonce in "abcab"] == [True, True, True, False, False]
    assert [replays.claim(nonce, 60) for nonce in "def"] == [True] * 3
    assert replays.claim("a", 60)
    assert len(caplog.records) == 1
    clock.now += 61
    assert [replays.claim(nonce, 60) for nonce in "efa"] == [True] * 3
    assert len(caplog.records) == 1


class BrokenReplays:
    """A memory of nonces that is down."""

    async def claim(self, nonce: str, lifetime: float, /) -> bool:
        """Fail."""
        raise OSError("canary")

    async def release(self, nonce: str, /) -> None:
        """Fail."""
        raise OSError("canary")


async def test_a_broken_memory_of_nonces_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    """Deliveries are accepted meanwhile, since refusing them would lose them."""
    one = verifier(replays=BrokenReplays())
    for _ in range(3):
        headers = sign(BODY)
        await one.verify(headers, BODY)
        await one.release(headers)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "canary" not in caplog.text


async def test_the_formula_can_be_replaced() -> None:
    """Should Sinch sign provisioning's webhooks differently, one function says how."""

    def reversed_order(secret: str, body: bytes, nonce: str, timestamp: str) -> str:
        return sinch_signature(secret, timestamp.encode(), nonce, body.decode())

    headers = sign(BODY)
    headers[SIGNATURE] = reversed_order(SECRET, BODY, headers[NONCE], headers[TIMESTAMP])
    assert await refusal(headers) == "signature"
    assert (await verifier(signature=reversed_order).verify(headers, BODY)).type


async def test_large_and_odd_bodies_are_refused_like_any_other() -> None:
    """10 MiB, bytes that are no UTF-8, and bottomless nesting: unsigned a bad signature, signed no event."""
    for body in (b"x" * 10 * 2**20, b"\xff\xfe{}", b"[" * 100_000, b"{" * 5000, b"", b"null", b'{"type": 1}'):
        assert await refusal(sign(BODY), body) == "signature"
        assert await refusal(sign(body), body) == "body"


def test_settings_that_would_let_anybody_in_are_refused() -> None:
    """No secret, an empty one, or no limit to the age is a ConfigurationError."""
    for secrets in ("", [], ["good", ""], [b"bytes"], None):
        with pytest.raises((ConfigurationError, TypeError)):
            WebhookVerifier(secrets)  # type: ignore[arg-type]
    for tolerance in (0, -1, float("inf"), float("nan")):
        with pytest.raises(ConfigurationError):
            WebhookVerifier("secret", tolerance=tolerance)


async def test_a_parsed_body_is_a_mistake_that_is_named() -> None:
    """Who hands over decoded JSON or text is told to hand over the bytes."""
    for body in ({"type": "x"}, BODY.decode()):
        with pytest.raises(ConfigurationError, match="bytes"):
            await verifier().verify(sign(BODY), body)  # type: ignore[arg-type]


def test_the_error_is_one_of_ours() -> None:
    """It is a ProvisioningError, and survives a pickle."""
    error: Any = pickle.loads(pickle.dumps(WebhookSignatureError("why", reason="replay")))
    assert (str(error), error.reason, error.attempts) == ("why", "replay", ())
    assert isinstance(error, ProvisioningError)
