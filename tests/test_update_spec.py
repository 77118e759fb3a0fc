"""Taking a new document in: all of it or nothing, and a word on what is to do; and the guard of public names."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tools import facade_coverage, update_spec
from tools.generate import check
from tools.openapi import vendored
from tools.openapi.loading import UnusableDocumentError, sha256
from tools.openapi.names_file import NamesFile
from tools.surface import UnreadableTagError, breakages, last_release
from tools.update_spec import Tree, UpdateError, main, update

from .test_models_travel import PROPERTIES

SENDERS = "/v1/projects/{project_id}/rcs/senders"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Copy the parts of the checkout that an update touches or reads."""
    for name in ("openapi", "generated", "src/sinch_provisioning"):
        shutil.copytree(
            vendored.ROOT / name, tmp_path / "tree" / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    return Tree(tmp_path / "tree")


@pytest.fixture
def revised(tmp_path: Path) -> Callable[[Callable[[Any], object]], Path]:
    """Write a revision of the vendored document."""

    def write(edit: Callable[[Any], object]) -> Path:
        data = yaml.safe_load(vendored.VENDORED.read_text("utf-8"))
        edit(data)
        path = tmp_path / "revised.yaml"
        path.write_text(yaml.safe_dump(data, sort_keys=False))
        return path

    return write


def add(document: Any) -> None:
    """Revise as an API grows: a channel, properties, an enum, paging, a typed 429; by names no real revision has."""
    ok = {
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SenderList"}}},
        "description": "",
    }
    error = {
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/PigeonProblem"}}},
        "description": "",
    }
    paging = [{"name": "pigeonSize", "in": "query", "schema": {"type": "integer"}}]
    project = {"$ref": "#/components/parameters/ProjectId"}
    schemas, listing = document["components"]["schemas"], document["paths"][SENDERS]["get"]
    document["info"]["version"] = "9.9"
    document["paths"]["/v1/projects/{project_id}/pigeon/senders"] = {
        "get": {
            "operationId": "listPigeonSenders",
            "parameters": [project],
            "responses": {"200": ok, "429": error},
        }
    }
    schemas["PigeonTone"] = {"type": "string", "enum": ["WARM", "COOL"]}
    schemas["PigeonProblem"] = {"type": "object", "properties": {"errorCode": {"type": "string"}}}
    schemas["CreateRcsSenderRequest"]["properties"]["pigeonTone"] = {
        "$ref": "#/components/schemas/PigeonTone"
    }
    schemas["RcsSenderList"]["properties"]["nextPigeon"] = {"type": "string"}
    listing["parameters"] = [*listing["parameters"], *paging]
    listing["responses"].setdefault("429", error)


def snapshot(tree: Tree) -> dict[str, bytes]:
    """Remember every file of a tree."""
    files = (path for path in tree.root.rglob("*") if path.is_file())
    return {path.relative_to(tree.root).as_posix(): path.read_bytes() for path in files}


def test_additions_are_taken_in(tree: Tree, revised: Callable[..., Path]) -> None:
    """Document, sum and package fit each other afterwards, and what the facade lacks is named."""
    lines = update(tree, revised(add)).splitlines()
    assert "compatible  CreateRcsSenderRequest.pigeonTone  request property added  [request]" in lines
    assert "minor" in lines
    assert "listPigeonSenders (list_pigeon_senders)" in "\n".join(lines).split("no facade method reaches:")[1]
    assert lines[-1] == "gone, but needed by the facade: nothing"
    assert check(tree.generated, tree.spec, tree.source) == []
    source = tree.source.read_text("utf-8")
    assert f"sha256:     {sha256(tree.spec)}\n" in source
    assert "version:    9.9\n" in source
    assert "origin:     a third party's" in source
    assert "pigeon_tone" in tree.schema.read_text("utf-8")
    assert sorted(path.name for path in tree.root.iterdir()) == ["generated", "openapi", "src"]


def test_additions_are_usable_as_they_are(tree: Tree, revised: Callable[..., Path]) -> None:
    """New properties, parameters and operations work through the generated layer, errors stay untyped."""
    update(tree, revised(add))
    code = (
        "import asyncio, httpx, sinch_provisioning_api as low, sinch_provisioning_api.api as api\n"
        "def answer(request):\n"
        "    assert request.url.query in (b'pigeonSize=5', b''), request.url\n"
        "    if request.url.path.endswith('pigeon/senders'): return httpx.Response(429, json={'errorCode': 'x'})\n"
        "    return httpx.Response(200, json={'nextPigeon': 'n'})\n"
        "client = low.Client(httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url='http://x'))\n"
        "body = low.models.CreateRcsSenderRequest('a', pigeon_tone='NEWER')\n"
        "assert body.to_dict() == {'displayName': 'a', 'pigeonTone': 'NEWER'}\n"
        "assert 'pigeon_size' in api.ListRcsSendersArguments.__annotations__\n"
        "assert 'pigeon_tone' in api.CreateRcsSenderArguments.__annotations__\n"
        "assert asyncio.run(api.list_rcs_senders(client, 'p', pigeon_size=5)).next_pigeon == 'n'\n"
        "assert low.OPERATIONS['listRcsSenders'].response_model is low.models.RcsSenderList\n"
        "try: asyncio.run(api.list_pigeon_senders(client, 'p'))\n"
        "except low.StatusError as error: assert error.status_code == 429\n"
    )
    run(tree, code)


def test_additions_reach_the_facade(tree: Tree, revised: Callable[..., Path]) -> None:
    """The facade takes new properties and parameters as keywords, with no edit in its source."""
    update(tree, revised(add))
    code = (
        "import asyncio, httpx, json\n"
        "from sinch_provisioning import BearerToken, ProvisioningClient\n"
        "seen = []\n"
        "def answer(request):\n"
        "    seen.append(request)\n"
        "    return httpx.Response(200, json={'id': 'x', 'displayName': 'a'} if request.content else {'senders': []})\n"
        "async def use():\n"
        "    transport = httpx.MockTransport(answer)\n"
        "    async with ProvisioningClient(\n"
        "        project_id='p', credentials=BearerToken('t'), transport=transport, base_url='https://api.example'\n"
        "    ) as sinch:\n"
        "        await sinch.rcs.create(display_name='a', pigeon_tone='WARM')\n"
        "        await sinch.rcs.list(pigeon_size=5)\n"
        "asyncio.run(use())\n"
        "assert json.loads(seen[0].content) == {'displayName': 'a', 'pigeonTone': 'WARM'}, seen[0].content\n"
        "assert seen[1].url.query == b'pigeonSize=5', seen[1].url\n"
    )
    run(tree, code)


def add_properties(document: Any) -> None:
    """Add a property of each kind to an RCS sender, also where it is created and updated."""
    for name in ("RcsSender", "CreateRcsSenderRequest", "UpdateRcsSenderRequest"):
        document["components"]["schemas"][name]["properties"].update(PROPERTIES)


ANY_KIND = """
import asyncio, datetime as dt, httpx, sys
from fastapi import FastAPI
from sinch_provisioning import BasicCredentials, ProvisioningClient
from sinch_provisioning.desired import DesiredProject, DesiredSender, DesiredState, plan
from sinch_provisioning.durable import enqueue, standings
from sinch_provisioning.fastapi import RcsSenderResponse
from sinch_provisioning_emulator import Emulator

DATABASE = "sqlite:///" + sys.argv[2]
GIVEN = dict(remark=None, snake_case="x", tags=["a"], day=dt.date(2024, 1, 2), tier="GOLD", owner={"full_name": "Ada"})

def app_of(sender):
    app = FastAPI()

    @app.get("/sender")
    def route() -> RcsSenderResponse:
        return sender

    return app

async def main():
    emulator = Emulator(spec=sys.argv[1])
    async with ProvisioningClient(
        project_id=emulator.project_id,
        credentials=BasicCredentials(emulator.key_id, emulator.key_secret),
        base_url=emulator.base_url,
        transport=emulator.transport(),
    ) as sinch:
        for _ in range(2):
            sender = await sinch.rcs.ensure(display_name="Acme", **GIVEN)
        assert (sender.day, sender.tier, sender.owner.full_name) == (GIVEN["day"], "GOLD", "Ada"), sender
        assert (sender.remark, sender.snake_case, sender.tags) == (None, "x", ["a"]), sender
        sender = await sinch.rcs.update(sender.id, remark="fine", tags=["b"])
        assert (sender.remark, sender.tags, sender.day) == ("fine", ["b"], GIVEN["day"]), sender
        assert [each.method for each in emulator.requests] == ["GET", "POST", "GET", "PATCH"], emulator.requests
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app_of(sender)), base_url="http://x") as http:
            shown = (await http.get("/sender")).json()
        assert (shown["day"], shown["snake_case"], shown["owner"]) == ("2024-01-02", "x", {"fullName": "Ada"}), shown
        fields = {"display_name": "Acme", **GIVEN, "remark": "fine", "tags": ["b"]}
        state = DesiredState([DesiredProject([DesiredSender("rcs", fields, launch=False)])])
        (change,) = (await plan(sinch, state)).changes
        assert (change.actions, change.problem) == ((), None), change
        another = DesiredSender("rcs", fields | {"display_name": "B"}, launch=True)
        ordered = await enqueue(sinch, DesiredState([DesiredProject([another])]), DATABASE)
        assert len(ordered.new) == 1, ordered
        assert [each.state for each in await standings(DATABASE)] == ["queued"]
        stored = DesiredSender.from_json("rcs", another.to_json())
        assert (await sinch.rcs.ensure(**stored.arguments())).day == GIVEN["day"]

asyncio.run(main())
"""


def test_properties_of_any_kind_work_everywhere(
    tree: Tree, tmp_path: Path, revised: Callable[..., Path]
) -> None:
    """Facade, FastAPI, desired state and durable orders take nullable, nested, date and snake_case ones and more."""
    update(tree, revised(add_properties))
    run(tree, ANY_KIND, str(tree.spec), str(tmp_path / "orders.sqlite"))


def run(tree: Tree, code: str, *arguments: str) -> None:
    """Run code in an interpreter that imports a tree's packages."""
    folders = [str(tree.generated.parent), str(tree.root / "src")]
    environment = {"PYTHONPATH": os.pathsep.join(folders), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_methods_without_an_operation_are_named(tree: Tree, revised: Callable[..., Path]) -> None:
    """A removed operation breaks, and the facade's method that needs it is told by name and place."""
    text = update(
        tree, revised(lambda document: document["paths"][f"{SENDERS}/{{sender_id}}/launch"].clear())
    )
    assert "breaking  launchRcsSender  operation removed" in text
    assert "gone, but needed by the facade" in text
    assert "RcsSenders.launch needs launchRcsSender (sinch_provisioning/channels/rcs.py:" in text


def rename(document: Any) -> None:
    """Rename operations and a schema, as a server's framework does from one version to the next."""
    paths, schemas = document["paths"], document["components"]["schemas"]
    for path in (SENDERS, f"{SENDERS}/{{sender_id}}", f"{SENDERS}/{{sender_id}}/launch"):
        for method, operation in paths[path].items():
            if isinstance(operation, dict):
                operation["operationId"] = f"Controller_{method}_{path.count('/')}_v2"
    schemas["RcsSenderDtoV2"] = schemas.pop("RcsSender")
    text = json.dumps(document).replace('schemas/RcsSender"', 'schemas/RcsSenderDtoV2"')
    document.update(json.loads(text))


def test_renaming_breaks_nobody(tree: Tree, revised: Callable[..., Path]) -> None:
    """Other operationIds and another name of a schema leave coroutines and classes as they were."""
    exports = facade_coverage.exported(tree.generated)
    text = update(tree, revised(rename))
    assert "breaking" not in text
    assert "renamed:\n" in text
    assert "launchRcsSender is now Controller_post_7_v2, still launch_rcs_sender()" in text
    assert "RcsSender is now RcsSenderDtoV2, still the class RcsSender" in text
    assert text.endswith("gone, but needed by the facade: nothing")
    assert facade_coverage.exported(tree.generated) == exports
    assert check(tree.generated, tree.spec, tree.source) == []
    run(tree, "import sinch_provisioning")
    names = NamesFile.beside(tree.spec)
    assert names.schemas == {"RcsSenderDtoV2": "RcsSender"}
    text = update(tree, revised(lambda document: None))
    assert "Controller_post_7_v2 is now launchRcsSender" in text
    assert "RcsSenderDtoV2 is now RcsSender," in text
    assert facade_coverage.exported(tree.generated) == exports


def test_types_that_are_gone_are_named(tree: Tree, revised: Callable[..., Path]) -> None:
    """A removed request body is named with the places that import its class."""

    def remove(document: Any) -> None:
        document["paths"][SENDERS]["post"].pop("requestBody")
        document["components"]["schemas"].pop("CreateRcsSenderRequest")

    gone = update(tree, revised(remove)).split("gone, but needed by the facade")[1]
    assert "needs CreateRcsSenderRequest (sinch_provisioning/" in gone


def test_the_other_api_is_updated_in_the_same_way(tmp_path: Path, tree: Tree) -> None:
    """Five operationIds, a schema and a nested property of version 1.2 change, and every name stays."""
    api = vendored.APIS["1.2"]
    other = Tree(tree.root, api)
    exports = facade_coverage.exported(other.generated)
    text = api.spec.read_text("utf-8").replace("RcsSendersController_", "RcsSenderController_", 5)
    document = yaml.safe_load(text.replace("RcsSenderDto", "RcsSenderResponse"))
    brand = document["components"]["schemas"]["RcsSenderDetailsBrandInputDto"]["properties"]
    brand["slogan"] = {"type": "string"}
    spec = tmp_path / "revision.yaml"
    spec.write_text(yaml.safe_dump(document, sort_keys=False))
    report = update(other, spec)
    assert "breaking" not in report
    assert report.count(" is now ") == 6
    unreached = report.partition("no facade method reaches")[2].partition("gone, but")[0]
    assert unreached.strip() == ": ConversationTelegramController_get_v1 (get_telegram_bot)"
    assert "compatible  RcsSenderDetailsBrandInputDto.slogan  request property added" in report
    assert facade_coverage.exported(other.generated) == exports
    assert check(other.generated, other.spec, other.source) == []
    assert check(tree.generated, tree.spec, tree.source) == []
    run(tree, "from sinch_provisioning_v1_2_api.models import *; BrandDetailsInput(slogan='x'); RcsSender")
    code = (
        "import asyncio, sinch_provisioning\n"
        "from sinch_provisioning import LaunchNotReadyError, OAuth2ClientCredentials\n"
        "from sinch_provisioning.v1_2 import ProvisioningClient\n"
        "from sinch_provisioning_emulator import Emulator\n"
        f"assert sinch_provisioning.__file__.startswith({str(tree.root)!r})\n"
        f"emulator = Emulator(api='1.2', spec={str(spec)!r})\n"
        "fields = {'region': 'EU', 'billing_category': 'CONVERSATIONAL', 'use_case': 'OTP'}\n"
        "fields['details'] = {'brand': {'name': 'Acme', 'slogan': 'x'}}\n"
        "async def use():\n"
        "    credentials = OAuth2ClientCredentials(emulator.key_id, emulator.key_secret)\n"
        "    async with ProvisioningClient(\n"
        "        project_id='p', credentials=credentials, transport=emulator.transport(), clock=emulator.clock\n"
        "    ) as sinch:\n"
        "        sender = await sinch.rcs.ensure(**fields)\n"
        "        assert emulator.senders[sender.id].fields['details']['brand'] == {'name': 'Acme', 'slogan': 'x'}\n"
        "        assert (await sinch.rcs.get(sender.id)).state == 'DRAFT'\n"
        "        assert await sinch.rcs.list() == [sender]\n"
        "        await sinch.rcs.update(sender.id, details={'brand': {'description': 'y'}})\n"
        "        try: await sinch.rcs.launch(sender.id)\n"
        "        except LaunchNotReadyError as error: assert 'details.countries' in str(error)\n"
        "        else: raise AssertionError\n"
        "asyncio.run(use())\n"
    )
    run(tree, code)


@pytest.mark.parametrize("step", ["read", "generate", "import", "place", "interrupt"])
def test_a_failure_leaves_the_tree_as_it_was(
    step: str, tree: Tree, revised: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever fails, and whenever, no byte has changed and nothing is left lying about."""
    before = snapshot(tree)
    spec = revised(add)
    put = Tree.put
    done: list[Path] = []

    def fail(*_: object) -> None:
        raise UpdateError(step)

    def fail_at_the_last(self: Tree, fresh: Path, target: Path, scratch: Path) -> None:
        if target == self.generated:
            raise KeyboardInterrupt if step == "interrupt" else OSError(step)
        put(self, fresh, target, scratch)
        done.append(target)

    if step == "read":
        spec.write_text("openapi: 3.1.0")
    elif step == "generate":
        monkeypatch.setattr(update_spec, "generate", fail)
    elif step == "import":
        monkeypatch.setattr(update_spec, "_try_import", fail)
    else:
        monkeypatch.setattr(Tree, "put", fail_at_the_last)
    with pytest.raises((UpdateError, UnusableDocumentError, OSError, KeyboardInterrupt)):
        update(tree, spec)
    assert snapshot(tree) == before
    assert sorted(path.name for path in tree.root.iterdir()) == ["generated", "openapi", "src"]
    assert len(done) == (2 if step in {"place", "interrupt"} else 0)


def test_the_command_fails_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is no document is said to be none."""
    bad = tmp_path / "bad.yaml"
    bad.write_text("- no document")
    assert main([str(bad)]) == 2
    assert capsys.readouterr().err.splitlines()[0].endswith("expected an OpenAPI document, not a list")


# --- public names


def git(folder: Path, *words: str) -> None:
    """Run git on a repository of its own."""
    settings = ("-c", "user.name=t", "-c", "user.email=t@t.example", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *settings, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """Make a repository with one release."""
    package = tmp_path / "src" / "thing"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        "def call(name, *, wait=False): ...\n\ndef gone(): ...\n\nclass Model:\n    size = 1\n    def show(self): ...\n"
    )
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    assert last_release(tmp_path) == ""
    git(tmp_path, "tag", "v1.0.0")
    git(tmp_path, "tag", "nightly")
    return tmp_path


def test_broken_names_are_named(released: Path) -> None:
    """What was public at the last release and is no more, or takes other arguments, has a line."""
    assert last_release(released) == "v1.0.0"
    packages = [("thing", "src")]
    assert breakages(released, "v1.0.0", packages) == []
    module = released / "src" / "thing" / "__init__.py"
    module.write_text("def call(name, key, *, wait): ...\n\nclass Model:\n    size = 1\n    new = 2\n")
    lines = {one.line() for one in breakages(released, "v1.0.0", packages)}
    assert lines == {
        "breaking  thing.call  parameter was added as required: key",
        "breaking  thing.call  parameter is now required: wait",
        "breaking  thing.gone  public object was removed",
        "breaking  thing.Model.show  public object was removed",
    }


def test_younger_packages_cannot_break(released: Path) -> None:
    """A package that the release did not have is passed over; a tag that is none is an error."""
    fresh = released / "src" / "other"
    fresh.mkdir()
    (fresh / "__init__.py").touch()
    assert breakages(released, "v1.0.0", [("other", "src")]) == []
    with pytest.raises(UnreadableTagError):
        breakages(released, "v9", [("thing", "src")])
