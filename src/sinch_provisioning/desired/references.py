"""Where a secret is to be found, so that a file can be shared without it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from attrs import frozen

from .. import ConfigurationError

_LARGEST_SECRET = 64 * 2**10


@frozen
class SecretReference:
    """A secret by the place that holds it: an environment variable's name, or a file's path."""

    kind: Literal["env", "file"]
    where: str

    def read(self, environment: Mapping[str, str]) -> str:
        """Return the secret, without the line break at a file's end; raises `ConfigurationError`."""
        if self.kind == "env":
            value = environment.get(self.where)
            if not value:
                raise ConfigurationError(f"the environment variable {self.where} is not set")
            return value
        try:
            with Path(self.where).open("rb") as file:
                content = file.read(_LARGEST_SECRET + 1)
            value = content.decode().rstrip("\r\n")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is not text"
            raise ConfigurationError(f"the secret's file {self.where} can't be read: {reason}") from None
        if not value or len(content) > _LARGEST_SECRET:
            raise ConfigurationError(f"the secret's file {self.where} is empty or too large for a secret")
        return value

    def to_dict(self) -> dict[str, str]:
        """Give the reference as a file spells it."""
        return {self.kind: self.where}


def reveal(value: str | SecretReference, environment: Mapping[str, str]) -> str:
    """Return a secret that was given by itself or by reference."""
    return value.read(environment) if isinstance(value, SecretReference) else value
