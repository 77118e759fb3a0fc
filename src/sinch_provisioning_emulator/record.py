"""What has been asked of the emulator, kept for assertions; nothing secret is in it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import overload

import attrs

from .wire import Json

_SECRET = re.compile(
    r"secret|token|credential|password|authorization|(sender|api|access)_?key", re.IGNORECASE
)
_HARMLESS = frozenset({"pageToken", "nextPageToken"})


@attrs.frozen
class RecordedRequest:
    """One request and what became of it; `status` is None where no reply was sent.

    `operation_id` is None where the document has no such operation, "token" at the token endpoint; `fault`
    names an injected fault; `body` is the JSON sent, secrets blanked; `at` is the emulator's wall time.
    """

    at: float
    method: str
    path: str
    operation_id: str | None
    project_id: str | None
    sender_id: str | None
    status: int | None
    request_id: str
    scheme: str | None = None
    key_id: str | None = None
    query: Mapping[str, str] = attrs.field(factory=dict[str, str])
    body: Json = None
    fault: str | None = None


class Record(Sequence[RecordedRequest]):
    """The last requests, oldest first; older ones than `limit` are forgotten."""

    def __init__(self, limit: int) -> None:
        """`limit` bounds the memory of an emulator that runs for long."""
        self._kept: deque[RecordedRequest] = deque(maxlen=limit)

    def add(self, request: RecordedRequest) -> None:
        """Keep one more."""
        self._kept.append(request)

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()

    def of(
        self, operation_id: str | None = None, *, project_id: str | None = None, status: int | None = None
    ) -> list[RecordedRequest]:
        """Those of an operation, a project, a status; any combination."""
        return [
            each
            for each in self._kept
            if (operation_id is None or each.operation_id == operation_id)
            and (project_id is None or each.project_id == project_id)
            and (status is None or each.status == status)
        ]

    def count(
        self, operation_id: str | None = None, *, project_id: str | None = None, status: int | None = None
    ) -> int:
        """How many of an operation, a project, a status there were."""
        return len(self.of(operation_id, project_id=project_id, status=status))

    @overload
    def __getitem__(self, index: int) -> RecordedRequest: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[RecordedRequest]: ...
    def __getitem__(self, index: int | slice) -> RecordedRequest | Sequence[RecordedRequest]:
        """One by its place, or a slice."""
        return list(self._kept)[index] if isinstance(index, slice) else self._kept[index]

    def __reversed__(self) -> Iterator[RecordedRequest]:
        """Newest first."""
        return reversed(list(self._kept))

    def __iter__(self) -> Iterator[RecordedRequest]:
        """Oldest first; changes meanwhile do no harm."""
        return iter(list(self._kept))

    def __len__(self) -> int:
        """How many there are."""
        return len(self._kept)

    def __repr__(self) -> str:
        """A count, for a look in a debugger."""
        return f"<Record: {len(self)} requests>"


def blanked(value: Json, *, name: str = "") -> Json:
    """A JSON value without what looks like a secret: values under a telling name become "***"."""
    if isinstance(value, dict):
        return {
            key: "***" if _SECRET.search(key) and key not in _HARMLESS else blanked(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [blanked(item) for item in value]
    return "***" if name and _SECRET.search(name) and name not in _HARMLESS else value
