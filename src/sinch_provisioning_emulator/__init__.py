"""The Sinch Provisioning API in memory, served from its OpenAPI document, for tests of whatever talks to it.

Knows the document and nothing of the SDK, so that one misreading can't hide in both. The names below are imported
when they are first used: pytest loads this package for its plugin in every run, also where nobody asks for it and
where the extra `emulator` is not installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .clock import Clock, RunningClock, VirtualClock
    from .emulator import Emulator
    from .faults import Armed, Fault
    from .problems import EmulatorError
    from .record import RecordedRequest
    from .senders import Sender

__all__ = [
    "Armed",
    "Clock",
    "Emulator",
    "EmulatorError",
    "Fault",
    "RecordedRequest",
    "RunningClock",
    "Sender",
    "VirtualClock",
]

_PLACES = {
    "Armed": "faults",
    "Clock": "clock",
    "Emulator": "emulator",
    "EmulatorError": "problems",
    "Fault": "faults",
    "RecordedRequest": "record",
    "RunningClock": "clock",
    "Sender": "senders",
    "VirtualClock": "clock",
}


def __getattr__(name: str) -> object:
    """Import a public name (PEP 562)."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(f".{_PLACES[name]}", __name__)
    except ModuleNotFoundError as error:
        raise ImportError(
            f"the emulator needs {error.name}; install sinch-provisioning[emulator]", name=error.name
        ) from error
    found: object = getattr(module, name)
    globals()[name] = found
    return found
