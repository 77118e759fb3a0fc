"""Everything that an application needs beside the client, in one call."""

from typing import Any, cast

from fastapi import FastAPI

from .disconnect import CancelOnDisconnect
from .problem_middleware import add_problem_handlers
from .readiness import add_readiness


def install(
    app: FastAPI, *, upstream: bool = False, readiness: str | None = "/readyz", cancel: bool = True
) -> None:
    """Add problem details for errors, a readiness probe, and the cancellation of calls whose caller disconnects."""
    add_problem_handlers(app, upstream=upstream)
    if readiness is not None:
        add_readiness(app, readiness)
    if cancel:
        app.add_middleware(cast("Any", CancelOnDisconnect))
