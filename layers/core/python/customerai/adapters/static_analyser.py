"""The static tier inside this process, for when the endpoint does not answer."""

from collections.abc import Callable, Iterable, Sequence
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
    """``customerai.ports.TextAnalyser`` of the sentiment; ``load`` is called at first need."""

    def __init__(self, load: Callable[[], StaticModel]) -> None:
        self._load = load
        self._model: StaticModel | None = None

    def analyse(
        self,
        texts: Sequence[str],
        options: AnalysisOptions,  # noqa: ARG002 - whatever is asked for, it has nothing else
    ) -> list[Analysis]:
        if self._model is None:
            self._model = self._load()
        return [
            _analysis([float(each) for each in row], self._model)
            for row in self._model.probabilities(texts)
        ]


def _analysis(probabilities: Sequence[float], model: StaticModel) -> Analysis:
    confidence, label = max(zip(probabilities, SentimentLabel, strict=True))
    sentiment = Sentiment(label, Scores(*probabilities), model.version)
    return Analysis(sentiment, Tier.STATIC, abstained=confidence < model.abstain_below)
