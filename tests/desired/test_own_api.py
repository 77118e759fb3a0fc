"""Desired state of Sinch's own API: the same plans and rounds, by country where launches are by country."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sinch_provisioning import (
    BasicCredentials,
    ConfigurationError,
    ProvisioningClient,
    apply,
    plan,
    v1_2,
)
from sinch_provisioning.desired import DesiredFileError, DesiredProject, DesiredSender, DesiredState, load
from sinch_provisioning_emulator import Emulator

from .conftest import Write
from .own_api import DEFAULTS, FRIEND, BothApis, write_own

KAKAOTALK = f"kakaotalk:\n  - {{plus_friend_id: '@acme', details: {FRIEND}}}\n"


def _calls(server: Emulator) -> Counter[str]:
    return Counter(f"{each.method} {each.path.split('/')[-1]}" for each in server.requests)


@pytest.fixture
def server(sinch_emulator_v1_2: Emulator) -> Emulator:
    return sinch_emulator_v1_2


@pytest.fixture
def own(sinch_v1_2: v1_2.ProvisioningClient) -> v1_2.ProvisioningClient:
    return sinch_v1_2


async def test_applying_twice_launches_once(
    server: Emulator, own: v1_2.ProvisioningClient, tmp_path: Path
) -> None:
    """What is missing is created and launched; the second plan and the second run find nothing to do."""
    file = write_own(tmp_path / "senders.yaml", "Acme", "Bolt", more=KAKAOTALK)
    made = await plan(own, file)
    assert [(each.channel, each.name, each.actions) for each in made.changes] == [
        ("rcs", "Acme", ("create", "launch")),
        ("rcs", "Bolt", ("create", "launch")),
        ("kakaotalk", "@acme", ("create",)),
    ]
    applied = await apply(own, file, wait=True, clock=server.clock)
    assert [(each.state, each.status) for each in applied.outcomes] == [
        ("done", "LAUNCHED"),
        ("done", "LAUNCHED"),
        ("done", "VERIFYING"),
    ]
    assert (await plan(own, file)).is_empty
    assert (await apply(own, file, clock=server.clock)).counts()["done"] == 3
    assert (_calls(server)["POST senders"], _calls(server)["POST launch"]) == (3, 2)
    assert "emulated-token" not in f"{applied!r}{applied.to_dict()}{made.to_dict()}"


async def test_a_hundred_senders_are_a_page(
    server: Emulator, own: v1_2.ProvisioningClient, tmp_path: Path
) -> None:
    """A listing of 150 senders takes two requests."""
    file = write_own(tmp_path / "senders.yaml", *(f"Brand {number}" for number in range(150)))
    assert (await apply(own, file, clock=server.clock)).counts()["launched"] == 150
    server.requests.clear()
    assert (await plan(own, file)).is_empty
    assert _calls(server)["GET senders"] == 2


async def test_what_every_country_rejects_fails_with_the_remarks(
    server: Emulator, own: v1_2.ProvisioningClient, tmp_path: Path
) -> None:
    """The state stays LAUNCHING; the wait ends all the same. A country that is added is then launched."""
    file = write_own(tmp_path / "senders.yaml", "Good", "Bad")
    server.reject("Bad")
    applied = await apply(own, file, wait=True, clock=server.clock)
    good, bad = applied.outcomes
    assert (good.state, bad.state, bad.status) == ("done", "failed", "LAUNCHING")
    assert "DE First Mobile REJECTED (The brand could not be verified.)" in str(bad.problem)
    assert "SE Second Mobile REJECTED" in str((await plan(own, file)).changes[1].problem)
    write_own(file, "Bad", countries=["DE", "SE", "AT"])
    [change] = (await plan(own, file)).changes
    assert (change.actions, change.differing) == (("update", "launch"), ("details.countries",))
    assert (await apply(own, file, clock=server.clock)).counts()["in_review"] == 1
    server.approve("Bad", ["AT"])
    [outcome] = (await apply(own, file, wait=True, clock=server.clock)).outcomes
    assert (outcome.state, outcome.status) == ("done", "LAUNCHED")


async def test_a_country_that_is_added_is_launched_and_one_that_rejects_is_no_failure(
    server: Emulator, own: v1_2.ProvisioningClient, tmp_path: Path
) -> None:
    """A LAUNCHED sender is launched again for it, once, and only its countries may change."""
    file = write_own(tmp_path / "senders.yaml", "Acme", countries=["DE"])
    await apply(own, file, wait=True, clock=server.clock)
    server.reject("Acme", ["SE"])
    write_own(file, "Acme", countries=["DE", "SE"])
    for _ in range(2):
        [outcome] = (await apply(own, file, wait=True, clock=server.clock)).outcomes
        assert (outcome.state, outcome.status) == ("done", "LAUNCHED")
    assert (_calls(server)["POST launch"], _calls(server)["PATCH " + str(outcome.sender_id)]) == (2, 1)
    write_own(file, "Acme").write_text(file.read_text().replace("logo.png", "new.png"))
    [change] = (await plan(own, file)).changes
    assert change.problem is not None
    assert change.problem.startswith("differs in details.brand.logo_url, which the API can't update")


async def test_what_is_missing_for_a_launch_is_the_servers_list(
    server: Emulator, own: v1_2.ProvisioningClient
) -> None:
    """The API says what a launch lacks; what can't be updated at all is named, too."""
    details: Any = {"brand": {"name": "Bare"}, "countries": ["DE"]}
    fields: Any = {
        "region": "EU",
        "billing_category": "CONVERSATIONAL",
        "use_case": "OTP",
        "details": details,
    }
    bare = DesiredSender("rcs", fields, launch=True, api="1.2")
    [outcome] = (await apply(own, DesiredState([DesiredProject([bare])]), clock=server.clock)).outcomes
    assert (outcome.state, outcome.done) == ("failed", ("create",))
    assert "details.brand.bannerUrl should not be empty" in outcome.missing
    other = DesiredSender("rcs", {**fields, "region": "US"}, api="1.2")
    [change] = (await plan(own, DesiredState([DesiredProject([other])]))).changes
    assert "differs in region" in str(change.problem)


