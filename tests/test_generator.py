"""The generator on documents of other APIs: every operation, every style, and a word on what had to go."""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from email.parser import BytesParser
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from tools.generate import main
from tools.openapi.document import Document
from tools.openapi.loading import UnusableDocumentError
from tools.openapi.vendored import ROOT

SPECS = Path(__file__).parent / "specs"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], ModuleType]]:
    """Generate and import the packages of test documents, each once."""
    folder = tmp_path_factory.mktemp("built")
    sys.path.insert(0, str(folder))
    made: dict[str, ModuleType] = {}

    def build(name: str) -> ModuleType:
        package = f"api_{name.split('.', maxsplit=1)[0]}"
        if name not in made:
            assert main(["--spec", str(SPECS / name), "--out", str(folder), "--package", package]) == 0
            made[name] = importlib.import_module(package)
        return made[name]

    yield build
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.startswith("api_")]:
        del sys.modules[name]


@pytest.fixture
def kennel(built: Callable[[str], ModuleType]) -> Any:
    """The package of a 3.0 document."""
    return built("kennel.yaml")


@pytest.fixture
def ledger(built: Callable[[str], ModuleType]) -> Any:
    """The package of a 3.1 document."""
    return built("ledger.json")


def operation(package: Any, name: str) -> Any:
    """Find a coroutine by its operationId."""
    return package.OPERATIONS[name].function


class Server:
    """Records requests and answers all of them alike."""

    def __init__(self, package: Any, status: int = 200, **response: Any) -> None:
        self.seen: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            self.seen.append(request)
            return httpx.Response(status, **response)

        http = httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="https://api.example")
        self.client = package.Client(http)

    @property
    def last(self) -> httpx.Request:
        """The last request."""
        return self.seen[-1]


@pytest.mark.parametrize("name", [path.name for path in sorted(SPECS.iterdir())])
def test_no_operation_is_dropped(name: str, built: Callable[[str], ModuleType]) -> None:
    """OPERATIONS has as many operations as the document, all of them coroutines with their own name."""
    package: Any = built(name)
    assert len(package.OPERATIONS) == len(list(Document.load(SPECS / name).operations()))
    functions = [one.function for one in package.OPERATIONS.values()]
    assert all(inspect.iscoroutinefunction(one) for one in functions)
    api = importlib.import_module(f"{package.__name__}.api")
    assert all(getattr(api, one.__name__) is one for one in functions)


