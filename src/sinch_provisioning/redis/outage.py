"""Going on without a Redis that fails."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from attrs import define, field

_logger = logging.getLogger("sinch_provisioning.redis")


@define
class Outage:
    """Logs the first failure of several as `warning`, and keeps Redis from being asked again for `pause` seconds."""

    warning: str
    pause: float = field(default=5.0, kw_only=True)
    monotonic: Callable[[], float] = field(default=time.monotonic, kw_only=True)
    _failing: bool = field(default=False, init=False)
    _resume_at: float = field(default=float("-inf"), init=False)

    def lasts(self) -> bool:
        """Whether it is too early to ask again."""
        return self._failing and self.monotonic() < self._resume_at

    def failed(self, error: Exception) -> None:
        """Take note of a failure."""
        self._resume_at = self.monotonic() + self.pause
        if not self._failing:
            self._failing = True
            _logger.warning(self.warning, type(error).__name__)

    def ended(self) -> None:
        """Take note of a success."""
        self._failing = False
