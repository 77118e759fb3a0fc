"""A low-level package, built from a document with openapi-python-client and our templates."""

from __future__ import annotations

import contextlib
import io
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
from openapi_python_client.parser.properties import LiteralEnumProperty

from tools.codec import is_mapping
from tools.document import UnusableDocumentError
from tools.endpoints import OperationCode
from tools.fields import ModelCode
from tools.literals import docstring, line, literal
from tools.models import Models
from tools.plain import PlainDocument

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
# What the stock generator has no step for: file in the package -> template.
_OWN_FILES = ("decoding", "encoding", "exchange", "forms", "operations", "parameters", "servers")
_LINE_LENGTH = "110"


@frozen
class Settings:
    """What templates/config.yaml says."""

    generator: ConfigFile
    secrets: list[str]

    @classmethod
    def load(cls) -> Settings:
        """Read the file."""
        data = yaml.safe_load((TEMPLATES / "config.yaml").read_text(encoding="utf-8"))
        return cls(ConfigFile(**data["generator"]), list(data["secrets"]))


class PackageBuilder:
    """Renders one document into a folder; the stock project does the walking, our templates the writing."""

    def __init__(self, document: PlainDocument, package: str) -> None:
        """Parse the document."""
        settings = Settings.load()
        config = Config.from_sources(
            settings.generator, MetaType.NONE, Path("document"), "utf-8", overwrite=True, output_path=Path()
        )
        config.package_name_override = package
        config.post_hooks = []
        parsed = GeneratorData.from_dict(document.data, config=config)
        if isinstance(parsed, GeneratorError):
            raise UnusableDocumentError(" ".join(f"{parsed.header}: {parsed.detail}".split()))
        self._models = Models.of(parsed.models, document.schemas, settings.secrets)
        parsed.models = [model for model in parsed.models if not is_mapping(model)]
        self._document = document
        self._parsed = parsed
        self._config = config

    def build(self, folder: Path) -> list[str]:
        """Write the package into an empty folder and give the generator's warnings."""
        self._config.output_path = folder
        project = Project(openapi=self._parsed, config=self._config, custom_template_path=TEMPLATES)
        project.env.filters.update(literal=literal, docstring=docstring, enum_values=_enum_values)
        project.env.globals.update(self._globals())
        with contextlib.redirect_stdout(io.StringIO()):
            errors = project.build()
        for name in _OWN_FILES:
            text = project.env.get_template(f"{name}.py.jinja").render()
            (folder / f"{name}.py").write_text(text, encoding="utf-8")
        (folder / "py.typed").touch()
        _tidy(folder)
        return [" ".join(f"{error.header}: {error.detail}".split()) for error in errors]

    def _globals(self) -> dict[str, object]:
        codes = {
            str(endpoint.name): OperationCode.of(
                endpoint, self._document.operations[str(endpoint.name)], self._models
            )
            for collection in self._parsed.endpoint_collections_by_tag.values()
            for endpoint in collection.endpoints
        }
        bodies = {code.request_model for code in codes.values() if code.request_model}
        title = self._document.title
        return {
            "generator_version": version("openapi-python-client"),
            "servers": self._document.servers,
            "document_label": line(f"{title} {self._document.version}"),
            "package_title": f"{line(title)}: one coroutine an operation, over any caller.",
            "model_code": lambda model: ModelCode.of(model, self._models, bodies),
            "operation_of": lambda endpoint: codes[str(endpoint.name)],
            "operations": [_operation_row(code) for code in codes.values()],
            "model_exports": self._model_exports(bodies),
            "api_exports": {
                tag: [name for one in collection.endpoints for name in _exports(codes[str(one.name)])]
                for tag, collection in self._parsed.endpoint_collections_by_tag.items()
            },
            "tag_label": lambda collection: codes[str(collection.endpoints[0].name)].facts.tag,
            "exports": lambda endpoint: _exports(codes[str(endpoint.name)]),
        }

    def _model_exports(self, bodies: set[str]) -> dict[str, list[str]]:
        exports: dict[str, list[str]] = {}
        for named in sorted([*self._parsed.models, *self._parsed.enums], key=lambda one: one.class_info.name):
            name = str(named.class_info.name)
            exports[str(named.class_info.module_name)] = [
                name,
                *([f"{name}Fields"] if name in bodies else []),
            ]
        return exports


def _exports(code: OperationCode) -> list[str]:
    return [code.function, code.facts.keywords]


def _enum_values(enum: LiteralEnumProperty) -> list[str]:
    return [literal(value) for value in sorted(enum.values, key=repr)]


def _operation_row(code: OperationCode) -> dict[str, object]:
    facts = code.facts
    return {
        "operation_id": facts.operation_id,
        "method": facts.method,
        "path": facts.path,
        "tag": facts.tag,
        "function": code.function,
        "path_params": tuple(one.wire for one in facts.parameters.values() if one.where == "path"),
        "query_params": tuple(one.wire for one in facts.parameters.values() if one.where == "query"),
        "request_model": code.request_model,
        "response_model": code.response_model,
    }


def _tidy(folder: Path) -> None:
    """Drop unused imports, sort the rest, format; with the ruff of this environment and no outer settings."""
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
        subprocess.run([*ruff, command[0], *common, *command[1:], str(folder)], check=True)  # noqa: S603 - our own command, on a folder of ours
