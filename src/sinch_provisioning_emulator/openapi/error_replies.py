"""Error replies in the live API's format: errorCode, message, resolution, additionalInformation."""

from __future__ import annotations

from http import HTTPStatus

import attrs

from .messages import Json, JsonObject, Reply, json_reply

_RESOLUTIONS = {
    400: "Correct the request and send it again.",
    401: "Send a valid access token, or the key id and key secret of the project.",
    403: "Use a key that belongs to this project, or a host that is allowed.",
    404: "Check the path and the id.",
    405: "Use one of the methods in the Allow header.",
    409: "Read the sender and check its status.",
    412: "Complete the sender, then launch it again.",
    413: "Send a smaller body.",
    415: "Send the body as application/json.",
    429: "Wait for the time in Retry-After, then try again.",
}


class EmulatorError(ValueError):
    """The emulator was configured or controlled in an impossible way; the message is one line."""


@attrs.frozen
class Problem(Exception):
    """A request that must be answered with an error."""

    status: int
    error_code: str
    message: str
    information: JsonObject = attrs.field(factory=dict[str, "Json"])
    headers: tuple[tuple[str, str], ...] = ()

    def reply(self) -> Reply:
        """Return the error reply."""
        return json_reply(self.status, error_body(self), *self.headers)


def error_body(problem: Problem) -> JsonObject:
    """Return the JSON body of an error reply."""
    body: JsonObject = {
        "errorCode": problem.error_code,
        "message": problem.message,
        "resolution": _RESOLUTIONS.get(problem.status, "Try again later."),
    }
    if problem.information:
        body["additionalInformation"] = problem.information
    return body


def plain_problem(status: int) -> Problem:
    """Return the problem for an injected status."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown Error"
    return Problem(status, phrase.lower().replace(" ", "_").replace("-", "_"), f"{phrase} (injected)")