@pytest.mark.timeout(600)  # a cold type checker reads half of site-packages, on a busy machine slowly
def test_both_type_checkers_are_content(tmp_path: Path) -> None:
    """What is generated passes mypy --strict and pyright strict; one run each, for starting them is what costs."""
    names = [path.stem for path in SPECS.iterdir()]
    for path in SPECS.iterdir():
        assert main(["--spec", str(path), "--out", str(tmp_path), "--package", path.stem]) == 0
    packages = [word for name in names for word in ("-p", name)]
    cache = ["--cache-dir", str(ROOT / ".mypy_cache" / "specs")]
    run_checker([sys.executable, "-m", "mypy", "--strict", "--config-file=", *cache, *packages], tmp_path)
    settings = {"include": names, "typeCheckingMode": "strict", "pythonVersion": "3.11"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    run_checker(
        [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "-p", str(tmp_path)], tmp_path
    )


def run_checker(command: list[str], folder: Path) -> None:
    """Run a type checker and show what it has to say where it is not content."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_losses_are_named_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each loss is a warning with its place; the last line counts them."""
    main(["--spec", str(SPECS / "kennel.yaml"), "--out", str(tmp_path), "--package", "x"])
    *warnings, last = capsys.readouterr().out.splitlines()
    assert last.endswith(f"{len(warnings)} warnings")
    assert all(line.startswith("warning: #/") for line in warnings)
    text = "\n".join(warnings)
    assert "#/paths/~1pets/post/requestBody: the media type application/xml is ignored" in text
    assert "the callback 'done' is skipped" in text
    assert "'format' is not declared" in text


# --- parameters


async def test_query_styles(kennel: Any) -> None:
    """Arrays, objects and scalars are written as the document says."""
    server = Server(kennel, json=[])
    await operation(kennel, "listPets")(
        server.client,
        limit=5,
        status=["sold!", "new"],
        ids=[1, 2],
        filter_=kennel.models.Filter(owner="a&b", ages=[1, 2], range_=kennel.models.FilterRange(low=0.5)),
        born_after=date(2020, 2, 1),
        from_="x",
        tags=["a", "b"],
        where={"a": "b"},
    )
    assert parse_qsl(server.last.url.query.decode()) == [
        ("limit", "5"),
        ("status", "sold!"),
        ("status", "new"),
        ("ids", "1,2"),
        ("filter[owner]", "a&b"),
        ("filter[ages]", "1"),
        ("filter[ages]", "2"),
        ("filter[range][low]", "0.5"),
        ("born_after", "2020-02-01"),
        ("from", "x"),
        ("tags", "a|b"),
        ("where", '{"a":"b"}'),
    ]


async def test_headers_and_cookies(kennel: Any) -> None:
    """A path item's header reaches the wire, as does a cookie; a header can't break out of its line."""
    server = Server(kennel, json=[])
    name = uuid.UUID("12345678-1234-5678-1234-567812345678")
    await operation(kennel, "listPets")(server.client, x_request_id=name, session="a;b=c")
    assert server.last.headers["X-Request-Id"] == str(name)
    assert server.last.headers["Cookie"] == "session=a%3Bb=c"
    with pytest.raises(kennel.InvalidArgumentError):
        await operation(kennel, "listPets")(server.client, x_request_id="a\r\nb")
    await operation(kennel, "listPets")(server.client)
    assert "Cookie" not in server.last.headers
    assert server.last.url.query == b""


async def test_path_parameters(kennel: Any, ledger: Any) -> None:
    """Ids of any type go in, several in one segment, arrays in their style; dotted ones are refused."""
    server = Server(kennel, json={"id": 1, "kind": "kitty", "lives": 9})
    await operation(kennel, "getPet")(server.client, 7)
    assert server.last.url.raw_path == b"/pets/7"
    server = Server(kennel, json={})
    await operation(kennel, "import")(server.client, "a", "x.y", body=kennel.models.ImportBody("me"))
    assert server.last.url.raw_path == b"/sign/a/in.x.y"
    server = Server(ledger, content=b"null")
    await operation(ledger, "get_accounts_id_path")(server.client, "i", ["a", "b c"])
    assert server.last.url.raw_path == b"/accounts/i/.a.b%20c"
    for bad in ([], [".."], ["a/b"]):
        with pytest.raises(ledger.InvalidArgumentError):
            await operation(ledger, "get_accounts_id_path")(server.client, "i", bad)


async def test_names_that_clash(ledger: Any) -> None:
    """Parameters that would shadow each other, or Python's words, are told apart; the wire has their own names."""
    server = Server(ledger, content=b"null")
    function = operation(ledger, "get_accounts_id_path")
    assert list(inspect.signature(function).parameters)[:3] == ["client", "id", "path"]
    await function(server.client, "i", ["p"], id_query="q", body_query=True, client_query=None)
    assert parse_qsl(server.last.url.query.decode()) == [("Id", "q"), ("body", "true")]


# --- bodies


async def test_forms(kennel: Any) -> None:
    """A form repeats arrays and writes objects in their style."""
    server = Server(kennel, json={})
    body = kennel.models.ImportBody("me", password="p&", scopes=["a", "b"], metadata={"k": "v"})
    assert "p&" not in repr(body)
    await operation(kennel, "import")(server.client, "a", "f", body=body)
    assert server.last.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qsl(server.last.content.decode()) == [
        ("user", "me"),
        ("password", "p&"),
        ("scopes", "a"),
        ("scopes", "b"),
        ("metadata[k]", "v"),
    ]


async def test_multipart(kennel: Any) -> None:
    """Files, texts and objects are parts with their own types."""
    server = Server(kennel, json=1)
    file, more = (
        kennel.FileContent(b"\x00\xff", "a.png"),
        [kennel.FileContent(b"1"), kennel.FileContent(b"2")],
    )
    body = kennel.models.AddPhotoBody(file, more=more, caption="c", meta=kennel.models.Filter(owner="o"))
    assert await operation(kennel, "addPhoto")(server.client, 7, body=body) == 1
    head = f"Content-Type: {server.last.headers['Content-Type']}\r\n\r\n".encode()
    parts: Any = BytesParser().parsebytes(head + server.last.content).get_payload()
    found = [
        (
            part.get_param("name", header="content-disposition"),
            part.get_content_type(),
            part.get_payload(decode=True),
        )
        for part in parts
    ]
    assert found == [
        ("file", "image/png", b"\x00\xff"),
        ("more", "application/octet-stream", b"1"),
        ("more", "application/octet-stream", b"2"),
        ("caption", "text/plain", b"c"),
        ("meta", "application/json", b'{"owner":"o"}'),
    ]
    await operation(kennel, "addPhoto")(server.client, 7)
    assert server.last.content == b""


async def test_raw_bodies_and_replies(kennel: Any, ledger: Any) -> None:
    """Bytes and text go out and come in as they are."""
    server = Server(kennel, text="thanks")
    assert await operation(kennel, "uploadPhoto")(server.client, 7, body=b"\x00") == "thanks"
    assert (server.last.content, server.last.headers["Accept"]) == (b"\x00", "text/plain")
    assert server.last.headers["Content-Type"] == "application/octet-stream"
    with pytest.raises(kennel.InvalidArgumentError):
        await operation(kennel, "uploadPhoto")(server.client, 7, body="text")
    server = Server(kennel, content=b"\xff")
    assert await operation(kennel, "getPhoto")(server.client, 7) == b"\xff"
    server = Server(ledger, json=[1])
    assert await operation(ledger, "list_2")(server.client, body="a,é") == [1]
    assert server.last.content == "a,é".encode()


async def test_json_of_any_shape(ledger: Any) -> None:
    """A body may be an array, a reply a mapping of alternatives."""
    models = ledger.models
    server = Server(ledger, json={"a": {"type": "Closed", "at": "2020-01-01T00:00:00Z"}, "b": {"type": "?"}})
    found = await operation(ledger, "sendEvents")(server.client, body=[models.Opened("Opened")])
    assert json.loads(server.last.content) == [{"type": "Opened"}]
    assert found["a"] == models.Closed("Closed", datetime(2020, 1, 1, tzinfo=UTC))
    assert type(found["b"]) is ledger.UnknownObject
    assert found["b"] == {"type": "?"}
    assert "?" not in repr(found["b"])


async def test_several_success_statuses(kennel: Any) -> None:
    """Each documented 2xx is read as its own type, an undocumented one as the first."""
    cat = {"id": 1, "kind": "cat", "lives": 9}
    create, body = operation(kennel, "create_pet"), "any"
    assert (await create(Server(kennel, 201, json=cat).client, body=body)).lives == 9
    assert (await create(Server(kennel, 200, json=cat).client, body=body)).lives == 9
    assert (await create(Server(kennel, 202, json={"state": "on"}).client, body=body)).state == "on"
    assert await create(Server(kennel, 204).client, body=body) is None
    with pytest.raises(kennel.StatusError):
        await create(Server(kennel, 404, json=cat).client, body=body)
    with pytest.raises(kennel.DecodeError):
        await operation(kennel, "getPet")(Server(kennel, 200, json=5).client, 7)


# --- models


def test_discriminators_choose(kennel: Any) -> None:
    """The tag decides, by its mapping or by the schema's name; what it does not know is tried in turn."""
    parse = importlib.import_module(f"{kennel.__name__}.api.pets.get_pet")._parse
    for kind, name in (("kitty", "Cat"), ("Cat", "Cat"), ("dog", "Dog"), ("Dog", "Dog")):
        data = {"id": 1, "kind": kind, "lives": 9, "bark": True}
        reply = kennel.Reply(200, httpx.Headers(), json.dumps(data).encode())
        assert type(parse(reply)).__name__ == name
    reply = kennel.Reply(200, httpx.Headers(), b'{"id": 1, "kind": "bird", "bark": false}')
    assert type(parse(reply)).__name__ == "Dog"


def test_null_and_absent_differ_on_the_wire(ledger: Any, kennel: Any) -> None:
    """A nullable optional property is sent as null where None was given, and not sent where nothing was."""
    body = ledger.models.PatchBody(5)
    assert body.owner is None
    assert body.to_dict() == {"limit": 5}
    assert ledger.models.PatchBody(5, owner=None).to_dict() == {"limit": 5, "owner": None}
    body.owner = None
    assert body.to_dict() == {"limit": 5, "owner": None}
    for data in ({"limit": 1}, {"limit": 1, "owner": None}, {"limit": 1, "owner": "x"}):
        assert ledger.models.PatchBody.from_dict(data).to_dict() == data
    assert "absent" not in repr(body)
    dog = kennel.models.Dog.from_dict({"id": 1, "kind": "dog", "name": None, "anything": None})
    assert dog.to_dict() == {"id": 1, "kind": "dog", "name": None, "anything": None}


def test_secrets_are_known_by_name_and_format(ledger: Any) -> None:
    """An API key is masked, a mapping of credentials wrapped."""
    body = ledger.models.PatchBody(5, api_key="hidden", credentials={"a": "hidden"})
    assert "hidden" not in repr(body)
    assert ledger.is_secret_name("apiKey")
    assert body.to_dict()["credentials"] == {"a": "hidden"}
    assert type(body.credentials) is ledger.SecretMapping


def test_odd_property_names_keep_their_wire_names(kennel: Any) -> None:
    """Keywords, builtins, our own methods and twins are attributes under a name of their own."""
    data = {
        "id": 1,
        "kind": "cat",
        "lives": 1,
        "from": "a",
        "list": [["b"]],
        "field": "c",
        "uuid": "12345678-1234-5678-1234-567812345678",
        "dt": "2020-01-01T00:00:00+00:00",
        "property": "d",
        "to_dict": "e",
        "additional_properties": {"f": 1},
        "foo-bar": "g",
        "foo_bar": "h",
        "$odd": 2,
        "other": True,
    }
    cat = kennel.models.Cat.from_dict(data)
    assert (cat.from_, cat.list_, cat.foo_bar, cat.foo_bar_2, cat.odd) == ("a", [["b"]], "g", "h", 2)
    assert cat.additional_properties == {"other": True}
    assert cat.to_dict() == data


def test_circles_of_models_round_trip(kennel: Any, ledger: Any) -> None:
    """Models may hold each other to any depth."""
    person = {
        "name": "a",
        "n": 1,
        "boss": {"name": "b", "pets": [{"id": 1, "kind": "dog", "owner": {"name": "c"}}]},
    }
    assert kennel.models.Person.from_dict(person).to_dict() == person
    with pytest.raises(kennel.SchemaMismatchError, match=r"Person\.\*"):
        kennel.models.Person.from_dict({"other": "text"})
    owner = {"accounts": [{"id": "a", "balance": None, "owner": {"accounts": []}}], "kind": "new kind"}
    assert ledger.models.Owner.from_dict(owner).to_dict() == owner
    entry = {
        "at": "2020-01-01T00:00:00+00:00",
        "debit": 5,
        "self": {"at": "2020-01-01T00:00:00+00:00", "credit": 1},
    }
    account = ledger.models.Account.from_dict({"id": "a", "balance": "1.5", "entries": [entry]})
    assert account.entries[0].debit == 5
    assert account.to_dict()["entries"] == [entry]


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({"kind": "x", "lives": 1}, "Cat.id"),
        ({"id": True, "kind": "x", "lives": 1}, "Cat.id"),
        ({"id": 1.5, "kind": "x", "lives": 1}, "Cat.id"),
        ({"id": 1, "lives": 1}, "Cat.kind"),
        ({"id": 1, "kind": "x", "lives": "1"}, "Cat.lives"),
        ({"id": 1, "kind": "x", "lives": 1, "born": "yesterday"}, "Cat.born"),
        ({"id": 1, "kind": "x", "lives": 1, "tag": "no-uuid"}, "Cat.tag"),
        ({"id": 1, "kind": "x", "lives": 1, "list": [["a", 1]]}, "Cat.list"),
    ],
)
def test_models_are_strict(kennel: Any, data: dict[str, object], place: str) -> None:
    """What is missing or of another type is named by its place."""
    # `id` is read-only and the model serves requests too: there it may be missing.
    if place == "Cat.id" and "id" not in data:
        assert kennel.models.Cat.from_dict(data).id is None
        return
    with pytest.raises(kennel.SchemaMismatchError, match=place.replace(".", r"\.")):
        kennel.models.Cat.from_dict(data)


