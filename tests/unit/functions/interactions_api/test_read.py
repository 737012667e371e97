"""One interaction is read or deleted, by whoever may."""

from dataclasses import replace

import pytest

from customerai.adapters.memory.interactions import MemoryInteractions
from customerai.domain.analysis import (
    Analysis,
    Aspect,
    Feature,
    Language,
    Tier,
    TopicMatch,
    Urgency,
    UrgencyMatch,
)
from customerai.domain.interaction_view import InteractionView
from customerai.domain.sentiment import Scores, Sentiment, SentimentLabel
from customerai.ports import WHOLE, Reading
from tests.http_events import json_body
from tests.unit.functions.interactions_api.api import ONE, Api, assert_problem


def test_the_analysis_is_shown(api: Api) -> None:
    made = json_body(api.call("POST", "/v1/interactions", ONE))
    ref, stored = next(iter(api.store.stored.items()))
    sentiment = Sentiment(SentimentLabel.POSITIVE, Scores(0.1, 0.2, 0.7), "model-1")
    analysis = Analysis(
        sentiment,
        Tier.FULL,
        features=frozenset(Feature),
        aspects=(Aspect("answer", 24, 30, SentimentLabel.POSITIVE, 0.9),),
        topics=(TopicMatch("support", 0.8),),
        taxonomy="v1",
        intent=None,
        urgency=UrgencyMatch(Urgency.LOW, 0.7),
        language=Language("en", 0.99, True),
    )
    api.store.stored[ref] = replace(stored, analysis=analysis)
    read = json_body(api.call("GET", f"/v1/interactions/{made['id']}"))
    assert read["sentiment"] == {
        "label": "positive",
        "scores": {"negative": 0.1, "neutral": 0.2, "positive": 0.7},
        "confidence": 0.7,
        "abstained": False,
        "model": "model-1",
        "tier": "full",
    }
    assert read["analysis"] == {
        "aspects": [
            {"words": "answer", "start": 24, "end": 30, "label": "positive", "confidence": 0.9}
        ],
        "topics": [{"id": "support", "confidence": 0.8}],
        "taxonomy": "v1",
        "intent": None,
        "urgency": {"label": "low", "confidence": 0.7},
        "language": {"code": "en", "confidence": 0.99, "supported": True},
    }
    (listed,) = json_body(api.call("GET", "/v1/interactions"))["items"]
    assert listed == read


def test_deleting_once_is_enough(api: Api) -> None:
    made = json_body(api.call("POST", "/v1/interactions", ONE))
    path = f"/v1/interactions/{made['id']}"
    assert api.call("DELETE", path)["statusCode"] == 204
    assert_problem(api.call("GET", path), 404)
    assert_problem(api.call("DELETE", path), 404)


@pytest.mark.parametrize(
    "interaction_id", ["nope", "0" * 26, "01KAGFMZ40S3X9Q4T7V0B8ZC2U", "7" + "Z" * 25]
)
def test_what_is_not_there_is_not_found(api: Api, interaction_id: str) -> None:
    assert_problem(api.call("GET", f"/v1/interactions/{interaction_id}"), 404)


def test_tenants_do_not_see_each_other(api: Api) -> None:
    made = json_body(api.call("POST", "/v1/interactions", ONE))
    path = f"/v1/interactions/{made['id']}"
    assert_problem(api.call("GET", path, tenant="globex"), 404)
    assert_problem(api.call("DELETE", path, tenant="globex"), 404)
    assert json_body(api.call("GET", "/v1/interactions", tenant="globex"))["items"] == []
    assert api.call("GET", path)["statusCode"] == 200


def test_no_token_no_answer(api: Api) -> None:
    answer = api.call("GET", "/v1/interactions", tenant=None)
    assert_problem(answer, 401)
    assert answer["headers"]["www-authenticate"].startswith("Bearer")
    assert_problem(api.call("GET", "/v1/interactions", expires_at=1), 401)


def test_each_route_needs_its_scope(api: Api) -> None:
    calls = [
        ("POST", "/v1/interactions", ONE, "interactions:write"),
        ("POST", "/v1/interactions/batch", {"items": [ONE]}, "interactions:write"),
        ("GET", "/v1/interactions", None, "interactions:read"),
        ("GET", f"/v1/interactions/{'0' * 26}", None, "interactions:read"),
        ("DELETE", f"/v1/interactions/{'0' * 26}", None, "interactions:write"),
    ]
    for method, path, body, scope in calls:
        others = " ".join({"interactions:read", "interactions:write"} - {scope})
        answer = api.call(method, path, body, scopes=others)
        assert_problem(answer, 403)
        assert scope in json_body(answer)["detail"]
    assert api.store.stored == {}


def test_what_nobody_foresaw_tells_nothing() -> None:
    class Broken(MemoryInteractions):
        async def get(
            self, tenant: str, interaction_id: str, reading: Reading = WHOLE
        ) -> InteractionView | None:
            raise RuntimeError("secret detail")

    answer = Api(Broken()).call("GET", f"/v1/interactions/{'0' * 26}")
    assert_problem(answer, 500)
    assert "secret" not in answer["body"]


def test_unknown_paths_and_methods_are_problems_too(api: Api) -> None:
    assert_problem(api.call("GET", "/v1/nothing"), 404)
    assert_problem(api.call("PATCH", "/v1/interactions", ONE), 405)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/v1/interactions", "GET, POST"),
        ("PUT", "/v1/interactions/01M7W4N5E0924WVJVAVMCY5BXV", "DELETE, GET"),
        ("PUT", "/v1/interactions/batch", "DELETE, GET, POST"),
    ],
)
def test_a_method_that_there_is_not_is_told_which_there_are(
    api: Api, method: str, path: str, allowed: str
) -> None:
    answer = api.call(method, path)
    assert (answer["statusCode"], answer["headers"]["allow"]) == (405, allowed)
