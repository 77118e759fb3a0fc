"""What GitHub, Read the Docs and pre-commit read: each file is valid, and calls for what there is."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FILES = {
    "github-workflows": WORKFLOWS,
    "github-issue-forms": [
        ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml" for name in ("bug", "feature")
    ],
    "github-issue-config": [ROOT / ".github" / "ISSUE_TEMPLATE" / "config.yml"],
    "dependabot": [ROOT / ".github" / "dependabot.yml"],
    "readthedocs": [ROOT / ".readthedocs.yaml"],
}
COMMANDS = "\n".join(
    step["run"]
    for path in WORKFLOWS
    for job in yaml.safe_load(path.read_text())["jobs"].values()
    for step in job["steps"]
    if "run" in step
)


@pytest.mark.parametrize("schema", FILES)
def test_file_is_valid(schema: str) -> None:
    """By the schemas that check-jsonschema carries."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    done = subprocess.run([*command, *FILES[schema]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_workflows_call_what_there_is() -> None:
    """Every target of make, every program of a lock, and `.ci/run`."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    called = set(re.findall(r"\bmake ([a-z-]+)", COMMANDS))
    assert {"docs", "dist", "spec-diff"} <= called <= targets
    assert ".ci/run" in COMMANDS
    tools = (ROOT / "requirements" / "release.in").read_text().split("\n")
    programs = set(re.findall(r"\.venv-release/bin/([\w-]+)", COMMANDS))
    assert {{"cyclonedx-py": "cyclonedx-bom"}.get(name, name) for name in programs} <= set(tools)


def test_every_job_ends_and_may_do_little() -> None:
    """A job has a time limit, and a workflow may only read unless a job says otherwise."""
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {"contents": "read"}
        assert all("timeout-minutes" in job for job in workflow["jobs"].values())


def test_classifiers_are_the_matrix() -> None:
    """The Python versions that the package claims are those that CI runs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    claimed = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    checks = yaml.safe_load((ROOT / ".github" / "workflows" / "checks.yml").read_text())
    assert checks["jobs"]["checks"]["strategy"]["matrix"]["python"] == claimed
    assert project["requires-python"] == f">={claimed[0]}"


def test_hooks_run_what_is_pinned() -> None:
    """Every hook's program is one of the development tools."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    for hook in config["repos"][0]["hooks"]:
        program = hook["entry"].split()[0].removeprefix(".venv/bin/")
        assert Path(sys.executable).with_name(program).exists()
