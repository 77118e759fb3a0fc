"""The requests received, kept for assertions, with secrets redacted."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import overload

import attrs

from ..openapi.messages import Json

_SECRET = re.compile(
    r"secret|token|credential|password|authorization|(sender|api|access)_?key", re.IGNORECASE
)
_NOT_SECRET = frozenset({"pageToken", "nextPageToken"})


@attrs.frozen
class RecordedRequest:
    """One request and its outcome; `status` is None if no reply was sent.

    `operation_id` is None if no operation matched and "token" at the token endpoint; `fault` describes an
    injected fault; `body` is the JSON sent, with secrets redacted; `at` is the emulator's time, since the epoch.
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


class RequestLog(Sequence[RecordedRequest]):
    """The last `limit` requests, oldest first."""

    def __init__(self, limit: int) -> None:
        """`limit` bounds the memory used."""
        self._kept: deque[RecordedRequest] = deque(maxlen=limit)

    def add(self, request: RecordedRequest) -> None:
        """Append one."""
        self._kept.append(request)

    def clear(self) -> None:
        """Remove all."""
        self._kept.clear()

    def of(
        self,
        operation_id: str | None = None,
        *,
        project_id: str | None = None,
        sender_id: str | None = None,
        status: int | None = None,
    ) -> list[RecordedRequest]:
        """Return those that match every given criterion."""
        return [
            each
            for each in self._kept
            if (operation_id is None or each.operation_id == operation_id)
            and (project_id is None or each.project_id == project_id)
            and (sender_id is None or each.sender_id == sender_id)
            and (status is None or each.status == status)
        ]

    def count(
        self,
        operation_id: str | None = None,
        *,
        project_id: str | None = None,
        sender_id: str | None = None,
        status: int | None = None,
    ) -> int:
        """Return how many match every given criterion."""
        return len(self.of(operation_id, project_id=project_id, sender_id=sender_id, status=status))

    @overload
    def __getitem__(self, index: int) -> RecordedRequest: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[RecordedRequest]: ...
    def __getitem__(self, index: int | slice) -> RecordedRequest | Sequence[RecordedRequest]:
        """Return one by position, or a slice."""
        return list(self._kept)[index] if isinstance(index, slice) else self._kept[index]

    def __reversed__(self) -> Iterator[RecordedRequest]:
        """Iterate from the newest."""
        return reversed(list(self._kept))

    def __iter__(self) -> Iterator[RecordedRequest]:
        """Iterate over a copy, from the oldest."""
        return iter(list(self._kept))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._kept)

    def __repr__(self) -> str:
        """Show the count only."""
        return f"<RequestLog: {len(self)} requests>"


def redacted(value: Json, *, name: str = "") -> Json:
    """Return a copy in which the values of secret-looking names are "***"."""
    if isinstance(value, dict):
        return {
            key: "***" if _SECRET.search(key) and key not in _NOT_SECRET else redacted(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [redacted(item) for item in value]
    return "***" if name and _SECRET.search(name) and name not in _NOT_SECRET else value
