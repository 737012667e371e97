"""Analytics as clients see it."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from customerai.domain.errors import InvalidParameterError
from customerai.domain.interaction import Channel
from customerai.domain.rollup import STATES, Measure, Totals
from customerai.domain.windows import Interval
from customerai_http.parameters import Instant
from customerai_http.readings import ReadParameters, sparse_fieldset, told_sparsely

DEFAULT_RANGE = timedelta(days=30)
_NUMBERS: JsonDict = {
    "total": 1204,
    "sentiment": {"negative": 310, "neutral": 268, "positive": 619, "pending": 7},
    "channels": {
        "email": 402,
        "chat": 388,
        "review": 301,
        "survey": 90,
        "social": 23,
        "call": 0,
    },
    "mean_score": 0.241,
}


class RangeParameters(ReadParameters):
    """[from, to) by when interactions occurred; the last 30 days where nothing is given."""

    known = frozenset(Measure)
    start: Instant | None = Field(
        default=None, alias="from", description="Default: 30 days before `to`."
    )
    end: Instant | None = Field(
        default=None, alias="to", description="Exclusive. Default: the end of the current hour."
    )
    channel: Channel | None = Field(default=None, description="Only this channel.")

    def bounds(self, now: datetime) -> tuple[datetime, datetime]:
        """Raises ``InvalidParameterError`` for an empty range."""
        end = self.end or Interval.HOUR.floor(now) + Interval.HOUR.length
        start = self.start or end - DEFAULT_RANGE
        if start >= end:
            raise InvalidParameterError("from", "must lie before `to`")
        return start.astimezone(UTC), end.astimezone(UTC)

    def channels(self) -> tuple[Channel, ...]:
        return (self.channel,) if self.channel else tuple(Channel)


class SummaryParameters(RangeParameters):
    sparse: str | None = sparse_fieldset("summary")


class SeriesParameters(RangeParameters):
    """The fields are those of each point."""

    sparse: str | None = sparse_fieldset("timeseries")
    interval: Interval = Interval.DAY


class SentimentCounts(BaseModel):
    negative: int
    neutral: int
    positive: int
    pending: int = Field(description="Stored, but not analysed yet.")


class Numbers(BaseModel):
    total: int = Field(description="All interactions, including pending ones.")
    sentiment: SentimentCounts
    channels: dict[Channel, int]
    mean_score: float | None = Field(
        description="Mean of positive less negative probability over what is analysed: -1 to 1. "
        "Null where nothing is."
    )

    @classmethod
    def of(cls, totals: Totals, channels: Iterable[Channel], **more: Any) -> Self:
        channels = tuple(channels)
        return cls(
            total=totals.count(channels),
            sentiment=SentimentCounts(
                **{str(state): totals.count(channels, [state]) for state in STATES}
            ),
            channels={channel: totals.count([channel]) for channel in channels},
            mean_score=totals.mean_score(channels),
            **more,
        )


class Bounds(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to")


class Summary(Numbers, Bounds):
    model_config = ConfigDict(
        json_schema_extra=told_sparsely(
            "from",
            "to",
            examples=[{"from": "2026-10-24T12:00:00Z", "to": "2026-11-23T12:00:00Z", **_NUMBERS}],
        )
    )

    def told(self, fields: Collection[str]) -> dict[str, Any]:
        """As it is answered where only these fields are asked for."""
        return self.model_dump(mode="json", by_alias=True, include={"start", "end", *fields})


class Point(Numbers):
    model_config = ConfigDict(json_schema_extra=told_sparsely("start"))

    start: datetime = Field(description="Start of the window, in UTC.")


class Series(Bounds):
    """One point a window, empty ones too; the first and the last may be cut by the range."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "from": "2026-11-22T00:00:00Z",
                    "to": "2026-11-23T00:00:00Z",
                    "interval": "day",
                    "points": [{"start": "2026-11-22T00:00:00Z", **_NUMBERS}],
                }
            ]
        }
    )

    interval: Interval
    points: list[Point]

    def told(self, fields: Collection[str]) -> dict[str, Any]:
        """As it is answered where only these fields of each point are asked for."""
        leave_out = set(Numbers.model_fields) - set(fields)
        return self.model_dump(
            mode="json", by_alias=True, exclude={"points": {"__all__": leave_out}}
        )
