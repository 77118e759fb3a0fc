"""Saves and restores senders, webhooks and their deliveries, announced verdicts and the clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..api.lifecycle import Lifecycle, Verdict, known_verdict
from ..api.sender import Sender, SenderHistory, SenderRules
from ..api.senders import Senders
from ..api.v1_2.deliveries import Deliveries
from ..openapi.error_replies import EmulatorError
from ..openapi.messages import Json, JsonObject
from ..openapi.schemas import as_object
from .state_file import StateFile


class Snapshots:
    """Restores a state file, then records every change in it."""

    def __init__(
        self,
        path: Path,
        *,
        api: str,
        senders: Senders,
        lifecycle: Lifecycle,
        webhooks: Senders,
        deliveries: Deliveries | None,
    ) -> None:
        """EmulatorError if the file can't be used or is another API's; `deliveries` is None without webhooks."""
        self._api = api
        self._senders = senders
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._lifecycle = lifecycle
        self._file = StateFile(path)
        others = {str(entry["api"]) for entry in self._file.entries if "api" in entry} - {api}
        if others:
            self._file.close()
            raise EmulatorError(
                f"the state file {path} is of API {others.pop()}, and this emulator of API {api}"
            )
        try:
            for entry in self._file.entries:
                self._restore(entry)
        except (KeyError, TypeError, ValueError) as error:
            self._file.close()
            raise EmulatorError(f"the state file {path} is damaged: {error!r}") from error
        self._file.entries.clear()
        self._senders.sort()
        self._webhooks.sort()
        self._file.rewrite(self._entries())

    def sender(self, sender: Sender, deleted: bool) -> None:
        """Record that a sender was written or deleted."""
        self._append({"deleted": sender.id} if deleted else {"sender": _stored(sender)})

    def delivery(self, stored: JsonObject) -> None:
        """Record that a webhook delivery was queued or sent."""
        self._append({"delivery": stored})

    def verdict(self, name: str, verdict: Verdict) -> None:
        """Record a verdict announced for a name."""
        self._append({"verdict": {"name": name, "verdict": verdict}})

    def clock(self) -> None:
        """Record the current time."""
        self._append(self._time())

    def emptied(self) -> None:
        """Record that every sender was deleted."""
        # Journaled first: a kill between writing the snapshot and emptying the journal must not restore senders.
        self._append({"emptied": True})
        self._file.rewrite(self._entries())

    def close(self) -> None:
        """Write a final snapshot and close the file."""
        self._file.rewrite(self._entries())
        self._file.close()

    def _append(self, entry: JsonObject) -> None:
        self._file.append(entry)
        if self._file.is_long(len(self._senders) + len(self._deliveries or ())):
            self._file.rewrite(self._entries())

    def _time(self) -> JsonObject:
        return {"clock": self._lifecycle.clock.time()}

    def _entries(self) -> Iterator[JsonObject]:
        yield {"api": self._api}
        yield self._time()
        for name, verdict in self._lifecycle.announced.items():
            yield {"verdict": {"name": name, "verdict": verdict}}
        for sender in (*self._senders, *self._webhooks):
            yield {"sender": _stored(sender)}
        for delivery in self._deliveries or ():
            yield {"delivery": delivery.stored()}

    def _restore(self, entry: JsonObject) -> None:
        if "sender" in entry:
            sender = _restored(as_object(entry["sender"]), self._senders.rules)
            (self._webhooks if sender.channel == "webhooks" else self._senders).put(sender)
        elif "deleted" in entry:
            for held in (self._senders, self._webhooks):
                if deleted := held.get(str(entry["deleted"])):
                    held.remove(deleted)
        elif "delivery" in entry:
            if self._deliveries is not None:
                self._deliveries.restore(as_object(entry["delivery"]))
        elif "emptied" in entry:
            for each in (self._senders, self._webhooks, self._deliveries):
                if each is not None:
                    each.clear()
        elif "verdict" in entry:
            announced = as_object(entry["verdict"])
            self._lifecycle.announce(str(announced["name"]), known_verdict(str(announced["verdict"])))
        elif "clock" in entry:
            # Launches continue from where they were, so time must not go backwards over a restart.
            clock = self._lifecycle.clock
            clock.advance(seconds=max(0.0, _number(entry["clock"]) - clock.time()))


def _stored(sender: Sender) -> JsonObject:
    history = sender.history
    return {
        "id": sender.id,
        "projectId": sender.project_id,
        "channel": sender.channel,
        "collection": sender.collection,
        "fields": sender.fields,
        "position": sender.position,
        "created": history.created,
        "changed": history.changed,
        "launched": history.launched,
        "verdict": history.verdict,
        "decided": history.decided,
        "pinned": history.pinned,
    }


def _restored(entry: JsonObject, rules: SenderRules) -> Sender:
    verdict = entry["verdict"]
    pinned = entry["pinned"]
    return Sender(
        id=str(entry["id"]),
        project_id=str(entry["projectId"]),
        channel=str(entry["channel"]),
        collection=str(entry["collection"]),
        fields=as_object(entry["fields"]),
        history=SenderHistory(
            created=_number(entry["created"]),
            changed=_number(entry["changed"]),
            launched=None if entry["launched"] is None else _number(entry["launched"]),
            verdict=None if verdict is None else known_verdict(str(verdict)),
            decided=None if entry["decided"] is None else _number(entry["decided"]),
            pinned=None if pinned is None else str(pinned),
        ),
        position=int(_number(entry["position"])),
        rules=rules,
    )


def _number(value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number")
    return value
