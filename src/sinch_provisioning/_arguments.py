"""Checks of the objects that a client is given, where they are given: a wrong one would fail in every call."""

from __future__ import annotations

import inspect
from typing import Final

import httpx

from .errors import ConfigurationError

_METHODS: Final = {
    "telemetry": ("call", "token", "watch"),
    "rate_limit": ("wait",),
    "token_store": ("load", "save", "lock"),
    "locks": ("hold",),
    "clock": ("monotonic", "time", "sleep"),
}


def check_kind(name: str, value: object, kind: type) -> None:
    """Refuse what is neither None nor a `kind`."""
    if value is not None and not isinstance(value, kind):
        raise ConfigurationError(f"{name} must be of type {_name(kind)}, not {_described(value)}")


def check_methods(name: str, value: object) -> None:
    """Refuse what is neither None nor an object with the methods that `name` needs."""
    if value is None:
        return
    missing = [method for method in _METHODS[name] if not callable(getattr(value, method, None))]
    # A class or a module can have functions of these names, which don't work as methods.
    if missing or isinstance(value, type) or inspect.ismodule(value):
        methods = ", ".join(_METHODS[name])
        raise ConfigurationError(f"{name} must be an object with {methods}, not {_described(value)}")


def check_hook(name: str, hook: object) -> None:
    """Refuse what is neither None nor a plain callable; TypeError for a coroutine function: nobody would await it."""
    if hook is None:
        return
    if not callable(hook):
        raise ConfigurationError(f"{name} must be a callable that takes an event, not {_described(hook)}")
    if inspect.iscoroutinefunction(hook) or inspect.iscoroutinefunction(type(hook).__call__):
        raise TypeError(f"{name} must be a plain function: hooks are called, not awaited")


def check_http_client(http_client: object, transport: object) -> None:
    """Refuse what is neither None nor an open `httpx.AsyncClient`, and one beside a transport."""
    if http_client is None:
        return
    check_kind("http_client", http_client, httpx.AsyncClient)
    # Only a real True: the mocks of a test answer with other objects.
    if getattr(http_client, "is_closed", None) is True:
        raise ConfigurationError("http_client is closed: pass an open one")
    if transport != "httpx":
        raise ConfigurationError("pass either transport or http_client, which has a transport of its own")


def check_text(name: str, value: object) -> None:
    """Refuse what is not a string, or empty."""
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{name} must be a non-empty string, not {_described(value)}")


def _described(value: object) -> str:
    """Describe `value` by its type: its text may hold a secret."""
    if value is None:
        return "None"
    if isinstance(value, type):
        return f"the class {value.__qualname__} itself"
    return _name(type(value))


def _name(kind: type) -> str:
    package = kind.__module__.partition(".")[0]
    return kind.__qualname__ if package == "builtins" else f"{package}.{kind.__qualname__}"
