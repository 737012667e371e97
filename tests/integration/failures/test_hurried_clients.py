"""A client's own short deadline tells nothing of the part that it did not wait for."""

import pytest

from customerai.adapters.sagemaker.text_analyser import SageMakerTextAnalyser
from customerai.domain.analysis import AnalysisOptions
from customerai.domain.errors import UnavailableError
from customerai.resilience import deadline
from customerai.resilience.breaker import CircuitBreaker, State
from tests.integration.failures.conftest import Cloud

PLAIN = AnalysisOptions()
CLIENTS = 20


def analyser_behind(breaker: CircuitBreaker) -> SageMakerTextAnalyser:
    return SageMakerTextAnalyser("endpoint", 60.0, breaker=breaker)


@pytest.mark.parametrize("seconds", [0.000_05, 0.000_2, 0.001, 0.01, 0.05])
async def test_hurried_clients_keep_the_models_from_nobody(cloud: Cloud, seconds: float) -> None:
    cloud.always(200, delay_seconds=0.3)
    breaker = CircuitBreaker("model", minimum_calls=1)
    analyser = analyser_behind(breaker)
    text = "The tent kept us dry. " * 200
    for _ in range(CLIENTS):
        with deadline.within(seconds, of_client=True), pytest.raises(UnavailableError):
            await analyser.analyse([text] * 20, PLAIN, 60.0)
    assert breaker.state is State.CLOSED


async def test_models_that_fail_in_time_are_left_alone(cloud: Cloud) -> None:
    cloud.always(503, "ServiceUnavailable")
    breaker = CircuitBreaker("model", minimum_calls=1)
    with deadline.within(30.0, of_client=True), pytest.raises(UnavailableError):
        await analyser_behind(breaker).analyse(["text"], PLAIN, 60.0)
    assert breaker.state is State.OPEN
