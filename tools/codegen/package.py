"""Builds a low-level package from a normalized document, with openapi-python-client and our templates."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import yaml
from attrs import frozen
from openapi_python_client import Project
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError
from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import LiteralEnumProperty

from tools.codegen.codec import is_mapping
from tools.codegen.literals import docstring, line, literal
from tools.codegen.model_code import ModelCode
from tools.codegen.models import Models
from tools.codegen.operation_code import OperationCode
from tools.normalize.document import NormalizedDocument
from tools.openapi.loading import UnusableDocumentError

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
# Modules that the stock generator does not have.
_OWN_FILES = (
    "decoding",
    "encoding",
    "exchange",
    "forms",
    "operations",
    "parameters",
    "pydantic_schema",
    "secrets",
    "servers",
)
# Deleted again if no other module imports them; a module comes before those it imports.
_OPTIONAL_FILES = ("forms", "parameters")
_LINE_LENGTH = "110"


@frozen
class Settings:
    """The content of templates/config.yaml."""

    generator: ConfigFile
    secrets: list[str]

    @classmethod
    def load(cls) -> Settings:
        """Read the file."""
        data = yaml.safe_load((TEMPLATES / "config.yaml").read_text(encoding="utf-8"))
        return cls(ConfigFile(**data["generator"]), list(data["secrets"]))


class PackageBuilder:
    """Renders one document into a folder."""

    def __init__(self, document: NormalizedDocument, package: str) -> None:
        """Parse the document; raise UnusableDocumentError if the generator rejects it."""
        settings = Settings.load()
        config = Config.from_sources(
            settings.generator, MetaType.NONE, Path("document"), "utf-8", overwrite=True, output_path=Path()
        )
        config.package_name_override = package
        config.post_hooks = []
        parsed = GeneratorData.from_dict(document.data, config=config)
        if isinstance(parsed, GeneratorError):
            raise UnusableDocumentError(" ".join(f"{parsed.header}: {parsed.detail}".split()))
        models = Models.of(parsed.models, document.schemas, settings.secrets)
        endpoints = [one for group in parsed.endpoint_collections_by_tag.values() for one in group.endpoints]
        self._models = models.used_in(
            [
                prop
                for one in endpoints
                for prop in (
                    *(body.prop for body in one.bodies),
                    *one.path_parameters,
                    *one.query_parameters,
                    *one.header_parameters,
                    *one.cookie_parameters,
                )
            ],
            [response.prop for one in endpoints for response in one.responses],
        )
        parsed.models = [model for model in parsed.models if not is_mapping(model)]
        self._document = document
        self._parsed = parsed
        self._assert_complete(endpoints)
        self._config = config

    def _assert_complete(self, endpoints: list[Endpoint]) -> None:
        """Refuse to leave out an operation: better no package than one that silently lacks a call."""
        missing = self._document.operations.keys() - {str(one.name) for one in endpoints}
        if missing:
            errors = [
                " ".join(f"{error.header}: {error.detail}".split())
                for group in self._parsed.endpoint_collections_by_tag.values()
                for error in group.parse_errors
            ]
            said = "; ".join(self._named(error) for error in errors)
            names = ", ".join(sorted(self._document.operations[name].operation_id for name in missing))
            raise UnusableDocumentError(f"no code can be generated for {names}: {said}")

    def _named(self, text: str) -> str:
        """Replace the paths of the normalized document by places in the original one."""

        def place(found: re.Match[str]) -> str:
            return self._document.places[int(found[1])]

        return re.sub(r"(?<![\w/])(?:[A-Z]+ )?/(\d+)(?:/\{[^{}]*\})*(?![\w/{])", place, text)

    def build(self, folder: Path) -> set[str]:
        """Write the package into an empty folder, and return the ids of its operations.

        The generator's warnings are added to the document's remarks.
        """
        self._config.output_path = folder
        project = Project(openapi=self._parsed, config=self._config, custom_template_path=TEMPLATES)
        project.env.filters.update(literal=literal, docstring=docstring, enum_values=_enum_values)
        codes = self._codes()
        project.env.globals.update(self._globals(codes))
        with contextlib.redirect_stdout(io.StringIO()):
            errors = project.build()
        for name in _OWN_FILES:
            text = project.env.get_template(f"{name}.py.jinja").render()
            (folder / f"{name}.py").write_text(text, encoding="utf-8")
        (folder / "py.typed").touch()
        _tidy(folder)
        _remove_unused(folder)
        for error in errors:
            said = self._named(" ".join(f"{error.header}: {error.detail}".split()))
            self._document.remarks.add("openapi-python-client", "{}", said)
        return {code.metadata.operation_id for code in codes.values()}

    def _codes(self) -> dict[str, OperationCode]:
        return {
            str(endpoint.name): OperationCode.of(
                endpoint, self._document.operations[str(endpoint.name)], self._models
            )
            for collection in self._parsed.endpoint_collections_by_tag.values()
            for endpoint in collection.endpoints
        }

    def _globals(self, codes: dict[str, OperationCode]) -> dict[str, object]:
        title = self._document.title
        return {
            "generator_version": version("openapi-python-client"),
            "servers": self._document.servers,
            "secret_names": sorted(self._models.secrets),
            "document_label": line(f"{title} {self._document.version}"),
            "package_title": f"{line(title)}: one coroutine an operation, over any caller.",
            "model_code": lambda model: ModelCode.of(model, self._models),
            "operation_of": lambda endpoint: codes[str(endpoint.name)],
            "operations": [_operation_row(code) for code in codes.values()],
            "model_exports": self._model_exports(),
            "is_closed": lambda enum: str(enum.class_info.name) in self._models.closed_enums,
            "api_exports": {
                tag: [name for one in collection.endpoints for name in _exports(codes[str(one.name)])]
                for tag, collection in self._parsed.endpoint_collections_by_tag.items()
            },
            "tag_label": lambda collection: codes[str(collection.endpoints[0].name)].metadata.tag,
            "exports": lambda endpoint: _exports(codes[str(endpoint.name)]),
        }

    def _model_exports(self) -> dict[str, list[str]]:
        exports: dict[str, list[str]] = {}
        for named in sorted([*self._parsed.models, *self._parsed.enums], key=lambda one: one.class_info.name):
            name = str(named.class_info.name)
            exports[str(named.class_info.module_name)] = [
                name,
                *([f"{name}Fields"] if name in self._models.inputs else []),
            ]
        return exports


def _exports(code: OperationCode) -> list[str]:
    return [code.function, code.metadata.keywords]


def _enum_values(enum: LiteralEnumProperty) -> list[str]:
    return [literal(value) for value in sorted(enum.values, key=repr)]


def _operation_row(code: OperationCode) -> dict[str, object]:
    metadata = code.metadata
    return {
        "operation_id": metadata.operation_id,
        "method": metadata.method,
        "path": metadata.path,
        "tag": metadata.tag,
        "function": code.function,
        "path_params": tuple(one.wire for one in metadata.parameters.values() if one.where == "path"),
        "query_params": tuple(one.wire for one in metadata.parameters.values() if one.where == "query"),
        "repeatable": metadata.repeatable,
        "request_model": code.request_model,
        "response_model": code.response_model,
    }


def _remove_unused(folder: Path) -> None:
    """Delete optional modules that nothing imports, once unused imports are gone."""
    for name in _OPTIONAL_FILES:
        imported = re.compile(rf"^from \.+{name} import", re.MULTILINE)
        if not any(imported.search(path.read_text("utf-8")) for path in folder.rglob("*.py")):
            (folder / f"{name}.py").unlink()


def _tidy(folder: Path) -> None:
    """Remove unused imports, sort the others, and format; with the pinned ruff and no configuration files."""
    ruff = [sys.executable, "-m", "ruff"]
    common = [
        "--isolated",
        "--quiet",
        "--no-cache",
        "--target-version",
        "py311",
        "--line-length",
        _LINE_LENGTH,
    ]
    for command in (["check", "--fix-only", "--select", "F401,I"], ["format"]):
        subprocess.run([*ruff, command[0], *common, *command[1:], str(folder)], check=True)  # noqa: S603 - a fixed command
