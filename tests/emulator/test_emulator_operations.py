"""The twelve operations, as the document and the live API have them."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest

from sinch_provisioning_emulator import Emulator

RCS = "/v1/projects/p1/rcs/senders"
Judge = Callable[[str, httpx.Response], None]


async def test_all_twelve_operations_answer_as_the_document_says(
    api: httpx.AsyncClient, conforms: Judge, brand: dict[str, str], emulator: Emulator
) -> None:
    """Every operation succeeds once in a life cycle, and every reply fits its schema."""
    created = await api.post(RCS, json=brand)
    item = f"{RCS}/{created.json()['id']}"
    conforms("createRcsSender", created)
    conforms("updateRcsSender", await api.patch(item, json={"description": "other"}))
    conforms("getRcsSender", await api.get(item))
    conforms("launchRcsSender", await api.post(f"{item}/launch"))
    conforms("listRcsSenders", await api.get(RCS))
    conforms("deleteRcsSender", await api.delete(item))
    paths = [each.path for each in emulator.document.operations]
    channels = {path.split("/")[4] for path in paths} - {"rcs"}
    assert channels >= {"kakaoTalk", "line", "telegram"}
    for channel in channels:
        name = channel[0].upper() + channel[1:]
        path = f"/v1/projects/p1/{channel}/senders"
        body = {"name": "Acme", "channelCredentials": {"token": "t"}}
        conforms(f"create{name}Sender", await api.post(path, json=body))
        conforms(f"list{name}Senders", await api.get(path))
    assert {each.status for each in emulator.requests} == {200}
    assert {each.operation_id for each in emulator.requests} == {
        operation.operation_id for operation in emulator.document.operations
    }


async def test_a_sender_is_what_was_sent_and_what_the_server_adds(
    api: httpx.AsyncClient, brand: dict[str, str]
) -> None:
    """Id, status and times look like the live API's; nothing else was invented or lost."""
    sender = (await api.post(RCS, json={**brand, "colour": "typo"})).json()
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{26}", sender.pop("id"))
    assert sender.pop("status") == "IN_TEST"
    for name in ("createTime", "updateTime"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dt\d\d:\d\d:\d\d\.\d{3}Z", sender.pop(name))
    assert sender == brand


async def test_an_update_changes_what_it_names_and_the_update_time(
    api: httpx.AsyncClient, brand: dict[str, str], emulator: Emulator
) -> None:
    """Only properties of the update's schema are taken; the others stay as they were."""
    before = (await api.post(RCS, json=brand)).json()
    emulator.clock.advance(hours=1)
    changes = {"description": "new", "website": "https://other.example"}
    assert (await api.get(RCS)).json()["senders"][0]["description"] == brand["description"]
    after = (await api.patch(f"{RCS}/{before['id']}", json=changes)).json()
    assert (await api.get(RCS)).json() == {"senders": [after]}
    assert after["updateTime"] > before["updateTime"]
    assert after == {**before, "description": "new", "updateTime": after["updateTime"]}


async def test_projects_see_nothing_of_each_other(api: httpx.AsyncClient) -> None:
    """A sender of one project is in no other project's list and can't be read, changed or deleted from there."""
    sender_id = (await api.post(RCS, json={"displayName": "A"})).json()["id"]
    elsewhere = "/v1/projects/p2/rcs/senders"
    assert (await api.get(elsewhere)).json() == {"senders": []}
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/launch")):
        reply = await api.request(method, f"{elsewhere}/{sender_id}{path}", json={})
        assert reply.status_code == 404, method
    assert [each["id"] for each in (await api.get(RCS)).json()["senders"]] == [sender_id]


async def test_a_deleted_sender_is_gone(api: httpx.AsyncClient) -> None:
    """Delete answers with an empty 200, then everything about the sender is a 404."""
    item = f"{RCS}/{(await api.post(RCS, json={'displayName': 'A'})).json()['id']}"
    deleted = await api.delete(item)
    assert (deleted.status_code, deleted.content) == (200, b"")
    assert (await api.delete(item)).status_code == 404
    assert (await api.get(item)).json()["errorCode"] == "sender_not_found"


@pytest.mark.parametrize(
    ("body", "offending"),
    [
        ({}, "displayName"),
        ({"displayName": 3}, "displayName"),
        ({"displayName": "A", "logoUrl": "no uri"}, "logoUrl"),
        ({"displayName": "A", "description": None}, "description"),
        ([], ""),
    ],
)
async def test_a_bad_body_is_answered_with_the_offending_property(
    api: httpx.AsyncClient, body: object, offending: str, emulator: Emulator
) -> None:
    """400 with errorCode, message, resolution and the property that is wrong; nothing was created."""
    reply = await api.post(RCS, json=body)
    error = reply.json()
    assert reply.status_code == 400
    assert error["errorCode"] == "invalid_input"
    assert error["message"].startswith(offending)
    assert error["resolution"]
    assert error["additionalInformation"] == {"validationErrors": [error["message"]]}
    assert len(emulator.senders) == 0


async def test_what_is_gone_is_told_before_what_is_wrong(api: httpx.AsyncClient) -> None:
    """A bad body for a sender that isn't there is a 404; the document has no 400 on an update."""
    assert (await api.patch(f"{RCS}/01NOSUCH", json={"displayName": 1})).status_code == 404
    item = f"{RCS}/{(await api.post(RCS, json={'displayName': 'A'})).json()['id']}"
    refused = await api.patch(item, json={"displayName": 1})
    assert (refused.status_code, refused.json()["message"].split(":")[0]) == (400, "displayName")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b'{"displayName": "A", "other": NaN}',
        b"[" * 50_000,
        b'{"displayName":' + b"1" * 5000 + b"}",
    ],
)
async def test_what_is_no_json_is_a_400(api: httpx.AsyncClient, content: bytes) -> None:
    """Missing, broken, badly encoded, too deep, no JSON numbers: each is told, none breaks the server."""
    reply = await api.post(RCS, content=content, headers={"content-type": "application/json"})
    assert reply.status_code == 400, reply.text
    assert reply.json()["errorCode"] == "invalid_payload"


