"""What carriers ask for before an RCS sender can be launched, as data.

From Sinch's public documentation of RCS onboarding: brand name, description, logo, hero image or banner, a way to
reach the brand, privacy policy and terms of service.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

from ..errors import LaunchNotReadyError, PreconditionFailedError

if TYPE_CHECKING:
    from sinch_provisioning_api.models import RcsSender

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


def launch_refusal(error: PreconditionFailedError, missing: tuple[str, ...]) -> LaunchNotReadyError:
    """Turn the 412 of a launch into the error that lists what is missing."""
    refusal = LaunchNotReadyError(
        f"{error}; missing: {', '.join(missing)}" if missing else str(error),
        status_code=error.status_code,
        error_code=error.error_code,
        message=error.message,
        resolution=error.resolution,
        details=error.details,
        request_id=error.request_id,
        retry_after=error.retry_after,
        body=error.body,
        operation_id=error.operation_id,
        attempts=error.attempts,
    )
    refusal.missing = missing
    return refusal


def listed_errors(details: object) -> tuple[str, ...]:
    """Return the server's own list of what is wrong, as it spells it; empty where it sends none."""
    if not isinstance(details, dict):
        return ()
    listed = cast("dict[str, object]", details).get("validationErrors")
    entries = cast("list[object]", listed) if isinstance(listed, list) else []
    return tuple(dict.fromkeys(entry for entry in entries if isinstance(entry, str)))


def missing_fields(details: object) -> tuple[str, ...]:
    """Return what an error's details say is missing: properties by their Python names, anything else as spelled.

    Without a list of the server's, the launch requirements named anywhere in the details count.
    """
    python_names = {_camel_case(name): name for group in LAUNCH_REQUIREMENTS for name in group}
    if listed := listed_errors(details):
        return tuple(python_names.get(entry, entry) for entry in listed)
    found: list[str] = []
    # A stack instead of recursion: the server may nest deeper than Python's recursion limit.
    stack: list[object] = [details]
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            field_name = python_names.get(value, value)
            if field_name in python_names.values() and field_name not in found:
                found.append(field_name)
        elif isinstance(value, dict):
            pairs = cast("dict[str, object]", value).items()
            stack += [part for pair in reversed(pairs) for part in reversed(pair)]
        elif isinstance(value, list):
            stack += reversed(cast("list[object]", value))
    return tuple(found)


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
