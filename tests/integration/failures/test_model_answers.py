"""What is sent to the models' container, and what is made of its answers, whole or not."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest

from customerai.adapters.sagemaker.text_analyser import SageMakerTextAnalyser
from customerai.domain.analysis import (
    Analysis,
    AnalysisOptions,
    Aspect,
    Feature,
    Intent,
    IntentMatch,
    Language,
    RequestedTier,
    Tier,
    TopicMatch,
)
from customerai.domain.errors import UnavailableError
from customerai.domain.sentiment import Scores, Sentiment, SentimentLabel
from customerai.domain.taxonomy import Taxonomy, Topic
from customerai.resilience.retries import Retries

TEXT = "\U0001f642 The tent leaks."
TAXONOMY = Taxonomy.of([Topic("tents", "Tents", ("It leaks.",)), Topic("bags", "Bags", ())])
EVERYTHING = AnalysisOptions(include=frozenset(Feature), taxonomy=TAXONOMY)
SENTIMENT = {
    "label": "negative",
    "scores": {"negative": 0.75, "neutral": 0.15, "positive": 0.1},
    "model": "model-1",
    "tier": "full",
    "abstained": False,
}
FEATURES = {
    "language": {"code": "en", "confidence": 0.99, "supported": True},
    "aspects": [{"words": "tent", "start": 6, "end": 10, "label": "negative", "confidence": 0.9}],
    "topics": [{"id": "tents", "confidence": 0.8}],
    "intent": {"label": "complaint", "confidence": 0.6},
    "urgency": None,
}


class Container:
    """Answers everybody with ``answer`` and keeps what it was sent."""

    def __init__(self) -> None:
        self.failures = 0
        """So many requests first meet a SageMaker that is not available."""
        self.answer: Any = {"model": "model-1", "results": [SENTIMENT | FEATURES]}
        self.requests: list[tuple[str, Mapping[str, str], Any]] = []


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch) -> Iterator[Container]:
    told = Container()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            told.requests.append((self.path, headers, msgspec.msgpack.decode(body)))
            content = msgspec.msgpack.encode(told.answer)
            failing = len(told.requests) <= told.failures
            self.send_response(503 if failing else 200)
            if failing:
                self.send_header("x-amzn-errortype", "ServiceUnavailable")
            self.send_header("content-type", "application/msgpack")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """A test's output is its own."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", url)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


async def ask(options: AnalysisOptions) -> Analysis:
    (answer,) = await SageMakerTextAnalyser("endpoint", 20).analyse([TEXT], options, 20)
    return answer


async def test_what_is_asked_for_is_sent(container: Container) -> None:
    await ask(AnalysisOptions(RequestedTier.CASCADE, frozenset({Feature.TOPICS}), TAXONOMY))
    ((path, headers, body),) = container.requests
    assert path == "/endpoints/endpoint/invocations"
    assert (headers["content-type"], headers["accept"]) == ("application/msgpack",) * 2
    assert body == {
        "texts": [TEXT],
        "tier": "cascade",
        "include": ["topics"],
        "topics": [
            {"id": "tents", "label": "Tents", "examples": ["It leaks."]},
            {"id": "bags", "label": "Bags", "examples": []},
        ],
    }


@pytest.mark.parametrize(("longest", "seconds"), [(20, 7.5), (7.5, 20)])
async def test_the_container_is_told_how_long_it_is_waited_for(
    container: Container, longest: float, seconds: float
) -> None:
    await SageMakerTextAnalyser("endpoint", longest).analyse([TEXT], AnalysisOptions(), seconds)
    ((_, headers, _),) = container.requests
    name, _, milliseconds = headers["x-amzn-sagemaker-custom-attributes"].partition("=")
    assert name == "timeout-ms"
    assert 0 < int(milliseconds) <= 7_500


async def test_what_may_pass_is_tried_again_in_what_is_left_of_the_time(
    container: Container,
) -> None:
    container.failures = 2
    assert (await ask(EVERYTHING)).features == frozenset(Feature)
    told = [
        int(headers["x-amzn-sagemaker-custom-attributes"].removeprefix("timeout-ms="))
        for _, headers, _ in container.requests
    ]
    assert len(told) == 3
    assert told == sorted(told, reverse=True)


async def test_what_does_not_pass_is_given_up_after_three_tries(container: Container) -> None:
    container.failures = 100
    with pytest.raises(UnavailableError):
        await ask(EVERYTHING)
    assert len(container.requests) == 3