async def test_other_media_types_and_huge_bodies_are_refused(api: httpx.AsyncClient) -> None:
    """415 for what does not call itself JSON, 413 beyond a mebibyte."""
    assert (await api.post(RCS, data={"displayName": "A"})).status_code == 415
    assert (await api.post(RCS, content=b'{"displayName":"A"}')).status_code == 415
    ok = await api.post(
        RCS, content=b'{"displayName":"A"}', headers={"content-type": "Application/JSON; charset=utf-8"}
    )
    assert ok.status_code == 200
    huge = await api.post(RCS, content=b" " * (1 << 21), headers={"content-type": "application/json"})
    assert huge.status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", RCS, "GET, POST"),
        ("HEAD", RCS, "GET, POST"),
        ("OPTIONS", RCS + "/x", "DELETE, GET, PATCH"),
        ("GET", RCS + "/x/launch", "POST"),
    ],
)
async def test_a_wrong_method_is_a_405_that_names_the_right_ones(
    api: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    """405 with Allow, in both ways in."""
    reply = await api.request(method, path)
    assert (reply.status_code, reply.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize(
    "path",
    ["/", "/v1", "/v1/projects//rcs/senders", RCS + "/", RCS + "/x/y", "/v1/projects/p/sms/senders", "/nope"],
)
async def test_an_unknown_path_is_a_404(api: httpx.AsyncClient, path: str) -> None:
    """Empty segments are no ids, and a trailing slash is another path."""
    assert (await api.get(path)).json()["errorCode"] == "not_found"


async def test_an_odd_id_is_data_and_nothing_else(api: httpx.AsyncClient, emulator: Emulator) -> None:
    """Escaped slashes, percent signs and broken UTF-8 in a path stay within their segment."""
    for project in ("a%2Fb", "a%252Fb", "%FF", "%00", "%3Cscript%3E"):
        path = f"/v1/projects/{project}/line/senders"
        assert (await api.post(path, json={"name": project})).status_code == 200
        assert [each["name"] for each in (await api.get(path)).json()["senders"]] == [project]
    decoded = ["a/b", "a%2Fb", "\N{REPLACEMENT CHARACTER}", "\0", "<script>"]
    assert [sender.project_id for sender in emulator.senders] == decoded


async def test_lists_are_paged_when_asked(api: httpx.AsyncClient) -> None:
    """Following nextPageToken finds every sender once, also when one is deleted between two pages."""
    ids = [(await api.post(RCS, json={"displayName": str(n)})).json()["id"] for n in range(7)]
    assert len((await api.get(RCS)).json()["senders"]) == 7
    first = (await api.get(RCS, params={"pageSize": "3"})).json()
    assert first["totalSize"] == 7
    await api.delete(f"{RCS}/{ids[0]}")
    second = (await api.get(RCS, params={"pageSize": "3", "pageToken": first["nextPageToken"]})).json()
    third = (await api.get(RCS, params={"pageSize": "3", "pageToken": second["nextPageToken"]})).json()
    assert [each["id"] for page in (first, second, third) for each in page["senders"]] == ids
    assert "nextPageToken" not in third
    assert "nextPageToken" not in (await api.get(RCS, params={"pageSize": "6"})).json()


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("pageSize", "0", "invalid_page_size"),
        ("pageSize", "101", "invalid_page_size"),
        ("pageSize", "x", "invalid_page_size"),
        ("pageSize", "-1", "invalid_page_size"),
        ("pageSize", "٣", "invalid_page_size"),
        ("pageToken", "@", "invalid_page_token"),
        ("pageToken", "7", "invalid_page_token"),
    ],
)
async def test_an_invalid_page_is_a_400(api: httpx.AsyncClient, name: str, value: str, code: str) -> None:
    """Sizes beyond 1 to 100 and made-up tokens are refused by name."""
    reply = await api.get(RCS, params={name: value})
    assert reply.status_code == 400
    assert reply.json()["errorCode"] == code
    assert reply.json()["message"].startswith(f"{name}: ")


