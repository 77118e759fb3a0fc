"""A request rate limit of the caller's own, in addition to the server's."""

from __future__ import annotations

import logging
from typing import Protocol

_logger = logging.getLogger("sinch_provisioning.rate_limit")


class RateLimit(Protocol):
    """Consulted before each request to the API; `sinch_provisioning.redis` has one for many processes."""

    async def wait(self) -> None:
        """Return when one more request may be sent; the wait counts towards the call's deadline.

        If it raises, a warning is logged and the request is sent anyway.
        """
        ...


async def permission(rate_limit: RateLimit) -> None:
    """Wait for `rate_limit`; one that fails lets the request through, so that it never causes an outage itself."""
    try:
        await rate_limit.wait()
    # The caller's own code, which may raise anything.
    except Exception as error:
        _logger.warning("the rate limit failed (%s); sending the request anyway", type(error).__name__)
