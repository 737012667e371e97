"""The models behind a SageMaker endpoint."""

import json
import math
import random
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, ValidationError

from customerai.adapters import aws
from customerai.adapters.patience import Patience
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

_BUSY = frozenset({408, 429})
_MAY_ABSTAIN = frozenset({Feature.INTENT, Feature.URGENCY})
_PLAIN = AnalysisOptions()
_LEAST_SECONDS = 0.05
"""An attempt that has less time than this is not worth the model's."""
_PAUSE_SECONDS = 0.05
"""Before the second attempt, at the most; twice as long before each further one."""


class _Result(BaseModel):
    """What the container says of one text; fields that are not known here are not read."""

    label: SentimentLabel
    scores: Scores
    model: str
    tier: Tier
    abstained: bool
    aspects: tuple[Aspect, ...] | None = None
    topics: tuple[TopicMatch, ...] | None = None
    intent: IntentMatch | None = None
    urgency: UrgencyMatch | None = None
    language: Language | None = None


class _Answer(BaseModel):
    """``omitted`` are the features that no model in the container finds."""

    results: list[_Result]
    omitted: frozenset[Feature] = frozenset()


class _MalformedAnswerError(Exception):
    """The container answers something else than was agreed."""


class SageMakerTextAnalyser:
    """``customerai.ports.TextAnalyser``; nobody waits for it more than ``longest`` seconds.

    The container is told how long it is waited for, so that it drops what nobody waits for.
    """

    def __init__(self, endpoint: str, longest: float) -> None:
        self._endpoint = endpoint
        self._longest = longest
        self._patience = Patience("model")

    def connect(self) -> None:
        """Make the client now: the first call would spend more of its time on that than waiting."""
        aws.sagemaker_runtime(self._longest)

    def analyse(
        self, texts: Sequence[str], options: AnalysisOptions, timeout: float
    ) -> list[Analysis]:
        """Raises ``UnavailableError`` for a malformed answer too: the next one may be whole."""
        seconds = min(timeout, self._longest)
        ends = time.monotonic() + seconds
        body = json.dumps(_request(texts, options), ensure_ascii=False).encode()
        try:
            with aws.reporting("model"):
                content = self._patience.wait(seconds, partial(self._invoke, body, ends))
        except ClientError as error:
            raise _told(error) from error
        try:
            return _analyses(texts, options, content)
        except (_MalformedAnswerError, ValidationError) as error:
            raise UnavailableError("model") from error

    def probe(self) -> None:
        self.analyse(["All is well."], _PLAIN, self._longest)

    def _invoke(self, body: bytes, ends: float) -> bytes:
        """Try again, after a pause with full jitter, while there is time for it until ``ends``.

        Not where the container itself refuses or fails: it knows why, and is busy enough.
        """
        attempt = 0
        while True:
            left = ends - time.monotonic()
            if left < _LEAST_SECONDS:
                raise UnavailableError("model")
            try:
                return self._ask(body, left)
            except (ClientError, BotoCoreError) as error:
                attempt += 1
                pause = random.uniform(0, _PAUSE_SECONDS * 2 ** (attempt - 1))  # noqa: S311
                in_time = time.monotonic() + pause + _LEAST_SECONDS < ends
                if attempt == aws.MAX_ATTEMPTS or not in_time or not aws.is_transient(error):
                    raise
            time.sleep(pause)

    def _ask(self, body: bytes, left: float) -> bytes:
        answer = aws.sagemaker_runtime(self._longest).invoke_endpoint(
            EndpointName=self._endpoint,
            ContentType="application/json",
            Accept="application/json",
            CustomAttributes=f"timeout-ms={left * 1_000:.0f}",
            Body=body,
        )
        return answer["Body"].read()


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


def _told(error: ClientError) -> Exception:
    """SageMaker wraps whatever the container answers, other than 200, as a ModelError.

    Its message names the account and its logs, so it goes no further than ours.
    """
    if error.response["Error"]["Code"] != "ModelError":
        return error
    status = error.response.get("OriginalStatusCode", 500)
    if isinstance(status, int) and 400 <= status < 500 and status not in _BUSY:
        return ModelRejectedError("The model does not take this input.")
    return UnavailableError("model")


def _analyses(texts: Sequence[str], options: AnalysisOptions, content: bytes) -> list[Analysis]:
    answer = _Answer.model_validate_json(content)
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
        intent=result.intent if Feature.INTENT in features else None,
        urgency=result.urgency if Feature.URGENCY in features else None,
        language=result.language if Feature.LANGUAGE in features else None,
    )


def _answers(result: _Result, feature: Feature) -> bool:
    """Null is an answer where the model may abstain."""
    if feature in _MAY_ABSTAIN:
        return feature in result.model_fields_set
    return getattr(result, feature) is not None