async def test_page_size_pages_without_being_asked() -> None:
    """With `page_size`, lists come as the live API sends them."""
    emulator = Emulator(page_size=2)
    for number in range(3):
        emulator.add("line", {"name": str(number)}, project_id="p1")
    async with httpx.AsyncClient(
        transport=emulator.transport(),
        base_url=emulator.base_url,
        auth=(emulator.key_id, emulator.key_secret),
    ) as api:
        reply = (await api.get("/v1/projects/p1/line/senders")).json()
    assert (len(reply["senders"]), reply["totalSize"]) == (2, 3)


async def test_names_may_be_made_unique(brand: dict[str, str]) -> None:
    """By default a repeated create makes a second sender; with `unique_names` it is a 409, in each project."""
    for unique, expected in ((False, [200, 200]), (True, [200, 409])):
        emulator = Emulator(unique_names=unique)
        async with httpx.AsyncClient(
            transport=emulator.transport(),
            base_url=emulator.base_url,
            auth=(emulator.key_id, emulator.key_secret),
        ) as api:
            replies = [await api.post(RCS, json=brand) for _ in range(2)]
            assert [reply.status_code for reply in replies] == expected
            assert (await api.post("/v1/projects/p2/rcs/senders", json=brand)).status_code == 200
        if unique:
            assert replies[1].json()["errorCode"] == "already_exists"
            assert len(emulator.senders) == 2


async def test_every_reply_has_an_id_of_its_own(api: httpx.AsyncClient, emulator: Emulator) -> None:
    """X-Request-Id is on successes and errors alike, and is the one on record."""
    replies = [await api.get(RCS), await api.get(RCS), await api.get("/nope"), await api.put(RCS)]
    ids = [reply.headers["x-request-id"] for reply in replies]
    assert len(set(ids)) == 4
    assert ids == [each.request_id for each in emulator.requests]
