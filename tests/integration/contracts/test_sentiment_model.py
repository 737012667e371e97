"""What ``SentimentModel`` promises, held against the lexicon and the real model served."""

import math

import pytest

from customerai.adapters.memory.sentiment_model import LexiconSentimentModel
from customerai.adapters.sagemaker.sentiment_model import SageMakerSentimentModel
from customerai.domain.errors import ModelRejectedError, UnavailableError
from customerai.ports import SentimentModel
from tests.integration.conftest import free_port

TEXTS = [
    "I love this jacket, it is perfect and the service was excellent!",
    "Terrible. It arrived late and broken, and I hate how they treated me.",
    "The parcel weighs two kilograms.",
]


@pytest.fixture(params=["memory", "sagemaker"])
def port(request: pytest.FixtureRequest) -> SentimentModel:
    if request.param == "memory":
        return LexiconSentimentModel()
    request.getfixturevalue("model")
    return SageMakerSentimentModel("customerai-local-sentiment", 20)


def test_one_answer_a_text_in_order(port: SentimentModel) -> None:
    answers = port.analyse(TEXTS)
    assert [answer.label for answer in answers] == ["positive", "negative", "neutral"]
    for answer in answers:
        scores = answer.scores
        total = scores.negative + scores.neutral + scores.positive
        assert math.isclose(total, 1, abs_tol=1e-3)
        assert getattr(scores, answer.label) == max(
            scores.negative, scores.neutral, scores.positive
        )
        assert answer.model
    assert answers[0].score > answers[2].score > answers[1].score


def test_a_text_has_one_answer_in_any_company(port: SentimentModel) -> None:
    (alone,) = port.analyse(TEXTS[:1])
    among = port.analyse([*TEXTS[1:] * 20, TEXTS[0]])[-1]
    assert among.label == alone.label
    assert math.isclose(among.score, alone.score, abs_tol=0.02)


def test_what_the_container_refuses_is_told_apart(model: None) -> None:
    sagemaker = SageMakerSentimentModel("customerai-local-sentiment", 20)
    with pytest.raises(ModelRejectedError):
        sagemaker.analyse(["x"] * 129)


def test_a_missing_endpoint_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(UnavailableError):
        SageMakerSentimentModel("customerai-local-sentiment", 20).analyse(TEXTS)
    with pytest.raises(UnavailableError):
        SageMakerSentimentModel("customerai-local-sentiment", 20).probe()
