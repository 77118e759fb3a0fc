"""References to secrets, so that a file can be shared without them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from attrs import frozen

from ..errors import ConfigurationError

_LARGEST_SECRET = 64 * 2**10


@frozen
class SecretReference:
    """A secret by reference: the name of an environment variable, or the path of a file."""

    kind: Literal["env", "file"]
    where: str

    def read(self, environment: Mapping[str, str]) -> str:
        """Return the secret, without a line break at the end of the file; raises `ConfigurationError`."""
        if self.kind == "env":
            value = environment.get(self.where)
            if not value:
                raise ConfigurationError(f"environment variable {self.where} is not set")
            return value
        try:
            with Path(self.where).open("rb") as file:
                content = file.read(_LARGEST_SECRET + 1)
            value = content.decode().rstrip("\r\n")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "not UTF-8 text"
            raise ConfigurationError(f"can't read secret file {self.where}: {reason}") from None
        if not value or len(content) > _LARGEST_SECRET:
            raise ConfigurationError(
                f"secret file {self.where} is empty or larger than {_LARGEST_SECRET // 1024} KiB"
            )
        return value

    def to_dict(self) -> dict[str, str]:
        """Return the reference as a file spells it."""
        return {self.kind: self.where}


def reveal(value: str | SecretReference, environment: Mapping[str, str]) -> str:
    """Return a secret given literally or by reference."""
    return value.read(environment) if isinstance(value, SecretReference) else value
