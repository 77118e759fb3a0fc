"""An in-memory Sinch Provisioning API, served from its OpenAPI document, for tests of its clients.

It shares no code with the SDK, so that a misreading of the document can't hide in both. Public names are imported on
first use, because pytest loads this package for its plugin in every run, even without the extra `emulator`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .api.clock import Clock, RunningClock, VirtualClock
    from .api.faults import Armed, Fault
    from .api.quirks import Quirks
    from .api.request_log import RecordedRequest
    from .api.sender import Sender
    from .api.v1_2.deliveries import Delivery, DeliveryOptions
    from .emulator import Emulator
    from .openapi.error_replies import EmulatorError

__all__ = [
    "Armed",
    "Clock",
    "Delivery",
    "DeliveryOptions",
    "Emulator",
    "EmulatorError",
    "Fault",
    "Quirks",
    "RecordedRequest",
    "RunningClock",
    "Sender",
    "VirtualClock",
]

_MODULES = {
    "Armed": "api.faults",
    "Clock": "api.clock",
    "Delivery": "api.v1_2.deliveries",
    "DeliveryOptions": "api.v1_2.deliveries",
    "Emulator": "emulator",
    "EmulatorError": "openapi.error_replies",
    "Fault": "api.faults",
    "RecordedRequest": "api.request_log",
    "RunningClock": "api.clock",
    "Sender": "api.sender",
    "Quirks": "api.quirks",
    "VirtualClock": "api.clock",
}


def __getattr__(name: str) -> object:
    """Import a public name on first use (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(f".{_MODULES[name]}", __name__)
    except ModuleNotFoundError as error:
        raise ImportError(
            f"the emulator needs {error.name}; install sinch-provisioning[emulator]", name=error.name
        ) from error
    found: object = getattr(module, name)
    globals()[name] = found
    return found
