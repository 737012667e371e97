"""FastAPI as in its tutorial: a plain `def` route, one padded run for each request.

Run by `uvicorn tests.performance.serving.peers.fastapi_app:app --workers N`.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from tests.performance.serving.peers.sentiment import Sentiment

app = FastAPI()
model = Sentiment.from_environment()


class Texts(BaseModel):
    """What is to be analysed."""

    texts: list[str]


@app.post("/invocations")
def invoke(request: Texts) -> dict[str, Any]:
    """Answer every text of the request."""
    return {"model": model.version, "results": model.predict(request.texts)}
