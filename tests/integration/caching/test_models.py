"""The models behind an endpoint: which ones answered, what goes before what, and an outage."""

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest

from customerai.adapters.cached_text_analyser import CachedTextAnalyser
from customerai.adapters.memory.cache import MemoryCache
from customerai.adapters.sagemaker.text_analyser import SageMakerTextAnalyser, model_breaker
from customerai.adapters.static_analyser import StaticAnalyser
from customerai.domain.analysis import AnalysisOptions, RequestedTier, Tier
from customerai.domain.errors import ModelRejectedError, UnavailableError
from customerai.resilience import deadline
from customerai.resilience.breaker import CircuitBreaker, State
from customerai.resilience.refusal import RefusedError
from customerai.resilience.shedding import Priority
from customerai.usecases.analyse_texts import analyse_texts
from tests.integration.caching.conftest import Start
from tests.integration.redis.servers import until

PLAIN = AnalysisOptions()
DIGEST = "0123456789abcdef"
RESULT = {
    "label": "negative",
    "scores": {"negative": 0.75, "neutral": 0.15, "positive": 0.1},
    "model": "model-1",
    "tier": "full",
    "abstained": False,
}


class Endpoint:
    """Answers one result a text, with these attributes, or fails with this status."""

    def __init__(self) -> None:
        self.attributes: str | None = f"models={DIGEST}"
        self.status = 200
        self.delay_seconds = 0.0
        self.texts: list[list[str]] = []
        self.told: list[str] = []


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    told = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = msgspec.msgpack.decode(self.rfile.read(int(self.headers["content-length"])))
            told.texts.append(asked["texts"])
            told.told.append(self.headers["x-amzn-sagemaker-custom-attributes"])
            time.sleep(told.delay_seconds)
            if told.status == 200:
                content = msgspec.msgpack.encode({"results": [RESULT] * len(asked["texts"])})
            else:
                content = msgspec.json.encode({"OriginalStatusCode": told.status})
            try:
                self.send_response(200 if told.status == 200 else 424)
                if told.attributes:
                    self.send_header("X-Amzn-SageMaker-Custom-Attributes", told.attributes)
                if told.status != 200:
                    self.send_header("x-amzn-errortype", "ModelError")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                self.close_connection = True  # the client did not wait

        def log_message(self, *_: Any) -> None:
            """A test's output is its own."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", url)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("attributes", "models"),
    [
        (f"models={DIGEST}", DIGEST),
        (f"region=1,models={DIGEST}; x=y", DIGEST),
        (None, None),
        ("models=", None),
        (f"models={DIGEST}0", None),
        (f"remodels={DIGEST}", None),
    ],
)
async def test_an_answer_comes_with_the_models_that_gave_it(
    endpoint: Endpoint, attributes: str | None, models: str | None
) -> None:
    endpoint.attributes = attributes
    assert (await SageMakerTextAnalyser("live", 5).ask(["a"], PLAIN, 5)).models == models


@pytest.mark.parametrize(
    ("priority", "expected"),
    [
        (Priority.CRITICAL, ",priority=critical"),
        (Priority.BATCH, ",priority=batch"),
        (Priority.STANDARD, ""),
    ],
)
async def test_the_endpoint_is_told_what_goes_before_what(
    endpoint: Endpoint, priority: Priority, expected: str
) -> None:
    await SageMakerTextAnalyser("live", 5, priority=priority).analyse(["a"], PLAIN, 5)
    [told] = endpoint.told
    timeout, _, rest = told.partition(",")
    assert timeout.removeprefix("timeout-ms=").isdigit()
    assert told.removeprefix(timeout) == expected
    assert rest == expected.removeprefix(",")


async def test_processes_share_what_the_endpoint_said(endpoint: Endpoint, start: Start) -> None:
    here, there = [
        CachedTextAnalyser.over(SageMakerTextAnalyser("live", 5), "live", await start())
        for _ in range(2)
    ]
    first = await here.analyse(["a", "b", "a"], PLAIN, 5)
    assert await there.analyse(["b", "a", "c"], PLAIN, 5) == first
    assert endpoint.texts == [["a", "b"], ["c"]]


async def test_a_refusal_is_shared_too(endpoint: Endpoint, start: Start) -> None:
    here, there = [
        CachedTextAnalyser.over(SageMakerTextAnalyser("live", 5), "live", await start())
        for _ in range(2)
    ]
    await here.analyse(["a"], PLAIN, 5)
    endpoint.status = 422
    for analyser in (here, there):
        with pytest.raises(ModelRejectedError):
            await analyser.analyse(["\0"], PLAIN, 5)
    assert endpoint.texts == [["a"], ["\0"]]


async def test_while_the_models_are_down_the_static_tier_answers_at_once(
    endpoint: Endpoint,
) -> None:
    breaker = CircuitBreaker("model", minimum_calls=2, open_seconds=0.3)
    endpoint.status, endpoint.delay_seconds = 503, 0.05
    analyser = CachedTextAnalyser.over(
        SageMakerTextAnalyser("live", 5, breaker=breaker), "live", MemoryCache()
    )

    async def answered() -> Tier:
        answers = await analyse_texts(
            "acme",
            ["It broke."],
            RequestedTier.FULL,
            frozenset(),
            analyser=analyser,
            fallback=StaticAnalyser(_Coin),
            taxonomies=_NoTaxonomies(),
            seconds=5,
        )
        return answers.analyses[0].tier

    for _ in range(2):
        assert await answered() is Tier.STATIC
    asked = len(endpoint.texts)
    for _ in range(20):
        assert await answered() is Tier.STATIC
    assert (breaker.state, len(endpoint.texts)) == (State.OPEN, asked)

    endpoint.status = 200

    async def may_be_tried() -> bool:
        return breaker.state is not State.OPEN

    await until(may_be_tried)
    assert await answered() is Tier.FULL
    assert breaker.state is State.CLOSED
    endpoint.status = 503
    assert await answered() is Tier.FULL  # it was kept, unlike what the static tier said


async def test_what_is_kept_is_given_while_the_models_are_down(endpoint: Endpoint) -> None:
    breaker = model_breaker()
    analyser = CachedTextAnalyser.over(
        SageMakerTextAnalyser("live", 5, breaker=breaker), "live", MemoryCache()
    )
    kept = await analyser.analyse(["a"], PLAIN, 5)
    endpoint.status = 503
    for _ in range(6):
        with pytest.raises(UnavailableError):
            await analyser.analyse(["b"], PLAIN, 5)
    with pytest.raises(RefusedError):
        await analyser.analyse(["b"], PLAIN, 5)
    assert await analyser.analyse(["a"], PLAIN, 5) == kept


async def test_clients_in_a_hurry_do_not_open_the_circuit(endpoint: Endpoint) -> None:
    breaker = model_breaker()
    analyser = SageMakerTextAnalyser("live", 5, breaker=breaker)
    endpoint.delay_seconds = 0.2
    for _ in range(6):
        with deadline.within(0.02), pytest.raises(UnavailableError):
            await analyser.analyse(["a"], PLAIN, 5)
    assert breaker.state.value == "closed"
    for _ in range(6):
        with pytest.raises(UnavailableError):
            await analyser.analyse(["a"], PLAIN, 0.02)
    assert breaker.state.value == "closed"
    endpoint.delay_seconds = 3
    patient = [analyser.analyse(["a"], PLAIN, 1.0) for _ in range(6)]
    await asyncio.gather(*patient, return_exceptions=True)
    assert breaker.state is State.OPEN


class _Coin:
    """A static model that is sure of nothing."""

    version = "coin-1"
    abstain_below = 0.5

    def probabilities(self, texts: Sequence[str]) -> list[list[float]]:
        return [[0.4, 0.3, 0.3]] * len(texts)


class _NoTaxonomies:
    async def get(self, tenant: str) -> None:
        return None
