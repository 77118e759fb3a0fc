"""What is shipped and what it is built from: the wheel, the locks, the vendored document."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
import yaml

from sinch_provisioning_api import SERVER_URL, TOKEN_URL

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "openapi" / "sinch-provisioning.yaml"

IN_AN_EMPTY_VENV = """
import sys
import sinch_provisioning, sinch_provisioning_api
assert "sinch_provisioning_v1_2_api" not in sys.modules
extras = {"aiohttp", "orjson", "redis", "fastapi", "starlette", "opentelemetry"}
extras |= {"dbos", "cyclopts", "yaml", "jsonschema"}
assert not extras & set(sys.modules), extras & set(sys.modules)
client = sinch_provisioning.ProvisioningClient(
    project_id="p", credentials=sinch_provisioning.OAuth2ClientCredentials("k", "s")
)
print(client.project_id, "launchRcsSender" in sinch_provisioning_api.OPERATIONS)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as a release would."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [built] = folder.glob("*.whl")
    return built


def test_wheel_holds_four_typed_packages(wheel: Path) -> None:
    """One wheel brings facade, both low levels and emulator, each marked as typed, and the document once."""
    names = set(zipfile.ZipFile(wheel).namelist())
    packages = ["sinch_provisioning", "sinch_provisioning_api", "sinch_provisioning_v1_2_api"]
    for package in [*packages, "sinch_provisioning_emulator"]:
        assert {f"{package}/__init__.py", f"{package}/py.typed"} <= names
    assert "sinch_provisioning_emulator/sinch-provisioning.yaml" in names
    assert not [name for name in names if name.startswith(("tests/", "tools/", "examples/"))]


def test_wheel_installs_in_an_empty_venv(wheel: Path, tmp_path: Path) -> None:
    """The wheel and its four requirements are all that `import sinch_provisioning` needs."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    ran = subprocess.run(
        [python, "-I", "-c", IN_AN_EMPTY_VENV], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    assert ran.stdout == "p True\n"


def test_importing_the_facade_imports_no_extra() -> None:
    """With every extra installed, none of them is imported before it is asked for."""
    code = IN_AN_EMPTY_VENV.replace('"aiohttp", ', '"aiohttp", "sinch_provisioning_emulator", ')
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout == "p True\n"


@pytest.mark.parametrize(("extra", "library"), [("fastapi", "fastapi"), ("otel", "opentelemetry")])
def test_module_whose_extra_is_missing_names_it(extra: str, library: str) -> None:
    """Importing a module without its extra says what to install."""
    code = f"import sys; sys.modules['{library}'] = None; import sinch_provisioning.{extra}"
    ran = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert ran.returncode == 1
    assert f"sinch-provisioning[{extra}]" in ran.stderr.splitlines()[-1]


def test_document_is_what_source_says() -> None:
    """SOURCE names the sha256 of each vendored document and the version it declares."""
    paragraphs = (ROOT / "openapi" / "SOURCE").read_text().split("\n\n")
    documents = [dict(re.findall(r"^(\w+):\s+(\S.*)$", one, re.MULTILINE)) for one in paragraphs]
    assert [facts["file"] for facts in documents] == [DOCUMENT.name, "sinch-provisioning-1.2.yaml"]
    for facts in documents:
        path = ROOT / "openapi" / facts["file"]
        assert facts["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert str(yaml.safe_load(path.read_text())["info"]["version"]) == facts["version"]


def test_default_urls_are_the_documents() -> None:
    """The last resort for both URLs is what the document declares."""
    document = yaml.safe_load(DOCUMENT.read_text())
    flows = document["components"]["securitySchemes"]["oAuth2"]["flows"]
    assert document["servers"][0]["url"] == SERVER_URL
    assert flows["clientCredentials"]["tokenUrl"] == TOKEN_URL


@pytest.mark.parametrize("lock", ["requirements/dev.txt", "package-lock.json"])
def test_locks_name_no_registry_host(lock: str) -> None:
    """Locks pin by version and hash, so that they serve behind any mirror."""
    text = (ROOT / lock).read_text()
    assert "--index-url" not in text
    assert '"resolved"' not in text
    assert re.search(r"(sha256:|sha512-)", text) is not None
