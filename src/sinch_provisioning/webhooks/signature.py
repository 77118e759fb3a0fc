"""The signature of a webhook delivery: four headers and an HMAC over the body as it came.

Sinch documents the signed text for the webhooks of its Conversation API. The provisioning API sends the same four
headers, and no page spells out their formula, so `sinch_signature` can be replaced: `WebhookVerifier(signature=...)`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, cast

from attrs import frozen

from ..errors import WebhookSignatureError

Headers = Mapping[str, str] | Iterable[tuple[str, str]] | Iterable[tuple[bytes, bytes]]
"""A request's headers: a mapping, or pairs as WSGI and ASGI servers have them. Names count in any case."""

Signature = Callable[[str, bytes, str, str], str]
"""Returns the signature header's value for a secret, a body, a nonce and a timestamp."""

SIGNATURE: Final = "x-sinch-webhook-signature"
ALGORITHM: Final = "x-sinch-webhook-signature-algorithm"
NONCE: Final = "x-sinch-webhook-signature-nonce"
TIMESTAMP: Final = "x-sinch-webhook-signature-timestamp"

_HMAC_SHA256: Final = "HmacSHA256"
_LONGEST: Final = 256
_SECONDS: Final = re.compile(r"[0-9]{1,11}")


def sinch_signature(secret: str, body: bytes, nonce: str, timestamp: str) -> str:
    """Return the Base64 text of HMAC-SHA256 over `body`, `nonce` and `timestamp`, joined by dots."""
    signed = b".".join((body, nonce.encode(), timestamp.encode()))
    return base64.b64encode(hmac.digest(secret.encode(), signed, hashlib.sha256)).decode("ascii")


@frozen
class SignatureHeaders:
    """What the four headers say; nothing of it is trusted before the signature was compared."""

    signature: str
    nonce: str
    timestamp: str

    @classmethod
    def read(cls, headers: Headers) -> SignatureHeaders:
        """Find the headers; raises WebhookSignatureError where one is missing, doubled or malformed."""
        found: dict[str, list[str]] = {SIGNATURE: [], ALGORITHM: [], NONCE: [], TIMESTAMP: []}
        pairs = cast("Mapping[object, object]", headers).items() if isinstance(headers, Mapping) else headers
        for name, value in pairs:
            values = found.get(_text(name).lower())
            if values is not None:
                values.append(_text(value))
        for name, values in found.items():
            if len(values) != 1:
                raise _refused(f"the header {name} is {'doubled' if values else 'missing'}")
            # A space is in a value that some server joined from doubled headers.
            if not values[0].isascii() or not values[0].isprintable() or " " in values[0]:
                raise _refused(f"the header {name} has characters that no signature has")
            if not 0 < len(values[0]) <= _LONGEST:
                raise _refused(f"the header {name} is empty or too long")
        if found[ALGORITHM] != [_HMAC_SHA256]:
            raise _refused(f"the header {ALGORITHM} is not {_HMAC_SHA256}")
        if _SECONDS.fullmatch(found[TIMESTAMP][0]) is None:
            raise _refused(f"the header {TIMESTAMP} is not a number of seconds")
        return cls(found[SIGNATURE][0], found[NONCE][0], found[TIMESTAMP][0])


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else ""


def _refused(why: str) -> WebhookSignatureError:
    return WebhookSignatureError(f"webhook delivery refused: {why}", reason="headers")
