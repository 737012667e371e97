"""The sentiment model behind a SageMaker endpoint."""

import json
from collections.abc import Sequence

from botocore.exceptions import ClientError

from customerai.adapters import aws
from customerai.domain.errors import ModelRejectedError, UnavailableError
from customerai.domain.sentiment import Scores, Sentiment, SentimentLabel

READ_TIMEOUT_SECONDS = 20.0
"""A batch of 100 long texts takes seconds on one core."""


class SageMakerSentimentModel:
    """``customerai.ports.SentimentModel``; takes up to 128 texts a call."""

    def __init__(self, endpoint: str, read_timeout: float = READ_TIMEOUT_SECONDS) -> None:
        self._endpoint = endpoint
        self._read_timeout = read_timeout

    def analyse(self, texts: Sequence[str]) -> list[Sentiment]:
        try:
            with aws.reporting("model"):
                answer = aws.sagemaker_runtime(self._read_timeout).invoke_endpoint(
                    EndpointName=self._endpoint,
                    ContentType="application/json",
                    Accept="application/json",
                    Body=json.dumps({"texts": list(texts)}).encode(),
                )
                body = json.loads(answer["Body"].read())
        except UnavailableError as error:
            if _refused(error.__cause__):
                raise ModelRejectedError(str(error.__cause__)) from error
            raise
        return [_sentiment(result, body["model"]) for result in body["results"]]

    def probe(self) -> None:
        self.analyse(["All is well."])


def _refused(cause: BaseException | None) -> bool:
    """Whether the container itself refused the input; it says 429 where it is only busy."""
    if not isinstance(cause, ClientError):
        return False
    status = cause.response.get("OriginalStatusCode")
    return isinstance(status, int) and 400 <= status < 500 and status != 429


def _sentiment(result: dict[str, object], model: str) -> Sentiment:
    scores = result["scores"]
    if not isinstance(scores, dict):
        raise UnavailableError("model")
    return Sentiment(SentimentLabel(str(result["label"])), Scores(**scores), model)
