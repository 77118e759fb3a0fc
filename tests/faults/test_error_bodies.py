"""Error bodies of every shape, and of none: the status says what happened, the rest is read where it can be."""

from __future__ import annotations

import gzip
import json

import pytest

from sinch_provisioning import (
    APIStatusError,
    BadRequestError,
    ConflictError,
    PreconditionFailedError,
    ServerError,
)

from . import faults
from .conftest import Open
from .server import Server

ERROR_BODIES: dict[str, tuple[object, str | None, str | None, str | None, object]] = {
    "sinch": (
        {"errorCode": "bad", "message": "no", "resolution": "do", "additionalInformation": {"a": 1}},
        "bad", "no", "do", {"a": 1},
    ),
    "problem": ({"type": "about:blank", "title": "Bad", "detail": "no"}, "about:blank", "no", None, None),
    "google": (
        {"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT", "details": [1]}},
        "INVALID_ARGUMENT", "no", None, [1],
    ),
    "oauth": ({"error": "invalid_request", "error_description": "no"}, "invalid_request", "no", None, None),
    "text": ({"text": "no"}, None, "no", None, None),
    "plain": (b"upstream connect error", None, "upstream connect error", None, None),
    "html": (b"<html><body>502</body></html>", None, None, None, None),
    "nothing": (b"", None, None, None, None),
    "list": ([1, 2], None, None, None, [1, 2]),
    "null": (None, None, None, None, None),
    "deep": (b"[" * 100_000, None, "[" * 300, None, None),
    "bad_utf8": (b"\xff\xfe bad", None, "\ufffd\ufffd bad", None, None),
    "odd_types": ({"errorCode": [], "message": {}, "resolution": True}, None, None, None, None),
}  # fmt: skip


@pytest.mark.parametrize("name", ERROR_BODIES)
@pytest.mark.parametrize("code", [400, 502])
async def test_error_body_of_any_shape_is_read(
    server: Server, open_client: Open, name: str, code: int
) -> None:
    """All shapes that gateways send become `error_code`, `message`, `resolution`, `details`; bytes are kept."""
    body, error_code, message, resolution, details = ERROR_BODIES[name]
    server.always("POST rcs", faults.status(code, body, X_Request_Id="r-1"))
    with pytest.raises(APIStatusError) as caught:
        await open_client().rcs.create(display_name="Acme")
    error = caught.value
    assert type(error) is (BadRequestError if code == 400 else ServerError)
    assert (error.error_code, error.message, error.resolution, error.details) == (
        error_code,
        message,
        resolution,
        details,
    )
    assert error.request_id == "r-1"
    assert error.body == (
        body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    )


async def test_nested_details_of_a_refused_launch_are_no_trap(server: Server, open_client: Open) -> None:
    """Details nested as deep as JSON goes are searched for missing fields all the same."""
    deep: object = "description"
    for _ in range(400):
        deep = [deep]
    body = json.dumps({"message": "not ready", "details": deep}).encode()
    server.add("Acme")
    server.always("POST rcs/{id}/launch", faults.status(412, body))
    with pytest.raises(PreconditionFailedError) as caught:
        await open_client().rcs.launch("s1")
    assert getattr(caught.value, "missing", ()) == ("description",)


async def test_compressed_error_is_read_and_a_broken_one_keeps_its_status(
    server: Server, open_client: Open
) -> None:
    """The status says what happened, whether or not the body can be read."""
    packed = gzip.compress(b'{"message": "it exists"}')
    server.arm(
        "POST rcs",
        faults.status(409, packed, Content_Encoding="gzip"),
        faults.status(409, packed[:-8], Content_Encoding="gzip"),
    )
    sinch = open_client()
    for message, body in (("it exists", b'{"message": "it exists"}'), (None, packed[:-8])):
        with pytest.raises(ConflictError) as caught:
            await sinch.rcs.create(display_name="Acme")
        assert (caught.value.message, caught.value.body) == (message, body)
