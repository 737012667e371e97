"""The same as `lambda_handler`, of a function that keeps neither responses nor predictions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.responses import Response

from customerai.adapters import cached_text_analyser
from customerai_http import response_cache
from tests.performance.api.subjects import lambda_handler


class _NoResponses:
    def __init__(self, cache: object) -> None:
        """There is nothing to keep anything in."""

    async def answer(
        self,
        question: response_cache.Question,
        compute: Callable[[], Awaitable[Response]],
        *,
        strong: bool,
    ) -> Response:
        return await compute()


class _NoPredictions:
    @classmethod
    def over(cls, models: Any, endpoint: str, shared: object) -> Any:
        return models


def operations() -> dict[str, Callable[[], Any]]:
    """What the environment says."""
    # Before the function is imported, which takes what it finds under these names.
    setattr(response_cache, "ResponseCache", _NoResponses)  # noqa: B010 - not the type declared
    setattr(cached_text_analyser, "CachedTextAnalyser", _NoPredictions)  # noqa: B010
    return lambda_handler.operations()
