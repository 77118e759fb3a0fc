"""What carriers ask for before an RCS sender can be launched, as data.

From Sinch's public documentation of RCS onboarding: brand name, description, logo, hero image or banner, a way to
reach the brand, privacy policy and terms of service.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sinch_provisioning_api.models import RcsSender

__all__ = ["LAUNCH_REQUIREMENTS", "readiness"]

# Each requirement is met when one of its fields is filled in.
LAUNCH_REQUIREMENTS: Final[tuple[tuple[str, ...], ...]] = (
    ("display_name",),
    ("description",),
    ("logo_url",),
    ("hero_image_url",),
    ("phone_number", "website"),
    ("privacy_policy",),
    ("terms_of_service",),
)


def readiness(sender: RcsSender | Mapping[str, object]) -> tuple[str, ...]:
    """Return the fields still missing for a launch, by their Python names; empty when it is ready.

    `sender` is a sender or the fields of one. Where one of several fields would do, each of them is named.
    """

    def filled(name: str) -> bool:
        return bool(sender.get(name) if isinstance(sender, Mapping) else getattr(sender, name))

    return tuple(
        name for group in LAUNCH_REQUIREMENTS if not any(filled(name) for name in group) for name in group
    )
