"""The tumbling windows of a stream mapping: which records belong to one, and its state.

The state lives in memory: after a restart a window goes on with an empty one.
Reference: https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-windows.html
"""

from __future__ import annotations

import datetime as dt
import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]


class TumblingWindow:
    """Windows of `seconds`; with 0 there are none, and every batch stays whole."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._start: int | None = None
        self.state: Any = {}

    def split(self, records: Sequence[Record]) -> Iterator[Sequence[Record]]:
        """Runs of records that belong to one window."""
        for _, run in itertools.groupby(records, key=self._window_of):
            yield list(run)

    def open(self, batch: Sequence[Record]) -> None:
        """Make the window of these records the current one."""
        self._start = self._window_of(batch[0])

    def is_over(self, batch: Sequence[Record]) -> bool:
        """Whether a window is open that records of another one, or the clock, have ended."""
        if self._start is None or not self._seconds:
            return False
        if batch:
            return self._window_of(batch[0]) != self._start
        return time.time() >= self._start + self._seconds

    def close(self) -> None:
        self._start, self.state = None, {}

    def keep(self, answer: Any) -> None:
        """Carry the state that the function answered with to the window's next event."""
        if isinstance(answer, Mapping) and "state" in answer:
            self.state = answer["state"]

    def bounds(self) -> dict[str, str]:
        start = self._start or 0
        return {"start": _instant(start), "end": _instant(start + self._seconds)}

    def _window_of(self, record: Record) -> int:
        if not self._seconds:
            return 0
        created = int(record["dynamodb"]["ApproximateCreationDateTime"])
        return created - created % self._seconds


def _instant(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
