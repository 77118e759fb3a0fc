"""Statuses of the vendored document's senders: before a launch, during its review, after it.

The document has no rules for this; they follow what is publicly known about the live API. A complete RCS sender is
created in IN_TEST, an incomplete one in DRAFT. A launch leads through PREPARING_LAUNCH and LAUNCHING to LAUNCHED or,
in this emulator, REJECTED.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from ..openapi.document import Document
from ..openapi.error_replies import Problem
from ..openapi.messages import Json, JsonObject
from .lifecycle import Lifecycle, Verdict
from .sender import Sender, timestamp

NAMES = ("displayName", "name")
"""Properties that can hold a sender's natural key, most specific first."""

_REQUIRED = (
    ("displayName",),
    ("description",),
    ("logoUrl",),
    ("heroImageUrl", "bannerUrl"),
    ("phoneNumber", "website", "email"),
    ("privacyPolicy",),
    ("termsOfService",),
)
"""Required at launch, by the live API's documentation: one property of each line that the document has."""

_LAUNCHABLE = frozenset({"DRAFT", "IN_TEST", "UNLAUNCHED", "REJECTED"})
_ALREADY_LAUNCHED = frozenset({"LAUNCHING", "LAUNCHED"})
"""The live API accepts a launch here too, for further countries; the document has none, so nothing changes."""

_PREPARATION = 0.1
"""The share of the review spent in PREPARING_LAUNCH."""

_VERIFIED_CHANNELS = frozenset({"kakaoTalk"})
"""Channels whose new senders await verification; on the others they are active at once."""


class Launches:
    """What the statuses of senders are, and when they may be launched."""

    def __init__(self, document: Document, lifecycle: Lifecycle) -> None:
        """`document` says which channels have a launch, and which properties their senders have."""
        self._lifecycle = lifecycle
        self._required: dict[str, list[list[str]]] = {}
        for launch in document.operations:
            if launch.kind == "action" and launch.verb == "launch":
                known = {
                    name
                    for each in document.operations
                    if each.kind == "create" and each.channel == launch.channel and each.body is not None
                    for name in each.body.properties
                }
                groups = [[name for name in names if name in known] for names in _REQUIRED]
                self._required[launch.channel] = [names for names in groups if names]

    def launchable(self, sender: Sender) -> bool:
        """Return whether its channel has a launch."""
        return sender.channel in self._required

    def missing(self, sender: Sender) -> list[list[str]]:
        """Return what its launch still requires: groups of which one property is enough."""
        return [
            names
            for names in self._required.get(sender.channel, [])
            if not any(sender.fields.get(name) for name in names)
        ]

    def launch(self, sender: Sender) -> bool:
        """Launch a sender, or return False if it already is; raise a Problem if that is refused."""
        status, _ = self.status(sender)
        if status in _ALREADY_LAUNCHED:
            return False
        if status not in _LAUNCHABLE:
            reason: list[Json] = [f"status: {status}"]
            raise Problem(
                409,
                "launch_invalid_agent_state",
                f"A sender in {status} can't be launched",
                {"validationErrors": reason},
            )
        if missing := self.missing(sender):
            wording = ", ".join(" or ".join(names) for names in missing)
            names: list[Json] = [name for group in missing for name in group]
            raise Problem(
                412,
                "launch_precondition_failed",
                f"Required for a launch: {wording}",
                {"validationErrors": names},
            )
        sender.history.launched = self._lifecycle.clock.time()
        sender.history.pinned = None
        return True

    def name(self, sender: Sender) -> str:
        """Return a sender's display name or name."""
        return next((str(sender.fields[key]) for key in NAMES if key in sender.fields), "")

    def status(self, sender: Sender) -> tuple[str, float]:
        """Return a sender's status and when it began."""
        history = sender.history
        if history.pinned is not None:
            return history.pinned, history.created
        if self.launchable(sender):
            if history.launched is None:
                return ("DRAFT" if self.missing(sender) else "IN_TEST"), history.created
            return self._reviewed(sender, history.launched, "LAUNCHED")
        if sender.channel in _VERIFIED_CHANNELS:
            status, since = self._reviewed(sender, history.created, "ACTIVE")
            return (status if status in {"ACTIVE", "REJECTED"} else "PENDING_VERIFICATION"), since
        return "ACTIVE", history.created

    def properties(self, sender: Sender) -> JsonObject:
        """Return everything known about a sender, under the document's names."""
        status, since = self.status(sender)
        return {
            **sender.fields,
            "id": sender.id,
            "status": status,
            "state": status,
            "createTime": timestamp(sender.create_time),
            "updateTime": timestamp(datetime.fromtimestamp(max(sender.history.changed, since), UTC)),
        }

    def _reviewed(self, sender: Sender, began: float, success: str) -> tuple[str, float]:
        history, review, now = sender.history, self._lifecycle.review, self._lifecycle.clock.time()
        verdict: Verdict = self._lifecycle.verdict(self.name(sender), history.verdict)
        ends = began + review
        if history.decided is not None and history.decided >= began:
            ends = history.decided
        if verdict != "pending" and now >= ends:
            return (success if verdict == "accepted" else "REJECTED"), ends
        if now < began + _PREPARATION * review:
            return "PREPARING_LAUNCH", began
        return "LAUNCHING", began + _PREPARATION * review


def key_of(fields: JsonObject, names: Sequence[str] = NAMES) -> str | None:
    """Return which property holds the natural key."""
    return next((name for name in names if name in fields), None)
