"""`docs/operations.md`: its tables name the loggers and metrics that there are, and no others."""

from __future__ import annotations

import logging
import re
from importlib import import_module
from pkgutil import walk_packages

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

import sinch_provisioning
from sinch_provisioning.otel import OpenTelemetry
from sinch_provisioning_emulator import Emulator

from ..conftest import client_on
from .pages import DOCS


def section(title: str) -> str:
    """Return the part of operations.md under that heading."""
    text = (DOCS / "operations.md").read_text()
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def first_column(text: str) -> set[str]:
    """Return the names in the first column of a table; `.name` takes its beginning from the name before it."""
    names: list[str] = []
    for row in re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE):
        for name in re.findall(r"`([^`]+)`", row):
            names.append(names[-1].rpartition(".")[0] + name if name.startswith(".") else name)
    return set(names)


def loggers() -> set[str]:
    """Return the loggers that exist once every module of the package is imported."""
    modules = [each.name for each in walk_packages(sinch_provisioning.__path__, "sinch_provisioning.")]
    for name in modules:
        if not name.endswith("__main__"):
            import_module(name)
    known = logging.Logger.manager.loggerDict
    return {
        name
        for name, logger in known.items()
        if name.startswith("sinch_provisioning.") and isinstance(logger, logging.Logger)
    }


async def metrics() -> set[str]:
    """Return the metrics that an exporter is given after a call with a retry."""
    reader, emulator = InMemoryMetricReader(), Emulator()
    emulator.inject("listRcsSenders", status=503)
    telemetry = OpenTelemetry(meter_provider=MeterProvider(metric_readers=[reader]))
    async with client_on(emulator, telemetry=telemetry) as sinch:
        await sinch.rcs.list()
        data = reader.get_metrics_data()
    assert data is not None
    scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics]
    return {metric.name for scope in scopes for metric in scope.metrics}


def test_the_page_names_the_loggers_that_there_are() -> None:
    """The table of loggers is complete, and each of them exists."""
    assert first_column(section("Logs")) == loggers()


async def test_the_page_names_the_metrics_that_there_are() -> None:
    """The table of metrics is complete, and each of them is exported."""
    assert first_column(section("Traces and metrics")) == await metrics()


async def test_the_page_names_nothing_else_of_the_package() -> None:
    """Whatever starts with the package's name, anywhere on the page, is a logger, a metric or a module."""
    named = set(re.findall(r"`(sinch_provisioning\.[\w.]+)`", (DOCS / "operations.md").read_text()))
    modules = {each.name for each in walk_packages(sinch_provisioning.__path__, "sinch_provisioning.")}
    assert named <= loggers() | await metrics() | modules
