"""The analytics API through its Lambda handler, over the memory adapters."""

from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from customerai.adapters.memory.analysis_queue import MemoryAnalysisQueue
from customerai.adapters.memory.cache import MemoryCache
from customerai.adapters.memory.interactions import MemoryInteractions, state_of
from customerai.adapters.memory.rollups import MemoryRollups
from customerai.domain.analysis import Analysis, Tier
from customerai.domain.ids import make_id, random_entropy
from customerai.domain.interaction import Channel, Interaction
from customerai.domain.rollup import WindowCounters, counters_of
from customerai.domain.sentiment import Scores, Sentiment, SentimentLabel
from customerai.domain.windows import Interval
from customerai.event_loop import run
from customerai.usecases.roll_up import InteractionChange, roll_up
from customerai_http.app import create_app, lambda_handler
from customerai_http.response_cache import ResponseCache
from functions.analytics_api import routes
from tests.conftest import LambdaContext
from tests.http_events import ALL_SCOPES, http_event, json_body

DAY = datetime(2026, 11, 20, tzinfo=UTC)


class Recording(MemoryRollups):
    """Remembers which counters it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = list[AbstractSet[str] | None]()

    async def read(
        self,
        tenant: str,
        interval: Interval,
        start: datetime,
        end: datetime,
        counters: AbstractSet[str] | None = None,
    ) -> AsyncIterator[WindowCounters]:
        self.asked.append(counters)
        async for window in super().read(tenant, interval, start, end, counters):
            yield window


class Api:
    def __init__(self, kept: int = 0) -> None:
        self.store, self.rollups = MemoryInteractions(), Recording()
        self._sequence = 0
        router = routes.build_router(
            rollups=self.rollups, states=self.store, responses=ResponseCache(MemoryCache(kept))
        )
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
        run(self.store.add([each]))
        self._sequence += 1
        change = InteractionChange(str(self._sequence).zfill(40), each.ref, None, state_of(each))
        run(roll_up("shard", [change], rollups=self.rollups, queue=MemoryAnalysisQueue()))

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


FIELDS = ("total", "sentiment", "channels", "mean_score")
RANGE = "from=2026-11-20T00:30:00Z&to=2026-11-22T00:10:00Z"
EXPLAINING = f"{ALL_SCOPES} platform:explain"


def parts(path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """What the fields are of."""
    return [body] if path == "summary" else body["points"]


def always(path: str) -> set[str]:
    return {"from", "to"} if path == "summary" else {"start"}


@pytest.mark.parametrize("path", ["summary", "timeseries"])
@pytest.mark.parametrize("channel", ["", "&channel=email"])
@pytest.mark.parametrize("fields", [*FIELDS, "mean_score,%20total", ",".join(FIELDS)])
def test_only_the_fields_that_are_asked_for_are_read_and_told(
    api: Api, path: str, channel: str, fields: str
) -> None:
    named = {name.removeprefix("%20") for name in fields.split(",")}
    whole = json_body(api.get(path, RANGE + channel))
    for parameter in ("fields", f"fields[{path}]", f"fields%5B{path}%5D"):
        api.rollups.asked.clear()
        some = json_body(api.get(path, f"{RANGE}{channel}&{parameter}={fields}"))
        channels = [Channel.EMAIL] if channel else list(Channel)
        needed = counters_of(named, channels)
        assert api.rollups.asked
        assert all(counters == needed for counters in api.rollups.asked)
        if path == "timeseries":
            assert some | {"points": []} == whole | {"points": []}
        for told, all_of_it in zip(parts(path, some), parts(path, whole), strict=True):
            assert told == {name: all_of_it[name] for name in named | always(path)}


@pytest.mark.parametrize("path", ["summary", "timeseries"])
@pytest.mark.parametrize(
    ("value", "named"), [("total,mood,age", "age, mood"), ("from", "from"), ("", ""), (",", "")]
)
def test_fields_that_there_are_not_are_named(api: Api, path: str, value: str, named: str) -> None:
    for parameter in ("fields", f"fields[{path}]"):
        answer = api.get(path, f"{parameter}={value}")
        assert answer["statusCode"] == 400
        body = json_body(answer)
        assert body["type"] == "urn:customerai:problem:unknown-fields"
        assert [each["field"] for each in body["errors"]] == [parameter]
        assert named in body["detail"]
        assert ", ".join(sorted(FIELDS)) in body["detail"]
    assert api.rollups.asked == []


def test_fields_are_asked_for_in_one_way_and_of_what_is_read(api: Api) -> None:
    for path, other in (("summary", "timeseries"), ("timeseries", "summary")):
        both = api.get(path, f"fields=total&fields[{path}]=total")
        assert [each["field"] for each in json_body(both)["errors"]] == ["fields"]
        answer = api.get(path, f"fields[{other}]=total")
        assert answer["statusCode"] == 422
        assert [each["field"] for each in json_body(answer)["errors"]] == [f"fields[{other}]"]


@pytest.mark.parametrize("path", ["summary", "timeseries"])
def test_an_answer_is_kept_for_the_fields_that_it_has(path: str) -> None:
    api = Api(kept=100)
    api.add(DAY, Channel.EMAIL, 0.5)
    asked = ("", "&fields=total", "&fields=mean_score,total", "&fields=mean_score")
    first = [json_body(api.get(path, f"from=2026-11-20&to=2026-11-22{each}")) for each in asked]
    reads = len(api.rollups.asked)
    again = [json_body(api.get(path, f"from=2026-11-20&to=2026-11-22{each}")) for each in asked]
    assert again == first
    assert len({str(each) for each in first}) == len(asked)
    order = api.get(path, "from=2026-11-20&to=2026-11-22&fields=total,%20mean_score")
    assert json_body(order) == first[2]
    assert len(api.rollups.asked) == reads


@pytest.mark.parametrize("path", ["summary", "timeseries"])
def test_an_explanation_comes_with_the_answer_and_needs_its_scope(api: Api, path: str) -> None:
    query = f"{RANGE}&fields=total"
    plain = json_body(api.get(path, query))
    explained = json_body(api.get(path, f"{query}&explain=true", scopes=EXPLAINING))
    assert set(explained.pop("explain")) == {"steps", "caches", "milliseconds"}
    assert explained == plain
    refused = api.get(path, f"{query}&explain=true")
    assert refused["statusCode"] == 403
    assert "platform:explain" in json_body(refused)["detail"]
