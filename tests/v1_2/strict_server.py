"""A server of Sinch's own API written from its public facts, apart from the emulator: it refuses what it doesn't know.

It answers as an httpx transport. Each change of a sender's state is the test's to make.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any
from urllib.parse import unquote

import httpx

Json = dict[str, Any]
PROJECT = "/v1/projects/p1"
REGIONS = {"BR", "EU", "US"}
BILLING = {"CONVERSATIONAL", "NON_CONVERSATIONAL"}
USE_CASES = {"MULTIUSE", "OTP", "PROMOTIONAL", "TRANSACTIONAL"}
BRAND = {
    *("name", "emails", "phones", "websites", "color", "description"),
    *("bannerUrl", "logoUrl", "privacyPolicyUrl", "termsOfServiceUrl"),
}
PAGE = 50
LAUNCHABLE = {"IN_TEST", "LAUNCHING", "LAUNCHED", "UNLAUNCHED"}


class Refused(Exception):
    """An error reply."""

    def __init__(self, status: int, code: str, *errors: str) -> None:
        super().__init__(code)
        self.status = status
        self.body: Json = {"errorCode": code, "message": f"{code}.", "resolution": "Read the reference."}
        if errors:
            self.body["additionalInformation"] = {"validationErrors": list(errors)}


class StrictServer(httpx.AsyncBaseTransport):
    """Senders, webhooks and KakaoTalk senders of one project, and what was asked, as "METHOD path"."""

    def __init__(self) -> None:
        self.senders: dict[str, Json] = {}
        self.webhooks: dict[str, Json] = {}
        self.friends: dict[str, Json] = {}
        self.asked: Counter[str] = Counter()
        self.bodies: list[Any] = []
        self.headers: httpx.Headers = httpx.Headers()
        self.params: httpx.QueryParams = httpx.QueryParams()
        self.lost = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        if request.url.path == "/oauth2/token":
            return httpx.Response(200, json={"access_token": "t0ken", "expires_in": 3600})
        path = request.url.path
        assert path.startswith(PROJECT), path
        parts = [unquote(part) for part in path.removeprefix(PROJECT).strip("/").split("/")]
        content = await request.aread()
        body = json.loads(content) if content else None
        self.asked[f"{request.method} {'/'.join(parts)}"] += 1
        self.bodies.append(body)
        self.headers, self.params = request.headers, request.url.params
        try:
            status, reply = self._answer(request.method, parts, body, request.url.params)
        except Refused as refused:
            return httpx.Response(refused.status, json=refused.body)
        if self.lost:
            self.lost -= 1
            raise httpx.ReadError("the reply was lost")
        return httpx.Response(status) if reply is None else httpx.Response(status, json=reply)

    def _answer(self, method: str, parts: list[str], body: Any, params: httpx.QueryParams) -> tuple[int, Any]:
        match method, *parts:
            case "GET", "rcs", "senders":
                return 200, _page(list(self.senders.values()), "senders", params)
            case "POST", "rcs", "senders":
                return 201, self._create(body)
            case "GET", "rcs", "questionnaire", _:
                return 200, {"general": {"questions": {}}, "verification": {"questions": {}}}
            case _, "rcs", "senders", sender_id, *rest:
                if sender_id not in self.senders:
                    raise Refused(404, "sender_not_found")
                return self._sender(method, self.senders[sender_id], rest, body, params)
            case _, "webhooks", *rest:
                return self._webhook(method, rest, body, params)
            case _, "kakaotalk", "senders", *rest:
                return self._friend(method, rest, body, params)
        raise Refused(404, "not_found")

    def _create(self, body: Json) -> Json:
        _only(body, {"region", "billingCategory", "useCase", "details"})
        for name, known in (("region", REGIONS), ("billingCategory", BILLING), ("useCase", USE_CASES)):
            if body.get(name) not in known:
                raise Refused(400, "invalid_input", f"{name} must be one of {sorted(known)}")
        _check_details(body.get("details", {}))
        sender = {
            "id": f"00000000-0000-4000-8000-{len(self.senders):012}",
            "hostingRegion": "EUROPE",
            "state": "DRAFT",
            "authName": "agent",
            "authToken": "auth-token-canary",
            **body,
        }
        self.senders[sender["id"]] = sender
        return sender

    def _sender(
        self, method: str, sender: Json, rest: list[str], body: Any, params: httpx.QueryParams
    ) -> tuple[int, Any]:
        match method, *rest:
            case ("GET",):
                return 200, sender
            case ("PATCH",):
                _only(body, {"details"})
                _check_details(body["details"])
                if sender["state"] in ("LAUNCHING", "LAUNCHED") and set(body["details"]) != {"countries"}:
                    raise Refused(400, "fields_not_updatable")
                _merge(sender.setdefault("details", {}), body["details"])
                return 200, sender
            case "POST", "launch":
                return 200, self._launch(sender)
            case "POST", "comments":
                _only(body, {"comment"})
                return 201, {"type": "CREATED", "comment": body["comment"]}
            case "GET", "activities":
                activities = [{"type": "RCS_SENDER_COMMENT_ADDED", "created": "2026-01-01T00:00:00Z"}] * 2
                return 200, _page(activities, "notifications", params)
            case "POST", "testNumbers":
                _only(body, {"testNumbers"})
                states = [_number(number, "PENDING") for number in body["testNumbers"]]
                sender["testNumberStates"] = states
                return 200, {"testNumbers": states}
            case "GET", "testNumbers", number:
                return 200, _number(number, "VERIFIED")
            case "GET", "testNumbers", number, "retry":
                return 200, _number(number, "PENDING")
            case "GET", "testNumbers", _, "capabilities":
                return 200, {"features": ["RICHCARD_STANDALONE"]}
            case "DELETE", "testNumbers", _:
                return 204, None
        raise Refused(405, "not_allowed")

    def _launch(self, sender: Json) -> Json:
        brand = sender.get("details", {}).get("brand", {})
        needed = ("bannerUrl", "logoUrl", "privacyPolicyUrl", "termsOfServiceUrl")
        missing = [f"details.brand.{name} should not be empty" for name in needed if name not in brand]
        if not sender["details"].get("countries"):
            missing.append("details.countries should not be empty")
        if missing:
            raise Refused(412, "launch_precondition_failed", *missing)
        if sender["state"] not in LAUNCHABLE:
            raise Refused(409, "launch_invalid_agent_state")
        sender["state"] = "PREPARING_LAUNCH"
        return sender

    def _webhook(self, method: str, rest: list[str], body: Any, params: httpx.QueryParams) -> tuple[int, Any]:
        if body is not None:
            _only(body, {"target", "secret", "triggers"})
        match method, *rest:
            case ("GET",):
                return 200, _page(list(self.webhooks.values()), "webhooks", params)
            case ("POST",):
                if any(each["target"] == body["target"] for each in self.webhooks.values()):
                    raise Refused(409, "webhook_exists")
                if len(self.webhooks) == 15:
                    raise Refused(424, "webhook_limit_reached")
                webhook_id = f"w{len(self.webhooks)}"
                self.webhooks[webhook_id] = {**body, "id": webhook_id, "projectId": "p1"}
                return 201, _public(self.webhooks[webhook_id])
            case _, webhook_id if webhook_id in self.webhooks:
                webhook = self.webhooks[webhook_id]
                if method == "DELETE":
                    del self.webhooks[webhook_id]
                    return 204, None
                if method in ("PUT", "PATCH"):
                    webhook.update(body)
                return 200, _public(webhook)
        raise Refused(404, "webhook_not_found")

    def _friend(self, method: str, rest: list[str], body: Any, params: httpx.QueryParams) -> tuple[int, Any]:
        match method, *rest:
            case ("GET",):
                return 200, _page(list(self.friends.values()), "senders", params)
            case ("POST",):
                _only(body, {"plusFriendId", "details", "status", "saveDraftOnFailure"})
                key = body["plusFriendId"]
                self.friends[key] = {"plusFriendId": key, "state": "VERIFYING", "details": body["details"]}
                return 201, self.friends[key]
            case _, key, *action if key in self.friends:
                friend = self.friends[key]
                if method == "DELETE" and not action:
                    del self.friends[key]
                    return 204, None
                if method == "PATCH":
                    _only(body, {"details", "status"})
                    friend["changes"] = {"status": "IN_PROGRESS", "details": body["details"]}
                if action == ["verify"]:
                    assert isinstance(body["code"], int)
                if action == ["comments"]:
                    return 201, {"type": "CREATED", "comment": body["comment"]}
                if action == ["activities"]:
                    return 200, _page([], "notifications", params)
                return (204, None) if method == "DELETE" else (200, friend)
        raise Refused(404, "sender_not_found")


def _only(body: Any, known: set[str]) -> None:
    if unknown := sorted(set(body) - known):
        raise Refused(400, "invalid_input", *(f"property {name} should not exist" for name in unknown))


def _check_details(details: Json) -> None:
    _only(details, {"brand", "testNumbers", "countries", "questionnaire"})
    _only(details.get("brand") or {}, BRAND)


def _merge(old: Json, new: Json) -> None:
    for name, value in new.items():
        if value is None:
            old.pop(name, None)
        elif isinstance(value, dict):
            _merge(old.setdefault(name, {}), value)
        else:
            old[name] = value


def _number(number: str, state: str) -> Json:
    return {"number": number, "state": state, "submitted": "2026-01-01T00:00:00Z"}


def _public(webhook: Json) -> Json:
    return {name: value for name, value in webhook.items() if name != "secret"}


def _page(items: list[Any], name: str, params: httpx.QueryParams) -> Json:
    size = int(float(params.get("pageSize", PAGE)))
    if not 1 <= size <= 100:
        raise Refused(400, "invalid_page_size")
    start = int(params.get("pageToken", 0))
    page: Json = {"totalSize": len(items), "pageSize": size, name: items[start : start + size]}
    if start + size < len(items):
        page["nextPageToken"] = str(start + size)
    return page
