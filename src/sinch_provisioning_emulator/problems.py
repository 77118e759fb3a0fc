"""Error replies in the live API's shape: errorCode, message, resolution, additionalInformation."""

from __future__ import annotations

from http import HTTPStatus

import attrs

from .wire import Json, JsonObject, Reply, json_reply

_RESOLUTIONS = {
    400: "Correct the request and send it again.",
    401: "Send a valid access token, or the key id and key secret of the project.",
    403: "Use a key that belongs to this project.",
    404: "Check the path and the id.",
    405: "Use one of the methods in the Allow header.",
    409: "Read the sender's present state and decide from there.",
    412: "Complete the sender, then launch it again.",
    413: "Send a smaller body.",
    415: "Send the body as application/json.",
    429: "Wait for the time in Retry-After, then try again.",
}


class EmulatorError(ValueError):
    """Somebody asked the emulator for something it can't do; the message is one line."""


@attrs.frozen
class Problem(Exception):
    """A request that is answered with an error; raised where it is found, answered in one place."""

    status: int
    error_code: str
    message: str
    information: JsonObject = attrs.field(factory=dict[str, "Json"])
    headers: tuple[tuple[str, str], ...] = ()

    def reply(self) -> Reply:
        """The error as the API words it."""
        return json_reply(self.status, error_body(self), *self.headers)


def error_body(problem: Problem) -> JsonObject:
    """The JSON body of an error reply."""
    body: JsonObject = {
        "errorCode": problem.error_code,
        "message": problem.message,
        "resolution": _RESOLUTIONS.get(problem.status, "Try again later."),
    }
    if problem.information:
        body["additionalInformation"] = problem.information
    return body


def plain_problem(status: int) -> Problem:
    """An error known by its status alone, as an injected fault has it."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown Error"
    return Problem(status, phrase.lower().replace(" ", "_").replace("-", "_"), f"{phrase} (injected)")
