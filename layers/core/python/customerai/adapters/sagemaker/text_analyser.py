"""The models behind a SageMaker endpoint."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from customerai.adapters import aws
from customerai.adapters.aws.errors import ServiceError, reporting
from customerai.domain.analysis import (
    Analysis,
    AnalysisOptions,
    Aspect,
    Feature,
    IntentMatch,
    Language,
    RequestedTier,
    Tier,
    TopicMatch,
    UrgencyMatch,
)
from customerai.domain.errors import ModelRejectedError, UnavailableError
from customerai.domain.sentiment import Scores, Sentiment, SentimentLabel
from customerai.domain.taxonomy import Taxonomy
from customerai.observability import gauges
from customerai.resilience import deadline
from customerai.resilience.breaker import CircuitBreaker
from customerai.resilience.refusal import RefusedError
from customerai.resilience.shedding import Priority

_BUSY = frozenset({408, 429})
_MAY_ABSTAIN = frozenset({Feature.INTENT, Feature.URGENCY})
_PLAIN = AnalysisOptions()
_MSGPACK = "application/msgpack"
_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
_MODELS = re.compile(r"(?:^|[,;\s])models=([0-9a-f]{16})(?:$|[,;\s])")
_encode = msgspec.msgpack.Encoder().encode


class _Result(msgspec.Struct):
    """What the container says of one text; fields that are not known here are not read."""

    label: SentimentLabel
    scores: Scores
    model: str
    tier: Tier
    abstained: bool
    aspects: tuple[Aspect, ...] | None = None
    topics: tuple[TopicMatch, ...] | None = None
    intent: IntentMatch | UnsetType | None = UNSET
    urgency: UrgencyMatch | UnsetType | None = UNSET
    language: Language | None = None


class _Answer(msgspec.Struct):
    """``omitted`` are the features that no model in the container finds."""

    results: list[_Result]
    omitted: frozenset[Feature] = frozenset()


_decode = msgspec.msgpack.Decoder(_Answer).decode


class _MalformedAnswerError(Exception):
    """The container answers something else than was agreed."""


@dataclass(frozen=True, slots=True)
class ModelAnswers:
    """One analysis a text, and the digest of the models that made them, if they tell it."""

    analyses: list[Analysis]
    models: str | None


def model_breaker() -> CircuitBreaker:
    """For whoever has something else to answer with while the models are down.

    A client that waits for less than ``_TELLING_SECONDS`` tells nothing of them by giving up.
    """
    return CircuitBreaker(
        "model",
        failure_rate=0.5,
        minimum_calls=5,
        window=10.0,
        open_seconds=2.0,
        on_change=gauges.breaker_of("model"),
    )


_TELLING_SECONDS = 1.0


class SageMakerTextAnalyser:
    """``customerai.ports.TextAnalyser``; nobody waits for it more than ``longest`` seconds.

    The container is told how long it is waited for, so that it drops what nobody waits for, and
    what else may go before it. While ``breaker`` is open nobody asks it.
    """

    def __init__(
        self,
        endpoint: str,
        longest: float,
        *,
        priority: Priority = Priority.STANDARD,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        self._path = f"/endpoints/{endpoint}/invocations"
        self._longest = longest
        self._importance = "" if priority is Priority.STANDARD else f",priority={priority}"
        self._breaker = breaker

    async def analyse(
        self, texts: Sequence[str], options: AnalysisOptions, seconds: float
    ) -> list[Analysis]:
        """Raises ``UnavailableError`` for a malformed answer too: the next one may be whole."""
        return (await self.ask(texts, options, seconds)).analyses

    async def ask(
        self, texts: Sequence[str], options: AnalysisOptions, seconds: float
    ) -> ModelAnswers:
        """``analyse``, with the models that answered."""
        breaker = self._breaker
        if breaker is None:
            return await self._ask(texts, options, seconds)
        patience = min(seconds, deadline.remaining())
        if patience >= _TELLING_SECONDS:
            return await breaker.call(lambda: self._ask(texts, options, seconds))
        # Given up from outside: the breaker does not count what it can't know the end of.
        async with deadline.timeout("model", patience):
            return await breaker.call(lambda: self._ask_hurriedly(texts, options))

    async def probe(self) -> None:
        await self.analyse(["All is well."], _PLAIN, self._longest)

    async def _ask_hurriedly(self, texts: Sequence[str], options: AnalysisOptions) -> ModelAnswers:
        """Raises ``RefusedError`` where the time was up before anything could be known."""
        try:
            return await self._ask(texts, options, self._longest)
        except UnavailableError as error:
            if deadline.remaining() > 0:
                raise
            raise RefusedError("model") from error

    async def _ask(
        self, texts: Sequence[str], options: AnalysisOptions, seconds: float
    ) -> ModelAnswers:
        body = _encode(_request(texts, options))
        try:
            async with deadline.timeout("model", min(seconds, self._longest)):
                with reporting("model"):
                    answer = await aws.sagemaker_runtime().send(self._path, body, self._headers)
        except ServiceError as error:
            raise _told(error) from error
        try:
            analyses = _analyses(texts, options, answer.body)
        except (_MalformedAnswerError, msgspec.MsgspecError) as error:
            raise UnavailableError("model") from error
        models = _MODELS.search(answer.headers.get(_ATTRIBUTES, ""))
        return ModelAnswers(analyses, models[1] if models else None)

    def _headers(self) -> dict[str, str]:
        left = deadline.remaining_milliseconds()
        return {
            "content-type": _MSGPACK,
            "accept": _MSGPACK,
            _ATTRIBUTES: f"timeout-ms={left}{self._importance}",
        }


def _request(texts: Sequence[str], options: AnalysisOptions) -> dict[str, Any]:
    """What differs from the container's defaults."""
    request: dict[str, Any] = {"texts": list(texts)}
    if options.tier is not RequestedTier.FULL:
        request["tier"] = options.tier
    if options.include:
        request["include"] = sorted(options.include)
    if options.taxonomy is not None:
        request["topics"] = [
            {"id": topic.id, "label": topic.label, "examples": topic.examples}
            for topic in options.taxonomy.topics
        ]
    return request


