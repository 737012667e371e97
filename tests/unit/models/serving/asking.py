"""Requests to the application, and what comes back."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from models.serving.app import Application
from models.serving.messages import Request, Response
from tests.unit.models.serving.length_tier import LengthTier


def post(body: object, path: str = "/invocations", **headers: str) -> Request:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    path, _, query = path.partition("?")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("POST", path, query, named, content)


def content(response: Response) -> Any:
    return json.loads(response.body)


async def ping(app: Application) -> Response:
    return await app.handle(Request("GET", "/ping"))


async def started(tier: LengthTier, runs: int = 1) -> None:
    for _ in range(runs):
        await asyncio.to_thread(tier.started.acquire, timeout=5.0)