# --- documents that won't do


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected an OpenAPI document, not nothing"),
        ("[]", "expected an OpenAPI document, not a list"),
        ("a: b: c", "not YAML at line 1"),
        ("a: 1\na: 2", "the key 'a' is used twice"),
        ("{}", "the openapi version is missing"),
        ("swagger: '2.0'", "version 2.0 is not supported"),
        ("openapi: 4.0.0\ninfo: {}\npaths: {}", "'4.0.0' is not supported"),
        ("openapi: 3.1.0\ninfo: {}", "paths: expected an object"),
        ("openapi: 3.1.0\ninfo: {}\npaths: {/a: 5}", "#/paths/~1a: expected an object"),
        ("openapi: 3.1.0\ninfo: {}\npaths: {/a: {get: []}}", "#/paths/~1a/get: expected an object"),
        (
            "openapi: 3.1.0\ninfo: {}\npaths: {/a: {$ref: '#/nowhere'}}",
            "#/paths/~1a/$ref: '#/nowhere' does not resolve",
        ),
        (
            "openapi: 3.1.0\ninfo: {}\npaths: {/a: {$ref: 'other.yaml#/x'}}",
            "'other.yaml#/x' is in another file",
        ),
    ],
)
def test_unusable_documents_say_what_and_where(
    text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, no traceback, and nothing is generated."""
    spec = tmp_path / "spec.yaml"
    spec.write_text(text)
    assert main(["--spec", str(spec), "--out", str(tmp_path / "out")]) == 2
    line = capsys.readouterr().err
    assert words in line
    assert line.count("\n") == 1
    assert not list(tmp_path.glob("out/*"))


def test_yaml_is_read_as_json_would_have_it(tmp_path: Path) -> None:
    """Dates, "no" and leading zeros stay what they look like; a $ref inside an example is data."""
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "openapi: 3.0.3\ninfo: {version: 1.0, x: [2020-01-01, no, 010, 1e3]}\n"
        "paths: {/a: {get: {responses: {200: {description: ok, content: {a/b: {example: {$ref: x}}}}}}}}\n"
    )
    data: Any = Document.load(spec).data
    assert data["info"]["x"] == ["2020-01-01", "no", 10, 1000.0]
    assert "200" in data["paths"]["/a"]["get"]["responses"]
    with pytest.raises(UnusableDocumentError, match="No such file"):
        Document.load(tmp_path / "none.yaml")


def test_a_failure_leaves_the_old_package(tmp_path: Path) -> None:
    """A document that won't do costs nobody what was generated before."""
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "old.py").touch()
    bad = tmp_path / "bad.yaml"
    bad.write_text("openapi: 3.1.0")
    assert main(["--spec", str(bad), "--out", str(tmp_path), "--package", "x"]) == 2
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["old.py"]
    assert main(["--spec", str(SPECS / "ledger.json"), "--out", str(tmp_path), "--package", "x"]) == 0
    assert not (tmp_path / "x" / "old.py").exists()