def _told(error: ServiceError) -> Exception:
    """SageMaker wraps whatever the container answers, other than 200, as a ModelError.

    Its message names the account and its logs, so it goes no further than ours.
    """
    if error.code != "ModelError":
        return error
    status = error.content.get("OriginalStatusCode", 500)
    if isinstance(status, int) and 400 <= status < 500 and status not in _BUSY:
        return ModelRejectedError("The model does not take this input.")
    return UnavailableError("model")


def _analyses(texts: Sequence[str], options: AnalysisOptions, content: bytes) -> list[Analysis]:
    answer = _decode(content)
    if len(answer.results) != len(texts):
        raise _MalformedAnswerError(f"{len(answer.results)} answers for {len(texts)} texts")
    found = options.include - answer.omitted
    return [
        _analysis(text, result, found, options.taxonomy)
        for text, result in zip(texts, answer.results, strict=True)
    ]


def _analysis(
    text: str, result: _Result, found: frozenset[Feature], taxonomy: Taxonomy | None
) -> Analysis:
    """Only ``found``, what was asked for and can be had.

    Raises ``_MalformedAnswerError`` where the parts do not agree.
    """
    scores = result.scores
    if not math.isclose(scores.negative + scores.neutral + scores.positive, 1, abs_tol=0.01):
        raise _MalformedAnswerError("scores that are no probabilities")
    for aspect in result.aspects or ():
        within = 0 <= aspect.start < aspect.end
        if not within or text[aspect.start : aspect.end] != aspect.words:
            raise _MalformedAnswerError("an aspect lies elsewhere than it says")
    features = frozenset(feature for feature in found if _answers(result, feature))
    if result.tier is Tier.FULL and features != found:
        raise _MalformedAnswerError("the full tier leaves out what it was asked for")
    topics = result.topics if Feature.TOPICS in features else None
    return Analysis(
        Sentiment(result.label, scores, result.model),
        result.tier,
        abstained=result.abstained,
        features=features,
        aspects=result.aspects if Feature.ASPECTS in features else None,
        topics=topics,
        taxonomy=taxonomy.version if taxonomy and topics is not None else None,
        intent=(result.intent or None) if Feature.INTENT in features else None,
        urgency=(result.urgency or None) if Feature.URGENCY in features else None,
        language=result.language if Feature.LANGUAGE in features else None,
    )


def _answers(result: _Result, feature: Feature) -> bool:
    """Null is an answer where the model may abstain."""
    absent = UNSET if feature in _MAY_ABSTAIN else None
    return getattr(result, feature) is not absent
