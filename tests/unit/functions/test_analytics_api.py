"""The analytics API through its Lambda handler, over the memory adapters."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from customerai.adapters.memory.analysis_queue import MemoryAnalysisQueue
from customerai.adapters.memory.interactions import MemoryInteractions, state_of
from customerai.adapters.memory.rollups import MemoryRollups
from customerai.domain.analysis import Analysis, Tier
from customerai.domain.ids import make_id, random_entropy
from customerai.domain.interaction import Channel, Interaction
from customerai.domain.sentiment import Scores, Sentiment, SentimentLabel
from customerai.usecases.roll_up import InteractionChange, roll_up
from customerai_http.app import create_app, lambda_handler
from functions.analytics_api import routes
from tests.conftest import LambdaContext
from tests.http_events import http_event, json_body

DAY = datetime(2026, 11, 20, tzinfo=UTC)


class Api:
    def __init__(self) -> None:
        self.store, self.rollups = MemoryInteractions(), MemoryRollups()
        self._sequence = 0
        router = routes.build_router(rollups=self.rollups, states=self.store)
        self._handler = lambda_handler(create_app("test", router))

    def add(
        self, at: datetime, channel: Channel, score: float | None, tenant: str = "acme"
    ) -> None:
        analysis = None
        if score is not None:
            label = SentimentLabel.POSITIVE if score > 0 else SentimentLabel.NEGATIVE
            scores = Scores(max(-score, 0), 1 - abs(score), max(score, 0))
            analysis = Analysis(Sentiment(label, scores, "m"), Tier.FULL)
        made = make_id(at, random_entropy())
        each = Interaction(tenant, made, at, at, "c", channel, "t", analysis=analysis)
        self.store.add([each])
        self._sequence += 1
        change = InteractionChange(str(self._sequence).zfill(40), each.ref, None, state_of(each))
        roll_up("shard", [change], rollups=self.rollups, queue=MemoryAnalysisQueue())

    def get(self, path: str, query: str = "", **more: Any) -> Any:
        event = http_event("GET", f"/v1/analytics/{path}", query=query, **more)
        return self._handler(event, LambdaContext())  # type: ignore[arg-type]


@pytest.fixture
def api() -> Api:
    api = Api()
    api.add(DAY + timedelta(hours=1, minutes=10), Channel.EMAIL, 0.5)
    api.add(DAY + timedelta(hours=1, minutes=50), Channel.EMAIL, -0.9)
    api.add(DAY + timedelta(hours=3), Channel.CHAT, None)
    api.add(DAY + timedelta(days=1), Channel.CHAT, 0.7)
    api.add(DAY, Channel.CALL, 0.1, tenant="globex")
    return api


NONE = dict.fromkeys(Channel, 0)


def test_a_summary(api: Api) -> None:
    answer = api.get("summary", "from=2026-11-20&to=2026-11-22")
    assert answer["statusCode"] == 200
    assert json_body(answer) == {
        "from": "2026-11-20T00:00:00Z",
        "to": "2026-11-22T00:00:00Z",
        "total": 4,
        "sentiment": {"negative": 1, "neutral": 0, "positive": 2, "pending": 1},
        "channels": NONE | {"email": 2, "chat": 2},
        "mean_score": 0.1,
    }


def test_a_summary_of_part_of_an_hour_and_of_one_channel(api: Api) -> None:
    query = "from=2026-11-20T01:30:00Z&to=2026-11-20T03:00:00Z"
    assert json_body(api.get("summary", query))["sentiment"]["negative"] == 1
    assert json_body(api.get("summary", query))["total"] == 1
    chat = json_body(api.get("summary", "from=2026-11-20&to=2026-11-22&channel=chat"))
    assert (chat["total"], chat["channels"], chat["mean_score"]) == (2, {"chat": 2}, 0.7)


def test_the_last_30_days_where_nothing_is_given(api: Api) -> None:
    now = datetime.now(UTC)
    api.add(now, Channel.SOCIAL, 0.2)
    body = json_body(api.get("summary"))
    start, end = (datetime.fromisoformat(body[name]) for name in ("from", "to"))
    assert end - start == timedelta(days=30)
    assert timedelta(0) < end - now <= timedelta(hours=1)
    assert body["channels"]["social"] == 1


def test_an_empty_range_has_no_mean(api: Api) -> None:
    body = json_body(api.get("summary", "from=2020-01-01&to=2020-01-02"))
    assert (body["total"], body["mean_score"]) == (0, None)


@pytest.mark.parametrize(("interval", "points"), [("hour", 48), ("day", 2)])
def test_a_series_has_every_window(api: Api, interval: str, points: int) -> None:
    query = f"interval={interval}&from=2026-11-20&to=2026-11-22"
    body = json_body(api.get("timeseries", query))
    assert body["interval"] == interval
    assert len(body["points"]) == points
    assert body["points"][0]["start"] == "2026-11-20T00:00:00Z"
    assert sum(point["total"] for point in body["points"]) == 4
    assert sum(point["channels"]["email"] for point in body["points"]) == 2


def test_tenants_do_not_see_each_other(api: Api) -> None:
    body = json_body(api.get("summary", "from=2026-11-20&to=2026-11-22", tenant="globex"))
    assert (body["total"], body["channels"]) == (1, NONE | {"call": 1})


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("summary", "from=2026-11-22&to=2026-11-22", "from"),
        ("summary", "from=soon", "from"),
        ("summary", "channel=fax", "channel"),
        ("summary", "until=2026-11-22", "until"),
        ("timeseries", "interval=minute", "interval"),
        ("timeseries", "interval=hour&from=2026-01-01&to=2026-11-22", "from"),
    ],
)
def test_bad_parameters_are_named(api: Api, path: str, query: str, field: str) -> None:
    answer = api.get(path, query)
    assert answer["statusCode"] == 422
    assert [each["field"] for each in json_body(answer)["errors"]] == [field]


def test_it_needs_its_scope(api: Api) -> None:
    assert api.get("summary", scopes="interactions:read")["statusCode"] == 403
    assert api.get("timeseries", tenant=None)["statusCode"] == 401
