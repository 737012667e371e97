"""What is sent to the models' container, and what is made of its answers, whole or not."""

import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

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
        self.answer: Any = {"model": "model-1", "results": [SENTIMENT | FEATURES]}
        self.requests: list[tuple[str, Mapping[str, str], Any]] = []


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch) -> Iterator[Container]:
    told = Container()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            told.requests.append((self.path, headers, json.loads(body)))
            content = json.dumps(told.answer).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
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


def ask(options: AnalysisOptions) -> Analysis:
    (answer,) = SageMakerTextAnalyser("endpoint", 2.5).analyse([TEXT], options)
    return answer


def test_what_is_asked_for_is_sent_with_its_deadline(container: Container) -> None:
    ask(AnalysisOptions(RequestedTier.CASCADE, frozenset({Feature.TOPICS}), TAXONOMY))
    ((path, headers, body),) = container.requests
    assert path == "/endpoints/endpoint/invocations"
    assert headers["x-amzn-sagemaker-custom-attributes"] == "timeout-ms=2500"
    assert (headers["content-type"], headers["accept"]) == ("application/json",) * 2
    assert body == {
        "texts": [TEXT],
        "tier": "cascade",
        "include": ["topics"],
        "topics": [
            {"id": "tents", "label": "Tents", "examples": ["It leaks."]},
            {"id": "bags", "label": "Bags", "examples": []},
        ],
    }


def test_an_answer_is_read_whole(container: Container) -> None:
    assert ask(EVERYTHING) == Analysis(
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


def test_fields_that_are_not_known_are_passed_over(container: Container) -> None:
    expected = ask(EVERYTHING)
    language = {"code": "en", "confidence": 0.99, "supported": True, "script": "Latn"}
    newer = SENTIMENT | FEATURES | {"language": language, "sarcasm": 0.1}
    container.answer = {"model": "model-1", "results": [newer], "queue_ms": 3}
    assert ask(EVERYTHING) == expected


def test_what_was_not_asked_for_is_not_told(container: Container) -> None:
    answer = ask(AnalysisOptions(include=frozenset({Feature.INTENT})))
    assert answer.features == {Feature.INTENT}
    assert (answer.aspects, answer.topics, answer.taxonomy, answer.language) == (None,) * 4


def test_a_lesser_tier_may_leave_out_what_it_does_not_find(container: Container) -> None:
    container.answer["results"] = [
        {**SENTIMENT, "tier": "static", "abstained": True, "aspects": None, "intent": None}
    ]
    answer = ask(EVERYTHING)
    assert (answer.tier, answer.abstained) == (Tier.STATIC, True)
    assert answer.features == {Feature.INTENT}


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
def test_an_answer_that_is_not_as_agreed_is_none(container: Container, results: Any) -> None:
    container.answer = {"model": "model-1", "results": results}
    with pytest.raises(UnavailableError):
        ask(EVERYTHING)
