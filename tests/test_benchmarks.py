"""The benchmark: it runs, refuses wrong answers, and judges what it measured. No time is asserted."""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree

import pytest
from benchmarks import goals
from benchmarks.callers import RawHttpx, Sdk, WrongAnswerError, check, check_senders, own
from benchmarks.chart import svg
from benchmarks.measure import Row, Work, close, latencies, percentile, rounds, share
from benchmarks.result import Result, markdown
from benchmarks.scenarios import Throughput
from benchmarks.serving import serving
from benchmarks.webhooks import Report


def _row(caller: str, cpu: float, in_flight: int = 1, work: str = "get") -> Row:
    return Row(caller, work, in_flight, cpu * 2, cpu, 3)


async def test_all_callers_do_all_work() -> None:
    """The SDK over both transports and both raw libraries get, create and list against the real server."""
    with serving() as url:
        callers = own(url, 4)
        rows = [
            row
            for work in (Work("get", 3, 6), Work("create", 3, 6), Work("list", 2, 2))
            for row in await rounds(callers, work, 1)
        ]
        found = await latencies(callers[0].get, 2, 0.5)
        await close(callers)
    assert [row.caller for row in rows[:3]] == ["SDK", "httpx + json", "aiohttp + json"]
    assert len(rows) == 9
    assert all(row.cpu > 0 and row.wall > 0 for row in rows)
    assert len(found) >= 2


async def test_a_token_that_ends_is_renewed() -> None:
    """The server checks tokens: the SDK's calls go on while a raw caller's false one is refused."""
    with serving(lifetime=0.05) as url:
        callers = own(url, 4)
        await share(callers[0].get, Work("get", 2, 100))
        await close(callers)
        raw = RawHttpx(url, 4)
        raw._http.headers["Authorization"] = "Bearer of-another-server"
        with pytest.raises(Exception, match="401"):
            await raw.get(1)
        await raw.aclose()


async def test_wrong_answers_are_refused() -> None:
    """A caller that got something else than the server said spoils the run instead of looking fast."""
    with pytest.raises(WrongAnswerError):
        check("sender-1", "sender-2")
    with pytest.raises(WrongAnswerError):
        check_senders([{"id": "sender-0"}])
    with pytest.raises(WrongAnswerError):
        check_senders([{"id": "another"}] * 1000)

    async def wrong(number: int) -> None:
        check(number, -1)

    with pytest.raises(WrongAnswerError):
        await share(wrong, Work("get", 2, 4))


def test_goals_are_ratios_of_processor_time() -> None:
    """Half the time of httpx is twice as good, and what was not measured is not judged."""
    judged = goals.of_calls(
        [_row(Sdk.name, 0.5), _row("httpx + json", 1.0), _row(Sdk.name, 0.7, in_flight=800)]
    )
    assert [(goal.reached, goal.met) for goal in judged] == [(2.0, False), (1.4, False)]
    slow = goals.of_throughput([Throughput(Sdk.name, 900, 25000, 1000)])
    assert [(goal.reached, goal.met) for goal in slow] == [(0.9, True)]
    rotating = goals.of_rotation({Sdk.name: {"steady": 1.0, "rotating": 1.3}})
    assert [goal.met for goal in rotating] == [False]


def test_a_run_becomes_tables_and_a_picture() -> None:
    """Every caller is in the Markdown and in the chart, which is well-formed XML."""
    rows = [_row("SDK", 0.5), _row("<httpx>", 50.0), _row("SDK", 0.6, in_flight=100)]
    result = Result(
        rows,
        {"TLS": [_row("SDK", 0.7)]},
        [Throughput("SDK", 900, 25000, 1000)],
        {"SDK": {"steady": 1.0, "rotating": 1.1}},
        {"SDK": 20.0, "httpx": 100.0},
        {"SDK": 120.0, "httpx": 110.0},
        {"SDK": 0.1, "httpx": 30.0},
        {"SDK": 0.2},
        [goals.Goal("flat", 1.3, 1.2, most=True), goals.Goal("quick", 3.0, 2.0)],
    )
    text = markdown(result)
    assert "| SDK | 0.50 / 1.00 | 0.60 / 1.20 |" in text
    assert "TLS:\n\n| CPU" in text
    assert "**no**" in text
    picture = ElementTree.fromstring(svg(rows))
    texts = [element.text for element in picture.iter() if element.text]
    assert "<httpx>" in texts
    assert "1 in flight" in texts
    assert isinstance(result.to_dict()["goals"], list)


def test_percentiles_are_values_of_the_sample() -> None:
    """The 99th percentile of a hundred numbers is the largest, the median one of the middle."""
    assert percentile(range(100), 0.99) == 99
    assert percentile([1.0], 0.99) == 1.0


def test_events_that_are_lost_or_handed_over_twice_are_counted() -> None:
    """One lost on the way to the handler, one that came through Redis twice."""
    report = Report(sent=3, handled=Counter("ab"), heard=Counter("abcc"))
    assert (report.lost(), report.doubled()) == (1, 1)
    report.answers = [number / 1000 for number in range(1, 101)]
    assert report.percentile(50) < report.percentile(99) < 0.101
