"""What of an emulator outlives it: senders, verdicts announced, and how far its clock had come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .lifecycle import Life, Lifecycle, Verdict, known_verdict
from .problems import EmulatorError
from .schemas import as_object
from .senders import Sender, Senders
from .state import StateFile
from .wire import Json, JsonObject


class Keeper:
    """Restores what a state file holds, then writes down every change."""

    def __init__(self, path: Path, senders: Senders, lifecycle: Lifecycle) -> None:
        """An EmulatorError in one line where the file can't be used."""
        self._senders = senders
        self._lifecycle = lifecycle
        self._file = StateFile(path)
        try:
            for entry in self._file.entries:
                self._restore(entry)
        except (KeyError, TypeError, ValueError) as error:
            self._file.close()
            raise EmulatorError(f"the state file {path} is damaged: {error!r}") from error
        self._file.entries.clear()
        self._senders.settle()
        self._file.rewrite(self._entries())

    def sender(self, sender: Sender, deleted: bool) -> None:
        """Write down a sender that was written or deleted."""
        self._append({"deleted": sender.id} if deleted else {"sender": _stored(sender)})

    def verdict(self, name: str, verdict: Verdict) -> None:
        """Write down a verdict announced for a name."""
        self._append({"verdict": {"name": name, "verdict": verdict}})

    def clock(self) -> None:
        """Write down how late it is."""
        self._append(self._time())

    def emptied(self) -> None:
        """Write down that everything was deleted."""
        # In the journal first: a kill between a new snapshot and an emptied journal must not bring senders back.
        self._append({"emptied": True})
        self._file.rewrite(self._entries())

    def close(self) -> None:
        """Leave one tidy file behind."""
        self._file.rewrite(self._entries())
        self._file.close()

    def _append(self, entry: JsonObject) -> None:
        self._file.append(entry)
        if self._file.is_long(len(self._senders)):
            self._file.rewrite(self._entries())

    def _time(self) -> JsonObject:
        return {"clock": self._lifecycle.clock.time()}

    def _entries(self) -> Iterator[JsonObject]:
        yield self._time()
        for name, verdict in self._lifecycle.announced.items():
            yield {"verdict": {"name": name, "verdict": verdict}}
        for sender in self._senders:
            yield {"sender": _stored(sender)}

    def _restore(self, entry: JsonObject) -> None:
        if "sender" in entry:
            self._senders.put(_restored(as_object(entry["sender"]), self._lifecycle))
        elif "deleted" in entry:
            sender = self._senders.get(str(entry["deleted"]))
            if sender is not None:
                self._senders.remove(sender)
        elif "emptied" in entry:
            self._senders.clear()
        elif "verdict" in entry:
            announced = as_object(entry["verdict"])
            self._lifecycle.announce(str(announced["name"]), known_verdict(str(announced["verdict"])))
        elif "clock" in entry:
            # Time does not run backwards over a restart: launches go on from where they were.
            clock = self._lifecycle.clock
            clock.advance(seconds=max(0.0, _number(entry["clock"]) - clock.time()))


def _stored(sender: Sender) -> JsonObject:
    life = sender.life
    return {
        "id": sender.id,
        "projectId": sender.project_id,
        "channel": sender.channel,
        "collection": sender.collection,
        "fields": sender.fields,
        "launchable": sender.launchable,
        "position": sender.position,
        "created": life.created,
        "changed": life.changed,
        "launched": life.launched,
        "verdict": life.verdict,
        "decided": life.decided,
        "pinned": life.pinned,
    }


def _restored(entry: JsonObject, lifecycle: Lifecycle) -> Sender:
    verdict = entry["verdict"]
    pinned = entry["pinned"]
    return Sender(
        id=str(entry["id"]),
        project_id=str(entry["projectId"]),
        channel=str(entry["channel"]),
        collection=str(entry["collection"]),
        fields=as_object(entry["fields"]),
        life=Life(
            created=_number(entry["created"]),
            changed=_number(entry["changed"]),
            launched=None if entry["launched"] is None else _number(entry["launched"]),
            verdict=None if verdict is None else known_verdict(str(verdict)),
            decided=None if entry["decided"] is None else _number(entry["decided"]),
            pinned=None if pinned is None else str(pinned),
        ),
        launchable=entry["launchable"] is True,
        position=int(_number(entry["position"])),
        lifecycle=lifecycle,
    )


def _number(value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    return value
