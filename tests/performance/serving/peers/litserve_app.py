"""LitServe: `python -m tests.performance.serving.peers.litserve_app PORT`."""

from __future__ import annotations

import sys
from typing import Any

import litserve

from tests.performance.serving.peers.sentiment import BATCH, WAIT_MS, WORKERS, Sentiment, number


class SentimentAPI(litserve.LitAPI):  # type: ignore[misc]  # not installed where this is checked
    """One text a request; `predict` gets a list of them where batching is on."""

    def setup(self, device: str) -> None:
        """Load the model; called in each worker process."""
        self.model = Sentiment.from_environment()

    def decode_request(self, request: dict[str, list[str]]) -> str:
        """Return the request's text."""
        return request["texts"][0]

    def predict(self, x: str | list[str]) -> dict[str, Any] | list[dict[str, Any]]:
        """Answer one text, or a batch of them with one padded run."""
        return self.model.predict([x])[0] if isinstance(x, str) else self.model.predict(x)

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        """Return the answer as it is sent."""
        return {"model": self.model.version, "results": [output]}


if __name__ == "__main__":
    api = SentimentAPI(
        max_batch_size=number(BATCH, 1),
        batch_timeout=number(WAIT_MS, 0) / 1e3,
        api_path="/invocations",
    )
    server = litserve.LitServer(
        api, accelerator="cpu", workers_per_device=number(WORKERS, 1), fast_queue=True
    )
    server.run(
        host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", generate_client_file=False
    )
