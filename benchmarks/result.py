"""One run's figures, as JSON and as Markdown tables."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version

from attrs import frozen

from .goals import Goal
from .measure import Row
from .scenarios import Throughput

_PACKAGES = (
    *("httpx", "aiohttp", "httpx-aiohttp", "openai", "openapi-python-client", "openapi-generator-cli"),
    *("niquests", "pyreqwest", "uvloop", "orjson", "pydantic"),
)


@frozen
class Result:
    """All figures of a run; milliseconds and MiB."""

    rows: list[Row]
    surroundings: dict[str, list[Row]]
    throughput: list[Throughput]
    rotation: dict[str, dict[str, float]]
    imports: dict[str, float]
    first_calls: dict[str, float]
    construction: dict[str, float]
    memory: dict[str, float]
    goals: list[Goal]

    def to_dict(self) -> dict[str, object]:
        """Return it ready for JSON, with the machine and the versions it was measured with."""
        return {
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}",
            "packages": dict(versions()),
            "rows": [row.to_dict() for row in self.rows],
            "surroundings": {
                name: [row.to_dict() for row in rows] for name, rows in self.surroundings.items()
            },
            "throughput_20ms_500_in_flight": [item.to_dict() for item in self.throughput],
            "p99_ms": self.rotation,
            "import_cpu_ms": self.imports,
            "first_call_cpu_ms": self.first_calls,
            "second_client_cpu_ms": self.construction,
            "memory_growth_mib": self.memory,
            "goals": [goal.to_dict() for goal in self.goals],
        }


def versions() -> Iterable[tuple[str, str]]:
    """Yield the versions of what was measured."""
    for name in _PACKAGES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue


def table(titles: Iterable[str], lines: Iterable[Iterable[object]]) -> str:
    """Write a Markdown table."""
    titles = list(titles)
    rows = [titles, ["---", *("---:" for _ in titles[1:])], *([str(cell) for cell in line] for line in lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def calls_table(rows: Iterable[Row]) -> str:
    """Write processor and wall time per call, a line a caller, a column a work."""
    cells: dict[str, dict[tuple[str, int], str]] = {}
    works: dict[tuple[str, int], None] = {}
    for row in rows:
        works[row.work, row.in_flight] = None
        digits = 2 if row.cpu < 10 else 0
        cells.setdefault(row.caller, {})[row.work, row.in_flight] = (
            f"{row.cpu:.{digits}f} / {row.wall:.{digits}f}"
        )
    return table(
        ["CPU / wall, ms per call", *(f"{name} {in_flight}" for name, in_flight in works)],
        ([caller, *(found.get(work, "") for work in works)] for caller, found in cells.items()),
    )


def process_table(result: Result) -> str:
    """Write what a process pays once."""
    names = [*result.imports, *(name for name in result.memory if name not in result.imports)]

    def cell(found: Mapping[str, float], name: str) -> object:
        return found.get(name, "")

    return table(
        [
            "",
            "import, ms CPU",
            "import to first reply",
            "second client, ms CPU",
            "MiB more after 10,000 calls",
        ],
        (
            [
                name,
                cell(result.imports, name),
                cell(result.first_calls, name),
                cell(result.construction, name),
                cell(result.memory, name),
            ]
            for name in names
        ),
    )


def markdown(result: Result) -> str:
    """Write the whole run."""
    slow = table(
        ["20 ms latency, 500 in flight", "calls/s", "bound by latency", "bound by CPU", "reached"],
        (
            [x.caller, x.calls_per_second, x.latency_bound, x.cpu_bound, f"{x.reached:.0%}"]
            for x in result.throughput
        ),
    )
    rotating = table(
        ["p99, ms, 20 in flight", "tokens of an hour", "tokens of 3 s"],
        ([name, kinds["steady"], kinds["rotating"]] for name, kinds in result.rotation.items()),
    )
    judged = table(
        ["goal", "wanted", "reached", "met"],
        (
            [goal.what, f"{'<=' if goal.most else '>='} {goal.wanted:g}", f"{goal.reached:.2f}",
             "yes" if goal.met else "**no**"]
            for goal in result.goals
        ),
    )  # fmt: skip
    packages = ", ".join(f"{name} {number}" for name, number in versions())
    return "\n\n".join(
        [
            f"CPython {platform.python_version()} on {platform.system()} {platform.machine()}; {packages}.",
            calls_table(result.rows),
            *(f"{name}:\n\n{calls_table(rows)}" for name, rows in result.surroundings.items()),
            slow,
            rotating,
            process_table(result),
            judged,
        ]
    )
