"""Analyse stored interactions, a batch in one call of the model."""

from collections.abc import Sequence

from customerai.domain.errors import ModelRejectedError
from customerai.domain.interaction import InteractionRef
from customerai.domain.sentiment import Sentiment
from customerai.ports import Analyses, SentimentModel


def analyse_interactions(
    refs: Sequence[InteractionRef], *, analyses: Analyses, model: SentimentModel
) -> list[InteractionRef]:
    """Those that failed and are to be tried again; what is gone or analysed counts as done."""
    texts = analyses.pending_texts(refs)
    answers = _analyse(list(texts.items()), model)
    failed = analyses.save(answers) if answers else []
    return [ref for ref in texts if ref not in answers] + failed


def _analyse(
    texts: Sequence[tuple[InteractionRef, str]], model: SentimentModel
) -> dict[InteractionRef, Sentiment]:
    """Where the model refuses a batch, its halves are tried, down to the text that it refuses."""
    if not texts:
        return {}
    try:
        answers = model.analyse([text for _, text in texts])
    except ModelRejectedError:
        if len(texts) == 1:
            return {}
        middle = len(texts) // 2
        return _analyse(texts[:middle], model) | _analyse(texts[middle:], model)
    return {ref: answer for (ref, _), answer in zip(texts, answers, strict=True)}
