"""How much the tests of the pure parts would notice: `python -m tests.mutation`, in a copy outside the tree.

Changes retries, tokens, errors, lifecycle and paging one operator, constant or argument at a time with mutmut, and runs
their tests against each change, or against a sample: `python -m tests.mutation '*[05]'` takes each fifth one. Prints
the survivors and the share that was noticed; exit 1 below 90 %. The survivors are explained in docs/reliability.md.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
MUTATED: Final = (
    *(f"_retries/{name}" for name in ("authorization", "call", "error_bodies", "retry_loop", "retry_policy")),
    *(f"_tokens/{name}" for name in ("shared_tokens", "token_endpoint", "token_source")),
    "lifecycle/*",
    "channels/project",
    "errors",
)
TESTS: Final = (
    *("test_retry", "test_tokens", "test_grant", "test_errors", "test_shared_tokens", "test_otel"),
    *("test_client", "test_events", "webhooks/test_waiting", "webhooks/test_verifier", "v1_2/test_client"),
    *("faults/test_retry_table", "faults/test_error_bodies"),
    *("lifecycle/test_next_step", "lifecycle/test_one_sender", "lifecycle/test_waits_and_writes"),
)
LEAST: Final = 0.90
COPIED: Final = ("src", "generated", "openapi", "tests")

_CONFIG = """\
[mutmut]
source_paths=src
only_mutate=
{mutated}
pytest_add_cli_args_test_selection=
{tests}
also_copy=
    tests
    openapi
    pytest.ini
"""
# Mutmut's own frames count against the depth of calls that one test goes to.
_PYTEST = """\
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
addopts =
    -p no:xdist -x
    --deselect=tests/faults/test_error_bodies.py::test_nested_details_of_a_refused_launch_are_no_trap
"""


def main() -> int:
    """Mutate, test, count."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in COPIED:
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        mutated = "\n".join(f"    src/sinch_provisioning/{name}.py" for name in MUTATED)
        tests = "\n".join(f"    tests/{name}.py" for name in TESTS)
        (copy / "setup.cfg").write_text(_CONFIG.format(mutated=mutated, tests=tests))
        (copy / "pytest.ini").write_text(_PYTEST)
        mutmut = [sys.executable, "-m", "mutmut"]
        ran = subprocess.run(
            [*mutmut, "run", *sys.argv[1:]], cwd=copy, capture_output=True, text=True, check=False
        )
        listed = subprocess.run(
            [*mutmut, "results", "--all", "true"], cwd=copy, capture_output=True, text=True, check=True
        )
        results = dict(line.strip().rsplit(": ", 1) for line in listed.stdout.splitlines() if ": " in line)
        results = {name: outcome for name, outcome in results.items() if outcome != "not checked"}
        if not results:
            print(ran.stdout[-3000:], ran.stderr[-3000:], sep="\n")  # noqa: T201 - a command's output
            return 2
        left = [name for name, outcome in results.items() if outcome in ("survived", "no tests")]
        for name in left:
            shown = subprocess.run(
                [*mutmut, "show", name], cwd=copy, capture_output=True, text=True, check=False
            )
            changed = [
                line
                for line in shown.stdout.splitlines()
                if line[:1] in "+-" and line[:3] not in ("+++", "---")
            ]
            print(name, *changed, sep="\n  ")  # noqa: T201 - a command's output
    counts = Counter(results.values())
    noticed = 1 - len(left) / len(results)
    print(f"{len(results)} mutants, {dict(counts)}: {noticed:.1%} noticed")  # noqa: T201 - a command's output
    return 0 if noticed >= LEAST else 1


if __name__ == "__main__":
    raise SystemExit(main())