def test_multipart_of_another_kind_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A multipart body that is not form-data is sent as one, and the maintainer hears of it."""
    spec = tmp_path / "mixed.yaml"
    schema = "{type: object, properties: {file: {type: string, format: binary}}}"
    spec.write_text(
        "openapi: 3.1.0\ninfo: {title: Mixed, version: '1'}\npaths:\n  /up:\n    post:\n      operationId: up\n"
        f"      requestBody: {{content: {{multipart/mixed: {{schema: {schema}}}}}}}\n"
        "      responses: {'204': {description: done}}\n"
    )
    assert main(["--spec", str(spec), "--out", str(tmp_path / "out"), "--package", "mixed"]) == 0
    captured = capsys.readouterr()
    assert "multipart/mixed is sent as multipart/form-data" in captured.out + captured.err


def test_words_that_no_python_file_may_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control characters, half an emoji and a tag that Python spells otherwise are in the document, not in the way."""
    operation: dict[str, Any] = {
        "tags": ["pre\u0301\u00aa"],
        "operationId": "ping",
        "summary": '\0"\ud83d"" \\',
        "responses": {"204": {"description": "done"}},
    }
    spec = tmp_path / "odd.json"
    info = {"title": "A\0P\x1bI \ud83d", "version": "1\n2"}
    spec.write_text(json.dumps({"openapi": "3.1.0", "info": info, "paths": {"/ping": {"get": operation}}}))
    assert main(["--spec", str(spec), "--out", str(tmp_path), "--package", "api_odd"]) == 0
    monkeypatch.syspath_prepend(str(tmp_path))
    package = importlib.import_module("api_odd")
    assert package.OPERATIONS["ping"].tag == operation["tags"][0]
    assert (package.__doc__ or "").startswith("API: ")
    assert package.OPERATIONS["ping"].function.__doc__.startswith('""" \\')