async def test_a_detail_that_differs_is_updated_alone(
    server: Emulator, own: v1_2.ProvisioningClient, tmp_path: Path
) -> None:
    """RCS before its launch, and KakaoTalk, whose changes under review count as made."""
    file = write_own(tmp_path / "senders.yaml", "Acme", more=KAKAOTALK)
    file.write_text(file.read_text().replace('"launch": true', '"launch": false'))
    await apply(own, file, clock=server.clock)
    file.write_text(
        file.read_text().replace("logo.png", "new.png").replace("'name': 'Acme'", "'name': 'Acme 2'")
    )
    server.requests.clear()
    applied = await apply(own, file, clock=server.clock)
    assert [each.done for each in applied.outcomes] == [("update",), ("update",)]
    assert [each.body for each in server.requests if each.method == "PATCH"] == [
        {"details": {"brand": {"logoUrl": "https://acme.example/new.png"}}},
        {"details": {"name": "Acme 2"}},
    ]
    assert (await plan(own, file)).is_empty


async def test_one_file_may_have_projects_of_both_apis(server: Emulator, tmp_path: Path) -> None:
    """A client of either API does what the file says for each project."""
    vendored = Emulator(key_secret=server.key_secret)
    file = tmp_path / "senders.yaml"
    sender = {**DEFAULTS, "details": {**DEFAULTS["details"], "brand": {"name": "Own"}}, "launch": False}
    file.write_text(
        "version: 1\ndefaults: {rcs: {website: https://acme.example}}\nrcs: [{display_name: Vendored}]\n"
        f'projects:\n  own-project:\n    api: "1.2"\n    rcs: [{sender}]\n'.replace("False", "false")
    )
    for client in (ProvisioningClient, v1_2.ProvisioningClient):
        opened = client(
            project_id="p",
            credentials=BasicCredentials(server.key_id, server.key_secret),
            base_url=server.base_url,
            transport=BothApis(vendored, server),
            clock=server.clock,
        )
        async with opened:
            assert (await apply(opened, file, clock=server.clock)).ok
            assert (await plan(opened, file)).is_empty
    assert [(each.name, each.project_id) for each in vendored.senders] == [("Vendored", "p")]
    assert [(each.name, each.project_id) for each in server.senders] == [("Own", "own-project")]


HEAD = 'version: 1\napi: "1.2"\n'
RCS = "rcs:\n  - details: {brand: {name: A}}\n"


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ('version: 1\napi: "2.0"\n', "2:1", "'api' must be one of '1.0', '1.2'"),
        ("version: 1\napi: 1.2\n", "2:1", "'api' must be text in quotes"),
        (HEAD + "line: []\n", "3:1", "unknown key 'line'"),
        (
            HEAD + "rcs:\n  - {display_name: A}\n",
            "4:6",
            "unknown key 'display_name'; expected one of: region,",
        ),
        ("version: 1\n" + RCS, "3:5", "unknown key 'details'"),
        (HEAD + RCS + "    region: EU\n", "4:5", "'billing_category' is missing"),
        (HEAD + RCS + "    region: EW\n", "5:5", "'region' must be one of 'BR', 'EU', 'US'"),
        (HEAD + "rcs:\n  - details: {brand: {logo: x}}\n", "4:23", "'logo'; did you mean 'logo_url'"),
        (HEAD + "rcs:\n  - details: {countries: [XX]}\n", "4:27", "must be one of 'AT', "),
        (HEAD + "rcs:\n  - details: {brand: {}}\n", "4:5", "'details.brand.name' is missing"),
        (HEAD + "kakaotalk: [{plus_friend_id: '@a', details: {}}]\n", "3:36", "'admin_phone_no' is missing"),
        (HEAD + "kakaotalk: [{plus_friend_id: '@a', details: {senderKey: k}}]\n", "3:46", "'senderKey'"),
        ("version: 1\nprojects: {p: {api: '1.2', line: []}}\n", "2:28", "unknown key 'line'"),
    ],
)
def test_a_bad_file_is_one_line_with_its_place(write: Write, text: str, place: str, problem: str) -> None:
    """An unknown API, and fields that its senders don't have, at any depth."""
    path = write(text)
    with pytest.raises(DesiredFileError) as caught:
        load(path, environment={})
    assert str(caught.value).startswith(f"{path}:{place}: ")
    assert problem in str(caught.value)


def test_states_built_in_python_are_checked_like_files() -> None:
    """An unknown API, a channel that it lacks, and fields that every sender needs."""
    with pytest.raises(ConfigurationError, match="api must be one of"):
        DesiredSender("rcs", DEFAULTS, api="2.0")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="has no line senders"):
        DesiredSender("line", {"name": "L"}, api="1.2")
    with pytest.raises(ConfigurationError, match=r"'details.brand.name' is missing"):
        DesiredSender("rcs", DEFAULTS, api="1.2")
