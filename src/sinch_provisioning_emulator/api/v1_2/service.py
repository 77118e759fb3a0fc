"""What each operation of Sinch's own API does, and what it replies."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

import attrs

from ...openapi.error_replies import EmulatorError, Problem
from ...openapi.messages import Json, JsonObject, Reply, Request, json_reply
from ...openapi.operations import Operation
from ...openapi.routes import Match
from ...openapi.schemas import as_list, as_object
from ..clock import Clock
from ..lifecycle import Verdict
from ..pagination import page
from ..quirks import Quirks
from ..sender import Sender, timestamp
from ..senders import Senders
from ..validation import check_parameters, checked_body, invalid, invalid_input
from .deliveries import Deliveries
from .rules import States, at, rules

_PROJECT = "/v1/projects/{projectId}"
_DAY = 86_400.0


@attrs.frozen(eq=False)
class Call:
    """One request: its match, its query with all values of a repeated name, and its body."""

    match: Match
    query: Mapping[str, Sequence[str]]
    body: JsonObject

    def parameter(self, name: str) -> str | None:
        """Return a query parameter's last value."""
        values = self.query.get(name)
        return values[-1] if values else None


Handler = Callable[["Service", Call], Reply]
_HANDLERS: dict[str, Handler] = {}


def _on(route: str) -> Callable[[Handler], Handler]:
    method, path = route.split(" ")

    def keep(handler: Handler) -> Handler:
        _HANDLERS[f"{method} {_PROJECT}{path}"] = handler
        return handler

    return keep


