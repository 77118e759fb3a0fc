"""Webhook deliveries: which are due, to whom, and what became of them; sending them is somebody else's."""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
from collections.abc import Collection, Iterator
from typing import Any, Literal

import attrs

from ...openapi.error_replies import EmulatorError
from ...openapi.messages import JsonObject, dump
from ...openapi.schemas import as_list, as_object
from ..clock import Clock
from ..sender import Sender
from ..senders import Journal, Senders, ulid
from .rules import States, rules

_HEADER = "x-sinch-webhook-signature"


@attrs.frozen(kw_only=True)
class DeliveryOptions:
    """How deliveries differ from the simplest ones.

    `delay` is in seconds of the emulator's clock. With `shuffled` those that are due together come in any order, with
    `doubled` each comes twice (another nonce). After a failure the next attempt waits for the next of `pauses`, in
    seconds; after the last of them it is given up. `lost` is the share that is never sent. `seed` makes chance
    repeatable.
    """

    delay: float = 0.0
    shuffled: bool = False
    doubled: bool = False
    lost: float = 0.0
    pauses: tuple[float, ...] = (1.0, 10.0, 60.0, 600.0, 3600.0, 6 * 3600.0)
    seed: int = 0

    def __attrs_post_init__(self) -> None:
        if self.delay < 0 or not 0 <= self.lost <= 1 or any(pause < 0 for pause in self.pauses):
            raise EmulatorError("delay and pauses must not be negative, and lost must be between 0 and 1")


@attrs.define(eq=False)
class Delivery:
    """One event for one webhook; `outcome` is "pending" until it was accepted, given up or lost."""

    number: int
    target: str
    type: str
    sender_id: str
    body: bytes = attrs.field(repr=False)
    secret: str = attrs.field(repr=False)
    due: float
    attempts: int = 0
    status: int | None = None
    outcome: Literal["pending", "delivered", "given up", "lost"] = "pending"

    def stored(self) -> JsonObject:
        """Return what restores it; a body that is not sent again is left out."""
        body = self.body.decode() if self.outcome == "pending" else ""
        return {**attrs.asdict(self), "body": body}

    def headers(self, now: float) -> dict[str, str]:
        """Sign the body for one attempt: HMAC-SHA256 over body, nonce and timestamp, joined by dots."""
        nonce, sent = ulid(now), str(int(now))
        signed = b".".join((self.body, nonce.encode(), sent.encode()))
        digest = hmac.new(self.secret.encode(), signed, hashlib.sha256).digest()
        return {
            "content-type": "application/json",
            _HEADER: base64.b64encode(digest).decode(),
            f"{_HEADER}-algorithm": "HmacSHA256",
            f"{_HEADER}-nonce": nonce,
            f"{_HEADER}-timestamp": sent,
        }


@attrs.define(eq=False)
class Deliveries(Collection[Delivery]):
    """Finds what has changed since it last looked, and keeps what is to be sent; the oldest first."""

    clock: Clock
    senders: Senders
    webhooks: Senders
    states: States
    options: DeliveryOptions
    history: int = 10_000
    journal: Journal | None = attrs.field(default=None, init=False)
    _telling: bool = attrs.field(default=True, init=False)
    _all: dict[int, Delivery] = attrs.field(factory=dict[int, Delivery], init=False)
    _chance: random.Random = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._chance = random.Random(self.options.seed)  # noqa: S311 - reproducible, not for security

    def settle(self) -> None:
        """Queue a delivery for every change of a sender's state, and of a country's status, since the last look."""
        if len(self.webhooks) == 0:
            # Nobody is told; what changes until somebody registers is no news to them.
            for sender in self.senders if self._telling else ():
                sender.fields.pop("_told", None)
            self._telling = False
            return
        self._telling = True
        triggers = rules()["triggers"]
        for sender in self.senders:
            state = sender.status
            countries: JsonObject = {country: status for country, status, _ in self.states.countries(sender)}
            told = sender.fields.get("_told")
            if told == [state, countries]:
                continue
            sender.fields["_told"] = [state, countries]
            self.senders.save(sender)
            if not isinstance(told, list):
                continue
            before, known = str(told[0]), as_object(told[1])
            if sender.channel == "kakaotalk":
                if before != state and state in triggers["kakaotalk"]:
                    self.tell(triggers["kakaotalk"][state], sender)
                continue
            if any(countries.get(name, status) != status for name, status in known.items()):
                self.tell(triggers["rcs"]["operator"], sender)
            if before != state:
                self.tell(triggers["rcs"]["state"], sender, previous=before, current=state)

    def tell(
        self,
        trigger: str,
        sender: Sender,
        *,
        previous: str | None = None,
        current: str | None = None,
        comment: str | None = None,
    ) -> None:
        """Queue an event for every webhook of the sender's project that wants it."""
        event: JsonObject = {"type": trigger, "payload": self.states.properties(sender)}
        said = {"previousState": previous, "currentState": current, "comment": comment}
        event |= {name: value for name, value in said.items() if value is not None}
        body = dump(event)
        for webhook in self.webhooks:
            wanted = as_list(webhook.fields["triggers"])
            if webhook.project_id != sender.project_id or not {"ALL", trigger} & {*map(str, wanted)}:
                continue
            for _ in range(1 + self.options.doubled):
                self._queue(webhook, trigger, sender, body)

    def _queue(self, webhook: Sender, trigger: str, sender: Sender, body: bytes) -> None:
        target, secret = str(webhook.fields["target"]), str(webhook.fields["secret"])
        due = self.clock.time() + self.options.delay
        number = next(reversed(self._all), 0) + 1
        delivery = Delivery(number, target, trigger, sender.id, body, secret, due)
        if self._chance.random() < self.options.lost:
            delivery.outcome = "lost"
        self._all[number] = delivery
        while len(self._all) > self.history:
            del self._all[next(iter(self._all))]
        self._record(delivery)

    def _record(self, delivery: Delivery) -> None:
        if self.journal is not None and self._all.get(delivery.number) is delivery:
            self.journal.delivery(delivery.stored())

    def restore(self, stored: JsonObject) -> None:
        """Put back what was stored; TypeError or KeyError if that is something else."""
        fields: Any = {**stored, "body": str(stored["body"]).encode()}
        delivery = Delivery(**fields)
        self._all[delivery.number] = delivery

    def due(self) -> list[Delivery]:
        """Return what is to be sent now, in the order in which it is to be sent."""
        now = self.clock.time()
        found = [each for each in self if each.outcome == "pending" and each.due <= now]
        if self.options.shuffled:
            self._chance.shuffle(found)
        return found

    def sent(self, delivery: Delivery, status: int | None) -> None:
        """Record an attempt: the status that came, or None for none."""
        delivery.status = status
        if status is not None and 200 <= status < 300:
            delivery.outcome = "delivered"
        elif delivery.attempts >= len(self.options.pauses):
            delivery.outcome = "given up"
        else:
            delivery.due = self.clock.time() + self.options.pauses[delivery.attempts]
        delivery.attempts += 1
        self._record(delivery)

    def clear(self) -> None:
        """Forget all of them."""
        self._all.clear()

    def __iter__(self) -> Iterator[Delivery]:
        """Iterate over a copy, from the oldest."""
        return iter([*self._all.values()])

    def __contains__(self, delivery: object) -> bool:
        """Whether it is kept."""
        return delivery in self._all.values()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._all)
