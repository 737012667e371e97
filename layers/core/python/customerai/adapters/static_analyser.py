"""The static tier inside this process, for when the endpoint does not answer."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Protocol

from customerai.domain.analysis import Analysis, AnalysisOptions, Tier
from customerai.domain.sentiment import Scores, Sentiment, SentimentLabel


class StaticModel(Protocol):
    """What is needed of the static tier's package, which the core does not import."""

    @property
    def version(self) -> str: ...

    @property
    def abstain_below(self) -> float:
        """Probability of the likeliest label under which the model would rather not say."""
        ...

    def probabilities(self, texts: Sequence[str]) -> Iterable[Iterable[float]]:
        """Calibrated probabilities, a row a text, in the order of ``SentimentLabel``."""
        ...


class StaticAnalyser:
    """``customerai.ports.FallbackAnalyser`` of the sentiment; ``load`` is called at first need."""

    def __init__(self, load: Callable[[], StaticModel]) -> None:
        self._load = load
        self._model: StaticModel | None = None
        # One of its own, as those of the loop may all be waiting for a name server that hangs:
        # just when this is needed.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="static")

    async def analyse(
        self,
        texts: Sequence[str],
        options: AnalysisOptions,  # noqa: ARG002 - whatever is asked for, it has nothing else
        seconds: float,  # noqa: ARG002 - it waits for nobody
    ) -> list[Analysis]:
        # It computes, so not on the event loop.
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._analyse, texts)

    @asynccontextmanager
    async def standing_by(self, patience: float) -> AsyncIterator[None]:
        if self._model is not None:
            yield
            return
        loading = asyncio.create_task(self._load_after(patience))
        try:
            yield
        finally:
            loading.cancel()  # what is loading by then goes on in its thread

    async def _load_after(self, patience: float) -> None:
        await asyncio.sleep(patience)
        await asyncio.get_running_loop().run_in_executor(self._thread, self._loaded)

    def _analyse(self, texts: Sequence[str]) -> list[Analysis]:
        model = self._loaded()
        return [
            _analysis([float(each) for each in row], model) for row in model.probabilities(texts)
        ]

    def _loaded(self) -> StaticModel:
        if self._model is None:
            self._model = self._load()
        return self._model


def _analysis(probabilities: Sequence[float], model: StaticModel) -> Analysis:
    confidence, label = max(zip(probabilities, SentimentLabel, strict=True))
    sentiment = Sentiment(label, Scores(*probabilities), model.version)
    return Analysis(sentiment, Tier.STATIC, abstained=confidence < model.abstain_below)