@attrs.define(eq=False)
class Service:
    """Carries out operations; `page_size` is that of lists that do not ask for another."""

    clock: Clock
    senders: Senders
    webhooks: Senders
    states: States
    deliveries: Deliveries
    page_size: int | None
    unique_names: bool
    quirks: Quirks

    def now(self) -> float:
        """Return the emulator's time in seconds since the epoch."""
        return self.clock.time()

    def process(self, match: Match, request: Request) -> Reply:
        """Carry out a request; raise a Problem if it is refused."""
        operation = match.operation
        check_parameters(match, request)
        handler = _HANDLERS.get(f"{operation.method} {operation.path}")
        if handler is None:
            raise EmulatorError(f"the emulator has no {operation.method} {operation.path}")
        self._find_first(match)
        body = checked_body(operation, request)
        if operation.body is not None and (unknown := operation.body.unknown(body)):
            raise invalid(unknown)
        self.deliveries.settle()
        reply = handler(self, Call(match, request.values, as_object(self.quirks.stored(body))))
        self.deliveries.settle()
        return reply

    def add(
        self,
        create: Operation,
        project_id: str,
        collection: str,
        fields: JsonObject,
        status: str | None = None,
    ) -> Sender:
        """Create a sender as the operation does; `status` is fixed until it is launched."""
        channel = create.channel
        sender = (self.webhooks if channel == "webhooks" else self.senders).add(
            fields,
            sender_id=str(fields["plusFriendId"]) if channel == "kakaotalk" else str(uuid.uuid4()),
            project_id=project_id,
            channel=channel,
            collection=collection,
            status=status,
        )
        self._note(sender, "CREATED")
        self._save(sender)
        return sender

    def decide(self, sender: Sender, verdict: Verdict, countries: Iterable[str] | None) -> None:
        """Decide about a launch now, in some countries or in all."""
        chosen = as_list(at(sender.fields, "details.countries")) if countries is None else [*countries]
        verdicts = as_object(sender.fields.setdefault("_verdicts", {}))
        for country in chosen:
            verdicts[str(country)] = [verdict, self.now()]
        sender.history.verdict, sender.history.decided = verdict, self.now()
        if countries is not None:
            sender.history.verdict = None
        self.senders.save(sender)
        self.deliveries.settle()

    # What several operations share.

    def _find_first(self, match: Match) -> None:
        # A missing sender is reported before an invalid body, which would be corrected in vain.
        if {"senderId", "plusFriendId", "webhookId"} & match.parameters.keys():
            self._found(match)

    def _found(self, match: Match) -> Sender:
        names = ("senderId", "plusFriendId", "webhookId")
        [(name, value)] = [(name, match.parameters[name]) for name in names if name in match.parameters]
        root, _, _ = match.collection.partition(f"/{value}/") if value else (match.collection, "", "")
        store = self.webhooks if name == "webhookId" else self.senders
        sender = store.find(root, value)
        if sender is None:
            what = "webhook" if name == "webhookId" else "sender"
            raise Problem(404, f"{what}_not_found", f"This project has no such {what}")
        return sender

    def _shown(self, call: Call, sender: Sender) -> Reply:
        operation = call.match.operation
        if operation.reply is None:
            return Reply(operation.success)
        shown = operation.reply.completed(self.states.properties(sender))
        return json_reply(operation.success, shown)

    def _save(self, sender: Sender) -> None:
        sender.history.changed = self.now()
        (self.webhooks if sender.channel == "webhooks" else self.senders).save(sender)

    def _note(self, sender: Sender, kind: str, comment: str | None = None) -> JsonObject:
        noted: JsonObject = {"type": kind, "created": timestamp(datetime.fromtimestamp(self.now(), UTC))}
        if comment is not None:
            noted["comment"] = comment
        cast("list[Json]", sender.fields.setdefault("_activities", [])).append(noted)
        return noted

    def _paged(self, call: Call, senders: Sequence[Sender], name: str, *, default: int, limit: int) -> Reply:
        newest = self.now() - self.quirks.list_lag
        query = {key: values[-1] for key, values in call.query.items()}
        shown = page(
            [each for each in senders if each.history.created <= newest],
            query,
            default=default if self.page_size is None else self.page_size,
            limit=limit,
            quirks=self.quirks,
        )
        listed = None if call.match.operation.reply is None else call.match.operation.reply.list_property()
        assert listed is not None, "the document describes what lists return"
        items: list[Json] = [listed[1].completed(self.states.properties(sender)) for sender in shown.senders]
        return json_reply(200, {"pageSize": shown.size, **shown.about, name: items})

    def _comment(self, call: Call, trigger: str) -> Reply:
        sender = self._found(call.match)
        comment = str(call.body["comment"])
        noted = self._note(sender, "COMMENT_ADDED", comment)
        self._save(sender)
        self.deliveries.tell(trigger, sender, comment=comment)
        return json_reply(201, {**noted, "type": "CREATED"})

    def _activities(self, call: Call) -> Reply:
        notes = as_list(self._found(call.match).fields.get("_activities"))
        size = int(float(call.parameter("pageSize") or 50))
        start = call.parameter("pageToken") or "0"
        if not 1 <= size <= 100:
            raise invalid_input("pageSize", "must be between 1 and 100", "invalid_page_size")
        if not start.isascii() or not start.isdigit():
            raise invalid_input("pageToken", "was not issued by a list reply", "invalid_page_token")
        first = int(start[:9])
        reply: JsonObject = {"totalSize": len(notes), "pageSize": size}
        reply["notifications"] = notes[first : first + size]
        if first + size < len(notes):
            reply["nextPageToken"] = str(first + size)
        return json_reply(200, reply)

    # RCS.

    @_on("GET /rcs/senders")
    def _list_rcs(self, call: Call) -> Reply:
        found = self.senders.within(call.match.collection)
        if ids := call.parameter("filterSenderIds"):
            found = [each for each in found if each.id in ids.split(",")]
        if states := call.query.get("filterStates"):
            found = [each for each in found if each.status in states]
        for text in filter(None, (call.parameter("search"), call.parameter("filterSenderName"))):
            found = [each for each in found if text.casefold() in each.name.casefold()]
        if column := call.parameter("sortColumn"):
            keys: dict[str, Callable[[Sender], str]] = {
                "CREATED": lambda each: each.create_time.isoformat(),
                "MODIFIED": lambda each: each.update_time.isoformat(),
                "NAME": lambda each: each.name,
                "STATE": lambda each: each.status,
            }
            found.sort(key=keys[column], reverse=call.parameter("sortDirection") == "DESC")
        return self._paged(call, found, "senders", default=50, limit=100)

    @_on("POST /rcs/senders")
    def _create_rcs(self, call: Call) -> Reply:
        name = at(call.body, "details.brand.name")
        if self.unique_names and any(
            each.name == name for each in self.senders.within(call.match.collection)
        ):
            raise Problem(409, "already_exists", "A sender with this brand name already exists")
        project = call.match.project_id or ""
        self._invite(call.body, as_list(at(call.body, "details.testNumbers")))
        sender = self.add(call.match.operation, project, call.match.collection, call.body)
        return self._shown(call, sender)

    @_on("GET /rcs/senders/{senderId}")
    def _get_rcs(self, call: Call) -> Reply:
        return self._shown(call, self._found(call.match))

    @_on("PATCH /rcs/senders/{senderId}")
    def _update_rcs(self, call: Call) -> Reply:
        sender = self._found(call.match)
        details = as_object(call.body.get("details"))
        if not details:
            raise invalid_input("details", "There is nothing to update", "no_fields_to_update")
        frozen = rules()["frozen"]
        fixed = sorted(details.keys() - {frozen["except"]})
        if sender.status in frozen["states"] and fixed:
            reason = f"can't be changed while the sender is {sender.status}"
            raise invalid_input(f"details.{fixed[0]}", reason, "fields_not_updatable")
        self._invite(sender.fields, as_list(details.get("testNumbers")))
        _merge(as_object(sender.fields.setdefault("details", {})), details)
        self._note(sender, "EDITED")
        self._save(sender)
        return self._shown(call, sender)

    @_on("POST /rcs/senders/{senderId}/launch")
    def _launch(self, call: Call) -> Reply:
        sender = self._found(call.match)
        if missing := self.states.missing(sender):
            listed: list[Json] = [*missing]
            raise Problem(
                412, "launch_precondition_failed", "The sender is not complete", {"validationErrors": listed}
            )
        if sender.status not in rules()["launch"]["from"]:
            raise Problem(409, "launch_invalid_agent_state", f"A sender in {sender.status} can't be launched")
        submitted = as_object(sender.fields.setdefault("_submitted", {}))
        for country, status, _ in [*self.states.countries(sender)]:
            if status not in ("LAUNCHED", "PENDING"):
                submitted[country] = self.now()
        sender.history.pinned = None
        self._save(sender)
        return self._shown(call, sender)

    @_on("POST /rcs/senders/{senderId}/comments")
    def _comment_on_rcs(self, call: Call) -> Reply:
        return self._comment(call, rules()["triggers"]["rcs"]["comment"])

    @_on("GET /rcs/senders/{senderId}/activities")
    def _rcs_activities(self, call: Call) -> Reply:
        return self._activities(call)

    @_on("GET /rcs/questionnaire/{useCase}")
    def _questionnaire(self, call: Call) -> Reply:
        shape = call.match.operation.reply
        return json_reply(200, {} if shape is None else shape.completed({}))

    # Test numbers.

    def _invite(self, fields: JsonObject, numbers: Sequence[Json]) -> None:
        # Before anything else changes: what is refused must leave no trace.
        if not numbers:
            return
        now, limits = self.now(), rules()["invitations"]
        sent = [each for each in as_list(fields.get("_invitations")) if isinstance(each, int | float)]
        today = [each for each in sent if each > now - _DAY]
        if len(today) + len(numbers) > limits["day"] or len(sent) + len(numbers) > limits["sender"]:
            raise Problem(429, "rbm_too_many_requests", "No more testers can be invited today")
        fields["_invitations"] = [*sent, *([now] * len(numbers))]
        invited = as_object(fields.setdefault("_testNumbers", {}))
        invited |= dict.fromkeys(map(str, numbers), now)

    def _tester(self, call: Call) -> tuple[Sender, str]:
        sender, number = self._found(call.match), call.match.parameters["testNumber"]
        if number not in self.states.test_numbers(sender):
            raise Problem(404, "user_is_not_tester_for_agent", "This sender has no such test number")
        return sender, number

    @_on("POST /rcs/senders/{senderId}/testNumbers")
    def _add_test_numbers(self, call: Call) -> Reply:
        sender = self._found(call.match)
        numbers = [str(number) for number in as_list(call.body["testNumbers"])]
        self._invite(sender.fields, numbers)
        self._save(sender)
        states = self.states.test_numbers(sender)
        added: list[Json] = [states[number] for number in numbers]
        return json_reply(200, {"testNumbers": added})

    @_on("GET /rcs/senders/{senderId}/testNumbers/{testNumber}")
    def _get_test_number(self, call: Call) -> Reply:
        sender, number = self._tester(call)
        return json_reply(200, self.states.test_numbers(sender)[number])

    @_on("GET /rcs/senders/{senderId}/testNumbers/{testNumber}/retry")
    def _retry_test_number(self, call: Call) -> Reply:
        sender, number = self._tester(call)
        self._invite(sender.fields, [number])
        self._save(sender)
        return json_reply(200, self.states.test_numbers(sender)[number])

    @_on("GET /rcs/senders/{senderId}/testNumbers/{testNumber}/capabilities")
    def _capabilities(self, call: Call) -> Reply:
        sender, number = self._tester(call)
        if self.states.test_numbers(sender)[number]["state"] != "VERIFIED":
            raise Problem(404, "user_has_not_accepted_invite", "The tester has not accepted the invitation")
        return json_reply(200, {"features": [*rules()["features"]]})

    @_on("DELETE /rcs/senders/{senderId}/testNumbers/{testNumber}")
    def _delete_test_number(self, call: Call) -> Reply:
        sender, number = self._tester(call)
        as_object(sender.fields["_testNumbers"]).pop(number)
        self._save(sender)
        return Reply(204)

    # KakaoTalk.

    @_on("GET /kakaotalk/senders")
    def _list_kakaotalk(self, call: Call) -> Reply:
        found = self.senders.within(call.match.collection)
        if states := call.query.get("filterStates"):
            found = [each for each in found if each.status in states]
        if wanted := call.query.get("filterStatuses"):
            found = [each for each in found if at(each.fields, "changes.status") in wanted]
        return self._paged(call, found, "senders", default=50, limit=100)

    @_on("POST /kakaotalk/senders")
    def _create_kakaotalk(self, call: Call) -> Reply:
        body = dict(call.body)
        friend = str(body["plusFriendId"])
        if self.senders.find(call.match.collection, friend) is not None:
            raise invalid_input("plusFriendId", "has a sender already")
        draft = body.pop("status", "SUBMIT") == "DRAFT"
        body.pop("saveDraftOnFailure", None)
        project = call.match.project_id or ""
        sender = self.add(call.match.operation, project, call.match.collection, body)
        if not draft:
            sender.fields["_submitted"] = self.now()
        self._save(sender)
        return self._shown(call, sender)

    @_on("GET /kakaotalk/senders/{plusFriendId}")
    def _get_kakaotalk(self, call: Call) -> Reply:
        return self._shown(call, self._found(call.match))

    @_on("PATCH /kakaotalk/senders/{plusFriendId}")
    def _update_kakaotalk(self, call: Call) -> Reply:
        sender = self._found(call.match)
        details = as_object(call.body.get("details"))
        submitted = call.body.get("status", "DRAFT") == "SUBMIT"
        if sender.status == "VERIFYING":
            _merge(as_object(sender.fields["details"]), details)
            if submitted:
                sender.fields["_submitted"] = self.now()
        else:
            live = as_object(sender.fields["details"])
            wanted = {**as_object(at(sender.fields, "changes.details")), **details}
            # The document has either a new sender's whole details here, or only those that change.
            sender.fields["changes"] = {
                "status": "IN_PROGRESS" if submitted else "DRAFT",
                "details": {name: new for name, new in wanted.items() if new not in (None, live.get(name))},
            }
        self._note(sender, "EDITED")
        self._save(sender)
        return self._shown(call, sender)

    @_on("DELETE /kakaotalk/senders/{plusFriendId}")
    def _delete_kakaotalk(self, call: Call) -> Reply:
        self.senders.remove(self._found(call.match))
        return Reply(204)

    @_on("DELETE /kakaotalk/senders/{plusFriendId}/changes")
    def _delete_changes(self, call: Call) -> Reply:
        sender = self._found(call.match)
        if sender.fields.pop("changes", None) is None:
            raise Problem(404, "sender_changes_not_found", "This sender has no changes")
        self._save(sender)
        return Reply(204)

    @_on("POST /kakaotalk/senders/{plusFriendId}/register")
    def _register(self, call: Call) -> Reply:
        sender = self._found(call.match)
        if sender.status != "VERIFYING":
            raise Problem(409, "launch_invalid_verification_state", "This sender is verified")
        sender.fields["_registered"] = self.now()
        self._save(sender)
        return self._shown(call, sender)

    @_on("POST /kakaotalk/senders/{plusFriendId}/verify")
    def _verify(self, call: Call) -> Reply:
        sender = self._found(call.match)
        if "_registered" not in sender.fields:
            raise Problem(409, "launch_invalid_verification_state", "Ask for a code first")
        if call.body["code"] != rules()["verification_code"]:
            raise invalid_input("code", "is not the one that was sent")
        sender.fields["_verified"] = self.now()
        self._save(sender)
        return self._shown(call, sender)

    @_on("POST /kakaotalk/senders/{plusFriendId}/comments")
    def _comment_on_kakaotalk(self, call: Call) -> Reply:
        return self._comment(call, rules()["triggers"]["kakaotalk"]["comment"])

    @_on("GET /kakaotalk/senders/{plusFriendId}/activities")
    def _kakaotalk_activities(self, call: Call) -> Reply:
        return self._activities(call)

    # Webhooks, and what else the document has.

    @_on("GET /webhooks")
    def _list_webhooks(self, call: Call) -> Reply:
        found = self.webhooks.within(call.match.collection)
        limit: int = rules()["webhooks"]
        return self._paged(call, found, "webhooks", default=limit, limit=limit)

    @_on("POST /webhooks")
    def _create_webhook(self, call: Call) -> Reply:
        self._refuse_target(call, None)
        if len(self.webhooks.within(call.match.collection)) >= rules()["webhooks"]:
            raise Problem(424, "webhook_limit_reached", "This project has as many webhooks as it may")
        project = call.match.project_id or ""
        return self._shown(call, self.add(call.match.operation, project, call.match.collection, call.body))

    @_on("GET /webhooks/{webhookId}")
    def _get_webhook(self, call: Call) -> Reply:
        return self._shown(call, self._found(call.match))

    @_on("PUT /webhooks/{webhookId}")
    @_on("PATCH /webhooks/{webhookId}")
    def _update_webhook(self, call: Call) -> Reply:
        webhook = self._found(call.match)
        self._refuse_target(call, webhook)
        webhook.fields.update(call.body)
        self._save(webhook)
        return self._shown(call, webhook)

    @_on("DELETE /webhooks/{webhookId}")
    def _delete_webhook(self, call: Call) -> Reply:
        self.webhooks.remove(self._found(call.match))
        return Reply(204)

    def _refuse_target(self, call: Call, own: Sender | None) -> None:
        for each in self.webhooks.within(call.match.collection):
            if each is not own and each.fields["target"] == call.body.get("target"):
                raise Problem(409, "webhook_exists", "This target has a webhook already")

    @_on("GET /conversation/apps/{conversationAppId}/telegram")
    def _telegram(self, call: Call) -> Reply:
        raise Problem(404, "project_not_found", "This project has no such Conversation API app")


def _merge(old: JsonObject, new: JsonObject) -> None:
    """Change what is given, and delete what is null."""
    for name, value in new.items():
        if value is None:
            old.pop(name, None)
        elif isinstance(value, dict):
            _merge(as_object(old.setdefault(name, {})), value)
        else:
            old[name] = value
