"""A limit that the caller sets to its own requests, beside the server's."""

from __future__ import annotations

import logging
from typing import Protocol

_logger = logging.getLogger("sinch_provisioning.rate_limit")


class RateLimit(Protocol):
    """Asked before each request to the API; `sinch_provisioning.redis` has one for a whole fleet of processes."""

    async def wait(self) -> None:
        """Return when one more request may leave; the call's deadline goes on meanwhile.

        One that raises costs a warning and no call: the request leaves.
        """
        ...


async def permission(rate_limit: RateLimit) -> None:
    """Wait for `rate_limit`; one that fails lets the request leave, so that it never becomes an outage itself."""
    try:
        await rate_limit.wait()
    # The caller's own code: whatever it raises, the call goes on.
    except Exception as error:
        _logger.warning("the rate limit failed (%s); the request leaves all the same", type(error).__name__)
