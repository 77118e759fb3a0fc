"""The client of a command, and the meter of its calls."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from attrs import define, field

from .. import AttemptEvent, Credentials, ProvisioningClient, RetryEvent, TokenEvent
from ..config import resolve_api
from ..desired import AnyClient, DesiredState

if TYPE_CHECKING:
    from .. import v1_2

_WINDOW = 5.0


@define
class Meter:
    """Counts calls and retries."""

    monotonic: Callable[[], float] = time.monotonic
    calls: int = 0
    retries: int = 0
    token: TokenEvent | None = None
    _started: float | None = None
    _recent: deque[float] = field(factory=deque[float])

    def on_attempt(self, event: AttemptEvent) -> None:
        """Count a call."""
        if event.operation_id == "token":
            return
        now = self.monotonic()
        self._started = now if self._started is None else self._started
        self.calls += 1
        self._recent.append(now)

    def on_retry(self, _: RetryEvent) -> None:
        """Count a retry."""
        self.retries += 1

    def on_token(self, event: TokenEvent) -> None:
        """Keep the last token event."""
        self.token = event

    @property
    def rate(self) -> float:
        """Calls per second over the last five seconds."""
        now = self.monotonic()
        while self._recent and self._recent[0] < now - _WINDOW:
            self._recent.popleft()
        if self._started is None:
            return 0.0
        return len(self._recent) / max(1.0, min(_WINDOW, now - self._started))


_Client = TypeVar("_Client", "ProvisioningClient", "v1_2.ProvisioningClient")


def connect(
    project: str | None = None,
    *,
    meter: Meter | None = None,
    at_once: int = 10,
    credentials: Credentials | None = None,
) -> ProvisioningClient:
    """Return a client with settings from the environment, where none are given."""
    return _connected(ProvisioningClient, project, meter, at_once, credentials)


def connect_to(api: str | None, project: str | None = None, *, meter: Meter | None = None) -> AnyClient:
    """Return a client of the API that is named, or that SINCH_PROVISIONING_API names."""
    return (
        connect(project, meter=meter) if resolve_api(api) == "1.0" else connect_to_1_2(project, meter=meter)
    )


def connect_to_1_2(project: str | None = None, *, meter: Meter | None = None) -> v1_2.ProvisioningClient:
    """Return a client of Sinch's own API."""
    from .. import v1_2  # noqa: PLC0415 - loaded where it is used

    return _connected(v1_2.ProvisioningClient, project, meter)


def connect_for(desired: DesiredState, *, meter: Meter, at_once: int) -> ProvisioningClient:
    """Return a client for a file; where all projects have keys of their own, the environment needs none."""
    projects = desired.projects
    if not projects or any(project.project_id is None for project in projects):
        return connect(meter=meter, at_once=at_once)
    everything_keyed = all(project.key_id is not None for project in projects)
    credentials = projects[0].credentials() if everything_keyed else None
    return connect(projects[0].project_id, meter=meter, at_once=at_once, credentials=credentials)


def _connected(
    client: type[_Client],
    project: str | None,
    meter: Meter | None,
    at_once: int = 10,
    credentials: Credentials | None = None,
) -> _Client:
    meter = Meter() if meter is None else meter
    return client(
        project_id=project,
        credentials=credentials,
        max_connections=max(at_once, 10),
        on_attempt=meter.on_attempt,
        on_retry=meter.on_retry,
        on_token=meter.on_token,
    )
