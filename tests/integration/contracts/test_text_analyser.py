"""What ``TextAnalyser`` promises, held against the lexicon and the real models served."""

import math

import pytest

from customerai.adapters.memory.text_analyser import LexiconTextAnalyser
from customerai.adapters.sagemaker.text_analyser import SageMakerTextAnalyser
from customerai.domain.analysis import AnalysisOptions, Feature, RequestedTier, Tier
from customerai.domain.default_taxonomy import DEFAULT_TAXONOMY
from customerai.domain.errors import ModelRejectedError, UnavailableError
from customerai.ports import TextAnalyser
from tests.integration.conftest import free_port

TEXTS = [
    "I love this jacket, it is perfect and the service was excellent!",
    "Terrible. It arrived late and broken, and I hate how they treated me.",
    "The parcel weighs two kilograms.",
]
PLAIN = AnalysisOptions()
EVERYTHING = AnalysisOptions(include=frozenset(Feature), taxonomy=DEFAULT_TAXONOMY)


@pytest.fixture(params=["memory", "sagemaker"])
def port(request: pytest.FixtureRequest) -> TextAnalyser:
    if request.param == "memory":
        return LexiconTextAnalyser()
    request.getfixturevalue("model")
    return SageMakerTextAnalyser("customerai-local-sentiment", 20)


async def test_one_answer_a_text_in_order(port: TextAnalyser) -> None:
    answers = await port.analyse(TEXTS, PLAIN, 20)
    labels = [answer.sentiment.label for answer in answers]
    assert labels == ["positive", "negative", "neutral"]
    for answer in answers:
        scores = answer.sentiment.scores
        each = (scores.negative, scores.neutral, scores.positive)
        assert math.isclose(sum(each), 1, abs_tol=1e-3)
        assert answer.sentiment.confidence == max(each)
        assert answer.sentiment.model
        assert answer.tier == Tier.FULL
        assert answer.features == frozenset()
    first, second, third = (answer.sentiment.score for answer in answers)
    assert first > third > second


async def test_a_text_has_one_answer_in_any_company(port: TextAnalyser) -> None:
    (alone,) = await port.analyse(TEXTS[:1], PLAIN, 20)
    among = (await port.analyse([*TEXTS[1:] * 20, TEXTS[0]], PLAIN, 20))[-1]
    assert among.sentiment.label == alone.sentiment.label
    assert math.isclose(among.sentiment.score, alone.sentiment.score, abs_tol=0.02)


async def test_everything_can_be_asked_for_at_once(port: TextAnalyser) -> None:
    known = {topic.id for topic in DEFAULT_TAXONOMY.topics}
    for text, answer in zip(TEXTS, await port.analyse(TEXTS, EVERYTHING, 20), strict=True):
        assert answer.features == frozenset(Feature)
        assert answer.aspects is not None
        for aspect in answer.aspects:
            assert text[aspect.start : aspect.end] == aspect.words
            assert 0 <= aspect.confidence <= 1
        assert answer.topics is not None
        assert {topic.id for topic in answer.topics} <= known
        assert answer.taxonomy == DEFAULT_TAXONOMY.version
        assert answer.language is not None
        assert (answer.language.code, answer.language.supported) == ("en", True)


@pytest.mark.parametrize("feature", sorted(set(Feature) - {Feature.TOPICS}))
async def test_one_feature_can_be_asked_for_alone(port: TextAnalyser, feature: Feature) -> None:
    (answer,) = await port.analyse(TEXTS[:1], AnalysisOptions(include=frozenset({feature})), 20)
    assert answer.features == {feature}
    given = {each for each in Feature if getattr(answer, each) is not None}
    assert given <= {feature}


@pytest.mark.parametrize("tier", ["full", "fast", "static"])
async def test_the_tier_that_is_asked_for_answers(port: TextAnalyser, tier: str) -> None:
    answers = await port.analyse(TEXTS, AnalysisOptions(RequestedTier(tier)), 20)
    assert {answer.tier for answer in answers} == {tier}


async def test_a_cascade_is_answered_by_its_tiers(port: TextAnalyser) -> None:
    answers = await port.analyse(TEXTS, AnalysisOptions(RequestedTier.CASCADE), 20)
    assert {answer.tier for answer in answers} <= {Tier.STATIC, Tier.FULL}


async def test_what_the_container_refuses_is_told_apart(model: None) -> None:
    sagemaker = SageMakerTextAnalyser("customerai-local-sentiment", 20)
    with pytest.raises(ModelRejectedError):
        await sagemaker.analyse(["x"] * 129, PLAIN, 20)


async def test_a_missing_endpoint_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(UnavailableError):
        await SageMakerTextAnalyser("customerai-local-sentiment", 20).analyse(TEXTS, PLAIN, 20)
    with pytest.raises(UnavailableError):
        await SageMakerTextAnalyser("customerai-local-sentiment", 20).probe()
