"""The command: measure, print, and keep the figures."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path

from . import goals, peers, process, scenarios, surroundings
from .chart import svg
from .result import Result, markdown
from .scenarios import FULL, QUICK, SHORT, Size
from .serving import ROOT

_BUILD = ROOT / ".build" / "bench"
_DOCS = ROOT / "docs"
_BEGIN, _END = "<!-- figures: begin -->\n", "<!-- figures: end -->\n"


def say(text: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def measured(size: Size, *, with_peers: bool) -> Result:
    """Measure everything; each part on an event loop of its own."""
    if with_peers:
        say("generating the peers from the vendored document ...")
        peers.generate(_BUILD / "peers")
    say("calls, side by side ...")
    rows = asyncio.run(scenarios.side_by_side(size, with_peers=with_peers))
    say("TLS, a proxy, uvloop ...")
    around = surroundings.measured(size)
    say("a server with 20 ms latency ...")
    throughput = asyncio.run(scenarios.slow_server(size))
    say("tokens that rotate ...")
    rotation = asyncio.run(scenarios.rotation(size))
    say("import, first call, construction, memory ...")
    imports = process.import_times(size.processes)
    first_calls = process.first_calls(size.processes)
    construction = process.construction_times()
    memory = process.memory_growth(size.memory_calls)
    judged = [
        *goals.of_calls(rows),
        *goals.of_surroundings(around),
        *goals.of_throughput(throughput),
        *goals.of_process(imports, first_calls, construction, memory),
        *goals.of_rotation(rotation),
    ]
    return Result(rows, around, throughput, rotation, imports, first_calls, construction, memory, judged)


def write_docs(result: Result) -> None:
    """Put the figures where they are explained."""
    page = _DOCS / "performance.md"
    text = page.read_text("utf-8")
    before, after = text.split(_BEGIN)[0], text.split(_END)[1]
    page.write_text(f"{before}{_BEGIN}\n{markdown(result)}\n\n{_END}{after}", "utf-8")
    (_DOCS / "performance.svg").write_text(svg(result.rows), "utf-8")


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="does everything once, too little to mean anything"
    )
    parser.add_argument("--short", action="store_true", help="fewer rounds, and no peers at 800 in flight")
    parser.add_argument("--no-peers", action="store_true", help="leave out the generated clients and openai")
    parser.add_argument("--docs", action="store_true", help="put the figures into docs/performance.md")
    parser.add_argument("--out", type=Path, default=_BUILD / "result.json", help="where the JSON goes")
    options = parser.parse_args()
    size = QUICK if options.quick else SHORT if options.short else FULL
    result = measured(size, with_peers=not options.no_peers)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result.to_dict(), indent=1) + "\n", "utf-8")
    options.out.with_suffix(".svg").write_text(svg(result.rows), "utf-8")
    if options.docs:
        write_docs(result)
    say(f"\n{markdown(result)}\n\nJSON: {options.out}, chart: {options.out.with_suffix('.svg')}")


if __name__ == "__main__":
    main()