async def test_nothing_is_tried_again_without_time(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    container.failures = 100
    monkeypatch.setattr(Retries, "_wait", lambda *_: 3_600.0)  # the pause that would be made
    with pytest.raises(UnavailableError):
        await ask(EVERYTHING)
    assert len(container.requests) == 1


async def test_an_answer_is_read_whole(container: Container) -> None:
    assert await ask(EVERYTHING) == Analysis(
        Sentiment(SentimentLabel.NEGATIVE, Scores(0.75, 0.15, 0.1), "model-1"),
        Tier.FULL,
        features=frozenset(Feature),
        aspects=(Aspect("tent", 6, 10, SentimentLabel.NEGATIVE, 0.9),),
        topics=(TopicMatch("tents", 0.8),),
        taxonomy=TAXONOMY.version,
        intent=IntentMatch(Intent.COMPLAINT, 0.6),
        urgency=None,
        language=Language("en", 0.99, True),
    )


async def test_fields_that_are_not_known_are_passed_over(container: Container) -> None:
    expected = await ask(EVERYTHING)
    language = {"code": "en", "confidence": 0.99, "supported": True, "script": "Latn"}
    newer = SENTIMENT | FEATURES | {"language": language, "sarcasm": 0.1}
    container.answer = {"model": "model-1", "results": [newer], "queue_ms": 3}
    assert await ask(EVERYTHING) == expected


async def test_what_was_not_asked_for_is_not_told(container: Container) -> None:
    answer = await ask(AnalysisOptions(include=frozenset({Feature.INTENT})))
    assert answer.features == {Feature.INTENT}
    assert (answer.aspects, answer.topics, answer.taxonomy, answer.language) == (None,) * 4


async def test_a_lesser_tier_may_leave_out_what_it_does_not_find(container: Container) -> None:
    container.answer["results"] = [
        {**SENTIMENT, "tier": "static", "abstained": True, "aspects": None, "intent": None}
    ]
    answer = await ask(EVERYTHING)
    assert (answer.tier, answer.abstained) == (Tier.STATIC, True)
    assert answer.features == {Feature.INTENT}


@pytest.mark.parametrize("tier", ["full", "fast"])
async def test_what_no_model_in_the_container_finds_is_left_out(
    container: Container, tier: str
) -> None:
    expected = await ask(EVERYTHING)
    served = {name: FEATURES[name] for name in ("language", "aspects")}
    container.answer = {
        "model": "model-1",
        "omitted": ["intent", "topics", "urgency"],
        "results": [SENTIMENT | served | {"tier": tier}],
    }
    assert await ask(EVERYTHING) == replace(
        expected,
        tier=Tier(tier),
        features=frozenset({Feature.LANGUAGE, Feature.ASPECTS}),
        topics=None,
        taxonomy=None,
        intent=None,
    )


async def test_what_is_left_out_and_not_said_to_be_is_not_as_agreed(container: Container) -> None:
    container.answer = {"model": "model-1", "omitted": ["intent"], "results": [SENTIMENT]}
    with pytest.raises(UnavailableError):
        await ask(EVERYTHING)


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in (SENTIMENT | FEATURES).items() if key != name}


def aspect(**changed: Any) -> dict[str, Any]:
    (found,) = FEATURES["aspects"]  # type: ignore[misc]
    return SENTIMENT | FEATURES | {"aspects": [found | changed]}  # type: ignore[operator]


@pytest.mark.parametrize(
    "results",
    [
        [],
        [SENTIMENT | FEATURES] * 2,
        None,
        ["negative"],
        *([without(name)] for name in (*SENTIMENT, *FEATURES)),
        [SENTIMENT | FEATURES | {"label": "angry"}],
        [SENTIMENT | FEATURES | {"tier": "cascade"}],
        [SENTIMENT | FEATURES | {"scores": {"negative": 0.75, "neutral": 0.25}}],
        [SENTIMENT | FEATURES | {"scores": {"negative": 3, "neutral": 1, "positive": 0}}],
        [SENTIMENT | FEATURES | {"scores": dict.fromkeys(SentimentLabel, float("nan"))}],
        [SENTIMENT | FEATURES | {"topics": None}],
        [aspect(start=5)],
        [aspect(words="poles")],
        [aspect(start=-12, end=-8)],
        [aspect(words="", start=6, end=6)],
        [aspect(end=4_000)],
    ],
)
async def test_an_answer_that_is_not_as_agreed_is_none(container: Container, results: Any) -> None:
    container.answer = {"model": "model-1", "results": results}
    with pytest.raises(UnavailableError):
        await ask(EVERYTHING)
