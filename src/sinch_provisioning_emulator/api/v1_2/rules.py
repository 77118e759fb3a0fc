"""States of the senders of Sinch's own API: before a launch, country by country during its review, after it.

A sender's fields hold what its owner sent; names that begin with "_" hold what only the emulator knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml

from ...openapi.document import Document, read_own_file
from ...openapi.messages import Json, JsonObject
from ...openapi.schemas import Schema, as_list, as_object
from ..lifecycle import Lifecycle, Verdict
from ..sender import Sender, timestamp

_RULES = Path(__file__).with_name("rules.yaml")
_PREPARATION = 0.1
"""The share of the review spent in PREPARING_LAUNCH."""

_OUTCOMES: dict[Verdict, str] = {"accepted": "LAUNCHED", "rejected": "REJECTED", "suspended": "SUSPENDED"}


@cache
def rules() -> dict[str, Any]:
    """Return the rules that are data."""
    return cast("dict[str, Any]", yaml.safe_load(read_own_file(_RULES)))


def at(value: Json, path: str) -> Json:
    """Return what stands at a dotted path; None where nothing does."""
    for name in path.split("."):
        value = as_object(value).get(name)
    return value


class States:
    """What the emulator makes of a sender's fields and history."""

    def __init__(self, document: Document, lifecycle: Lifecycle) -> None:
        """`document` names the answers that a launch needs."""
        self.lifecycle = lifecycle
        [create] = [each for each in document.operations if each.kind == "create" and each.channel == "rcs"]
        assert create.body is not None, "the document describes what creates a sender"
        self._answers = dict(_answers(create.body.at("details", "questionnaire")))

    def name(self, sender: Sender) -> str:
        """Return its natural key."""
        fields = sender.fields
        brand = at(fields, "details.brand.name") if sender.channel == "rcs" else None
        return str(brand or fields.get("plusFriendId") or fields.get("target") or "RCS Sender")

    def missing(self, sender: Sender) -> list[str]:
        """Return what a launch needs and the sender lacks, in the words of an error."""
        needed = rules()["launch"]
        groups: list[list[str]] = [*needed["required"]]
        countries = as_list(at(sender.fields, "details.countries"))
        parts = [*needed["parts"], *(needed["country_parts"].get(country) for country in countries)]
        for part in filter(None, parts):
            path = f"details.questionnaire.{part}.answers"
            groups += [[f"{path}.{name}"] for name in self._answers[part]] or [[path]]
        lacking = [names for names in groups if not any(at(sender.fields, name) for name in names)]
        return [f"{' or '.join(names)} should not be empty" for names in lacking]

    def status(self, sender: Sender) -> tuple[str, float]:
        """Return its state and when that began."""
        history = sender.history
        if sender.channel == "webhooks":
            return "ACTIVE", history.created
        if history.pinned is not None:
            return history.pinned, history.changed
        if sender.channel == "kakaotalk":
            return self._kakaotalk(sender)
        reviews = [(status, since) for _, status, since in self.countries(sender) if status != "NOT_LAUNCHED"]
        if not reviews:
            return ("DRAFT" if self.missing(sender) else "IN_TEST"), history.created
        launched = [since for status, since in reviews if status == "LAUNCHED"]
        if launched:
            return "LAUNCHED", min(launched)
        began = min(_number(time) for time in as_object(sender.fields.get("_submitted")).values())
        launching = began + _PREPARATION * self.lifecycle.review
        now = self.lifecycle.clock.time()
        return ("LAUNCHING", launching) if now >= launching else ("PREPARING_LAUNCH", began)

    def countries(self, sender: Sender) -> Iterator[tuple[str, str, float]]:
        """Yield each wanted country's status and when it began."""
        submitted = as_object(sender.fields.get("_submitted"))
        for country in map(str, as_list(at(sender.fields, "details.countries"))):
            if country in submitted:
                yield country, *self._reviewed(sender, country, _number(submitted[country]))
            else:
                yield country, "NOT_LAUNCHED", sender.history.created

    def _reviewed(self, sender: Sender, country: str, began: float) -> tuple[str, float]:
        own = as_list(as_object(sender.fields.get("_verdicts")).get(country))
        verdict, ends = self.lifecycle.verdict(self.name(sender), None), began + self.lifecycle.review
        if own and _number(own[1]) >= began:
            verdict, ends = cast("Verdict", own[0]), _number(own[1])
        elif sender.history.verdict is not None:
            verdict = sender.history.verdict
            ends = max(began, sender.history.decided or 0.0) if verdict != "pending" else ends
        if verdict == "pending" or self.lifecycle.clock.time() < ends:
            return "PENDING", began
        return _OUTCOMES[verdict], ends

    def _kakaotalk(self, sender: Sender) -> tuple[str, float]:
        verified = sender.fields.get("_verified")
        if sender.fields.get("_submitted") is None or verified is None:
            return "VERIFYING", sender.history.created
        ends = _number(verified) + self.lifecycle.review
        verdict = self.lifecycle.verdict(self.name(sender), sender.history.verdict)
        accepted = verdict == "accepted" and self.lifecycle.clock.time() >= ends
        return ("ACTIVE", ends) if accepted else ("INACTIVE", _number(verified))

    def properties(self, sender: Sender) -> JsonObject:
        """Return everything known about a sender, under the document's names."""
        state, since = self.status(sender)
        changed = datetime.fromtimestamp(max(sender.history.changed, since), UTC)
        shown: JsonObject = {name: value for name, value in sender.fields.items() if name[0] != "_"}
        shown |= {"id": sender.id, "state": state, "created": timestamp(sender.create_time)}
        shown["modified"] = timestamp(changed)
        if sender.channel == "webhooks":
            shown["projectId"] = sender.project_id
            shown.pop("secret", None)
        if sender.channel != "rcs":
            return shown
        region = str(sender.fields["region"])
        shown |= {
            "hostingRegion": rules()["hosting_regions"][region],
            "authName": f"agent-{sender.id[:8]}",
            "authToken": f"emulated-token-of-{sender.id}",
        }
        numbers: list[Json] = [*self.test_numbers(sender).values()]
        countries: list[Json] = [
            {"country": country, "status": status, "operators": self._operators(status, since)}
            for country, status, since in self.countries(sender)
        ]
        shown |= {"testNumberStates": numbers, "countryStatus": countries}
        if state == "LAUNCHED":
            shown["launched"] = timestamp(datetime.fromtimestamp(since, UTC))
        return shown

    def _operators(self, status: str, since: float) -> list[Json]:
        said: JsonObject = {"status": status, "modified": timestamp(datetime.fromtimestamp(since, UTC))}
        if status in ("REJECTED", "SUSPENDED"):
            said["remark"] = rules()["remark"]
        return [{"name": name, **said} for name in rules()["operators"]]

    def test_numbers(self, sender: Sender) -> dict[str, JsonObject]:
        """Return the state of each test number; an invitation is accepted after a while."""
        now, found = self.lifecycle.clock.time(), dict[str, JsonObject]()
        for number, invited in as_object(sender.fields.get("_testNumbers")).items():
            at_once = datetime.fromtimestamp(_number(invited), UTC)
            accepted = now >= _number(invited) + rules()["acceptance"]
            state = "VERIFIED" if accepted else "PENDING"
            found[number] = {"number": number, "state": state, "submitted": timestamp(at_once)}
        return found


def _answers(questionnaire: Schema) -> Iterator[tuple[str, list[str]]]:
    """Yield each part of the questionnaire and the answers that a launch needs of it."""
    needed = rules()["launch"]
    for part in (*needed["parts"], *needed["country_parts"].values()):
        names = questionnaire.at(part, "answers").properties
        wanted = [name for name in names if name not in needed["optional_answers"]]
        # Of the American part there are two forms with other answers each: that there are any is all that is asked.
        yield part, [] if part == "us" else [name for name in wanted if not name.endswith("Metadata")]


def _number(value: Json) -> float:
    assert isinstance(value, int | float), "times are stored as numbers"
    return float(value)
