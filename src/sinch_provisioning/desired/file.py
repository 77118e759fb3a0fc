"""Reading a desired-state file: parsed, validated, its secrets resolved; or one error line with a position."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from attrs import evolve, field, frozen

from ..config import check_segment
from ..errors import ConfigurationError
from . import schema
from .kinds import DEFAULT_API, Api, Kind, kinds
from .parsing import LARGEST_JSON, LARGEST_YAML, Malformed, Positions, parse, position
from .references import PUBLIC, SecretReference, reveal
from .state import CREDENTIALS, DesiredProject, DesiredSender, DesiredState, Source

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_KINDS = {
    "string": "text in quotes",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
    "integer": "a whole number",
    "number": "a number",
}


class DesiredFileError(ConfigurationError):
    """An invalid file; the message starts with `path:line:column`, and nothing was sent."""

    def __init__(self, problem: str, *, path: str, line: int, column: int) -> None:
        super().__init__(f"{path}:{line}:{column}: {problem}")
        self.path = path
        self.line = line
        self.column = column


def load(
    path: str | os.PathLike[str],
    *,
    environment: Mapping[str, str] = os.environ,
    allow_inline_secrets: bool = False,
) -> DesiredState:
    """Read a YAML or JSON file; raises `DesiredFileError`, and `ConfigurationError` if an extra is missing.

    Paths of secret files are relative to the file. Every reference is resolved once, so that a missing secret shows
    before anything is sent.
    """
    name = os.fspath(path)
    is_json = name.lower().endswith(".json")
    text = _read(name, LARGEST_JSON if is_json else LARGEST_YAML, is_json=is_json)
    return _File(name, text, is_json, environment, allow_inline_secrets).state()


def _read(name: str, largest: int, *, is_json: bool) -> str:
    try:
        with Path(name).open("rb") as file:
            content = file.read(largest + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DesiredFileError(f"can't read the file: {reason}", path=name, line=1, column=1) from None
    if len(content) > largest:
        advice = "" if is_json else ", or use JSON, which may be larger"
        problem = f"larger than {largest // 2**20} MiB: split the file{advice}"
        raise DesiredFileError(problem, path=name, line=1, column=1)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DesiredFileError("not UTF-8 text", path=name, line=line, column=1) from None


class _Validator(Protocol):
    """The part of jsonschema used here, with types that accept any data."""

    def iter_errors(self, instance: object, /) -> Iterable[ValidationError]: ...


@frozen
class _File:
    name: str
    text: str
    is_json: bool
    environment: Mapping[str, str]
    inline: bool
    positions: Positions = field(factory=dict[tuple[str | int, ...], tuple[int, int]])

    def state(self) -> DesiredState:
        try:
            data, positions = parse(self.text, is_json=self.is_json)
        except Malformed as error:
            raise DesiredFileError(str(error), path=self.name, line=error.line, column=error.column) from None
        self._validate(data)
        self.positions.update(positions)
        return self._state(cast("dict[str, object]", data))

    def _error(self, problem: str, path: Sequence[str | int]) -> DesiredFileError:
        line, column = position(self.text, path)
        return DesiredFileError(problem, path=self.name, line=line, column=column)

    def _validate(self, data: object) -> None:
        try:
            from jsonschema import Draft202012Validator  # noqa: PLC0415 - the extra `cli`
        except ImportError:
            raise ConfigurationError(
                'a desired-state file needs the extra: pip install "sinch-provisioning[cli]"'
            ) from None
        validator = cast("_Validator", Draft202012Validator(json.loads(schema.published())))
        error = next(iter(validator.iter_errors(data)), None)
        if error is not None:
            path, problem = _described(error)
            raise self._error(problem, path)

    def _state(self, data: dict[str, object]) -> DesiredState:
        api = data.get("api", DEFAULT_API)
        defaults = cast("dict[str, dict[str, object]]", data.get("defaults", {}))
        projects = [DesiredProject(tuple(self._senders(cast("Api", api), data, (), defaults)))]
        found = cast("dict[str, dict[str, object]]", data.get("projects", {}))
        for project_id, content in found.items():
            at = ("projects", project_id)
            try:
                check_segment("a project id", project_id)
            except ConfigurationError as error:
                raise self._error(str(error), at) from None
            own = cast("Api", content.get("api", api))
            senders = tuple(self._senders(own, content, at, defaults if own == api else {}))
            project = DesiredProject(senders, project_id)
            if (key := cast("dict[str, object] | None", content.get("credentials"))) is not None:
                secrets = {
                    name: self._secret(name, value, (*at, "credentials", name)) for name, value in key.items()
                }
                project = evolve(project, key_id=secrets["key_id"], key_secret=secrets["key_secret"])
                try:
                    project.credentials(self.environment)
                except ConfigurationError as error:
                    raise self._error(str(error), (*at, "credentials")) from None
            projects.append(project)
        return DesiredState(project for project in projects if project.senders)

    def _senders(
        self,
        api: Api,
        content: Mapping[str, object],
        at: tuple[str, ...],
        defaults: Mapping[str, Mapping[str, object]],
    ) -> Iterator[DesiredSender]:
        for channel, kind in kinds(api).items():
            seen: set[str] = set()
            for index, given in enumerate(cast("list[dict[str, object]]", content.get(channel, []))):
                here: tuple[str | int, ...] = (*at, channel, index)
                sender = self._sender(kind, _filled(given, defaults.get(channel, {})), here)
                if sender.name in seen:
                    raise self._error(
                        f"duplicate {channel} sender {sender.name!r}: names must be unique, remove one",
                        (*here, *kind.key.split(".")),
                    )
                seen.add(sender.name)
                yield sender

    def _sender(self, kind: Kind, given: Mapping[str, object], at: tuple[str | int, ...]) -> DesiredSender:
        fields = {name: value for name, value in given.items() if name not in ("launch", CREDENTIALS)}
        secrets = None
        if (listed := cast("dict[str, object] | None", given.get(CREDENTIALS))) is not None:
            secrets = {
                name: self._secret(name, value, (*at, CREDENTIALS, name)) for name, value in listed.items()
            }
        line, column = self.positions.get(tuple(at), (0, 0))
        # JSON has no positions without a second parse, which a file of 64 MiB is spared.
        found = f"{line}:{column}" if line else f"{'/'.join(map(str, at))}"
        source = Source(str(Path(self.name).resolve()), found)
        try:
            return DesiredSender(kind.channel, fields, given.get("launch") is True, secrets, source, kind.api)
        except ConfigurationError as error:
            raise self._error(str(error), at) from None

    def _secret(self, name: str, value: object, at: tuple[str | int, ...]) -> str | SecretReference:
        """Return the secret's reference, resolved once; or the secret itself where that is allowed."""
        found: str | SecretReference
        if isinstance(value, str):
            if not self.inline and name not in PUBLIC:
                raise self._error(
                    f"{name} is a secret: write {{env: NAME}} or {{file: PATH}}, or pass --allow-inline-secrets",
                    at,
                )
            found = value
        else:
            [(kind, where)] = cast("dict[str, str]", value).items()
            if kind == "env":
                found = SecretReference("env", where)
            else:
                found = SecretReference("file", str(Path(self.name).resolve().parent / where))
        try:
            reveal(found, self.environment)
        except ConfigurationError as error:
            raise self._error(str(error), at) from None
        return found


