"""Desired-state files: what is taken, and what is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from sinch_provisioning import ConfigurationError
from sinch_provisioning.desired import (
    DesiredFileError,
    DesiredProject,
    DesiredSender,
    SecretReference,
    load,
    schema,
)
from sinch_provisioning_api.models import CreateRcsSenderRequestFields, CreateSenderRequestFields

from .conftest import Write

SECRET = "s3cret-value"


def test_a_file_becomes_senders_by_project(tmp_path: Path, write: Write) -> None:
    """Defaults fill in, own values win, secrets are references, and files with secrets lie beside the file."""
    (tmp_path / "token").write_text(f"{SECRET}\n")
    state = load(
        write(
            "version: 1\n"
            "defaults: {rcs: {website: https://a.example, launch: true}}\n"
            "rcs:\n  - display_name: A\n  - {display_name: B, website: https://b.example, launch: false}\n"
            "projects:\n  p2:\n"
            "    credentials: {key_id: me, key_secret: {env: KEY}}\n"
            "    line:\n      - {name: L, channel_credentials: {token: {file: token}, secret: {env: KEY}}}\n"
        ),
        environment={"KEY": "k"},
    )
    own, other = state.projects
    assert own.project_id is None
    assert [(each.name, each.launch, each.fields["website"]) for each in own.senders] == [
        ("A", True, "https://a.example"),
        ("B", False, "https://b.example"),
    ]
    assert other.key_secret == SecretReference("env", "KEY")
    [line] = other.senders
    assert line.arguments({"KEY": "k"})["channel_credentials"] == {"token": SECRET, "secret": "k"}
    assert SECRET not in repr(state)


HEAD = "version: 1\n"


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        (
            HEAD + "rcs:\n  - display_name: A\n    webiste: x\n",
            "4:5",
            "'webiste'; did you mean 'website'",
        ),
        (HEAD + "rcs:\n  - display_name: 7\n", "3:5", "'display_name' must be text in quotes"),
        (HEAD + "rcs:\n  - display_name: A\n    launch: maybe\n", "4:5", "'launch' must be true or false"),
        (HEAD + "rcs:\n  - website: x\n", "3:5", "'display_name' is missing"),
        (HEAD + "rcs:\n  - display_name: ''\n", "3:5", "must not be empty"),
        (
            HEAD + "rcs:\n  - display_name: A\n  - display_name: B\n  - display_name: A\n",
            "5:5",
            "duplicate rcs sender",
        ),
        ("rcs: []\n", "1:1", "'version' is missing"),
        ("version: 2\n", "1:1", "must be 1"),
        ("- 1\n", "1:1", "the file must be a mapping"),
        ("", "1:1", "the file must be a mapping"),
        (HEAD + "projects:\n  a/b: {rcs: []}\n", "3:3", "single path segment"),
        (HEAD + "line:\n  - {name: L, channel_credentials: {token: s3cret-value}}\n", "3:37", "is a secret"),
        (
            HEAD + "line:\n  - {name: L, channel_credentials: {token: {env: NOPE}}}\n",
            "3:37",
            "NOPE is not set",
        ),
        (
            HEAD + "line:\n  - {name: L, channel_credentials: {token: {file: /no/such}}}\n",
            "3:37",
            "can't read secret file",
        ),
        (
            HEAD + "line:\n  - {name: L, channel_credentials: {token: {file: a, env: b}}}\n",
            "3:37",
            "one reference",
        ),
        (
            HEAD + "line:\n  - {name: L, channel_credentials: {token: {nev: b}}}\n",
            "3:45",
            "unknown key 'nev'",
        ),
        (HEAD + "rcs: &a [*a]\n", "2:10", "needs a complete anchor"),
    ],
)
def test_a_bad_file_is_one_line_with_its_place(write: Write, text: str, place: str, problem: str) -> None:
    """Every trouble has a line and a column and says what to do, and none repeats a secret."""
    path = write(text)
    with pytest.raises(DesiredFileError) as caught:
        load(path, environment={})
    said = str(caught.value)
    assert said.startswith(f"{path}:{place}: ")
    assert problem in said
    assert "\n" not in said
    assert SECRET not in said


def test_a_file_that_is_too_large_is_refused_unread(write: Write) -> None:
    """Five megabytes of YAML are not waited for."""
    with pytest.raises(DesiredFileError, match="1:1: larger than 4 MiB: split the file, or use JSON"):
        load(write("# " + "x" * 5_000_000))


def test_a_file_that_is_not_there_or_no_text_is_one_line_too(tmp_path: Path) -> None:
    """A missing file, a folder and bytes that are no UTF-8 are told alike."""
    (tmp_path / "binary.yaml").write_bytes(b"version: 1\n\xff\xfe")
    for name, problem in (
        ("none.yaml", "No such file"),
        (".", "directory"),
        ("binary.yaml", ":2:1: not UTF-8"),
    ):
        with pytest.raises(DesiredFileError, match=problem):
            load(tmp_path / name)


def test_secrets_in_the_file_are_taken_only_when_asked_for(write: Write) -> None:
    """An inline secret is refused by default, taken with the option, and shown by no repr."""
    path = write(HEAD + f"telegram:\n  - {{name: T, channel_credentials: {{token: {SECRET}}}}}\n")
    state = load(path, allow_inline_secrets=True)
    assert SECRET not in repr(state)
    [sender] = state
    assert sender.arguments({})["channel_credentials"] == {"token": SECRET}


def test_json_is_read_as_well(tmp_path: Path) -> None:
    """A JSON file says the same, and its mistakes have places too."""
    path = tmp_path / "senders.json"
    path.write_text(json.dumps({"version": 1, "rcs": [{"display_name": "Ünï 😀", "color": 3}]}, indent=1))
    with pytest.raises(DesiredFileError, match=r"6:4: 'color' must be text in quotes"):
        load(path)
    path.write_text(json.dumps({"version": 1, "rcs": [{"display_name": "Ünï 😀"}]}))
    assert [each.name for each in load(path)] == ["Ünï 😀"]


def test_the_published_schema_is_what_files_are_held_against() -> None:
    """The schema file is the one made of the models, is itself valid, and knows every property of a request."""
    assert schema.published() == schema.as_text()
    document = schema.document()
    Draft202012Validator.check_schema(document)
    defs = json.loads(schema.as_text())["$defs"]
    assert set(CreateRcsSenderRequestFields.__annotations__) | {"launch"} == set(defs["rcs"]["properties"])
    assert set(CreateSenderRequestFields.__annotations__) == set(defs["line"]["properties"])


def test_states_built_in_python_are_checked_like_files() -> None:
    """Nameless senders, doubled ones and launches elsewhere than on RCS are refused."""
    sender = DesiredSender("line", {"name": "L"})
    with pytest.raises(ConfigurationError, match="called 'L'"):
        DesiredProject([sender, sender])
    with pytest.raises(ConfigurationError, match="display_name"):
        DesiredSender("rcs", {"name": "L"})
    with pytest.raises(ConfigurationError, match="only RCS"):
        DesiredSender("line", {"name": "L"}, launch=True)
