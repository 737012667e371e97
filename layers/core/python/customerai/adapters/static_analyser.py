"""The static tier inside this process, for when the endpoint does not answer."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Lock
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
        self._loading = Lock()
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="static")

    def analyse(
        self,
        texts: Sequence[str],
        options: AnalysisOptions,  # noqa: ARG002 - whatever is asked for, it has nothing else
        timeout: float,  # noqa: ARG002 - it waits for nobody
    ) -> list[Analysis]:
        model = self._loaded()
        return [
            _analysis([float(each) for each in row], model) for row in model.probabilities(texts)
        ]

    @contextmanager
    def standing_by(self, patience: float) -> Iterator[None]:
        if self._model is not None:
            yield
            return
        over = Event()
        self._aside.submit(self._load_unless, over, patience)
        try:
            yield
        finally:
            over.set()

    def _load_unless(self, over: Event, patience: float) -> None:
        if not over.wait(patience):
            self._loaded()

    def _loaded(self) -> StaticModel:
        with self._loading:
            if self._model is None:
                self._model = self._load()
            return self._model


def _analysis(probabilities: Sequence[float], model: StaticModel) -> Analysis:
    confidence, label = max(zip(probabilities, SentimentLabel, strict=True))
    sentiment = Sentiment(label, Scores(*probabilities), model.version)
    return Analysis(sentiment, Tier.STATIC, abstained=confidence < model.abstain_below)