def _filled(given: Mapping[str, object], defaults: Mapping[str, object]) -> dict[str, object]:
    """Fill in what is not given, also inside of nested bodies; lists are taken as a whole."""
    found = {**defaults, **given}
    for name in defaults.keys() & given.keys():
        common, own = defaults[name], given[name]
        if isinstance(common, dict) and isinstance(own, dict):
            found[name] = _filled(cast("dict[str, object]", own), cast("dict[str, object]", common))
    return found


def _described(error: ValidationError) -> tuple[tuple[str | int, ...], str]:
    """Return the path and the description of a violation, without the value, which may be a secret."""
    path = tuple(error.absolute_path)
    rules = cast("Mapping[str, object]", error.schema)
    wanted = error.validator_value
    name = f"{path[-1]!r}" if path and isinstance(path[-1], str) else "this item" if path else "the file"
    problem = f"{name} violates the schema ({error.validator}): see `sinch-provisioning schema`"
    if error.validator == "additionalProperties":
        known = list(cast("dict[str, object]", rules.get("properties", {})))
        key = next(key for key in cast("dict[str, object]", error.instance) if key not in known)
        close = get_close_matches(key, known, 1)
        advice = f"did you mean {close[0]!r}?" if close else f"expected one of: {', '.join(known)}"
        path, problem = (*path, key), f"unknown key {key!r}; {advice}"
    elif error.validator == "required":
        given = cast("dict[str, object]", error.instance)
        problem = f"{next(key for key in cast('list[str]', wanted) if key not in given)!r} is missing"
    elif error.validator == "type":
        kinds = [wanted] if isinstance(wanted, str) else cast("list[str]", wanted)
        problem = f"{name} must be {' or '.join(_KINDS[kind] for kind in kinds)}"
    elif error.validator == "enum":
        problem = f"{name} must be one of {', '.join(map(repr, cast('list[object]', wanted)))}"
    elif error.validator == "const":
        problem = f"{name} must be {wanted!r}"
    elif error.validator in ("minLength", "minProperties"):
        problem = f"{name} must not be empty"
    elif error.validator == "maxProperties":
        problem = f"{name} must be one reference, either env or file"
    return path, problem
