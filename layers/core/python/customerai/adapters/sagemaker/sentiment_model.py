"""The sentiment model behind a SageMaker endpoint."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from customerai.adapters import aws
from customerai.domain.errors import ModelRejectedError, UnavailableError
from customerai.domain.sentiment import Scores, Sentiment, SentimentLabel

_BUSY = frozenset({408, 429})


class SageMakerSentimentModel:
    """``customerai.ports.SentimentModel``; ``read_timeout`` in seconds."""

    def __init__(self, endpoint: str, read_timeout: float) -> None:
        self._endpoint = endpoint
        self._read_timeout = read_timeout

    def analyse(self, texts: Sequence[str]) -> list[Sentiment]:
        try:
            with aws.reporting("model"):
                answer = aws.sagemaker_runtime(self._read_timeout).invoke_endpoint(
                    EndpointName=self._endpoint,
                    ContentType="application/json",
                    Accept="application/json",
                    Body=json.dumps({"texts": list(texts)}, ensure_ascii=False).encode(),
                )
                body = json.loads(answer["Body"].read())
        except ClientError as error:
            raise _told(error) from error
        return [_sentiment(result, body["model"]) for result in body["results"]]

    def probe(self) -> None:
        self.analyse(["All is well."])


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


def _sentiment(result: Mapping[str, Any], model: str) -> Sentiment:
    return Sentiment(SentimentLabel(result["label"]), Scores(**result["scores"]), model)
