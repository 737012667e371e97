"""Analyse stored interactions, a batch in as few calls of the model as it takes."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from customerai.domain.errors import ModelRejectedError, UnavailableError
from customerai.domain.interaction import InteractionRef
from customerai.domain.sentiment import MAX_CALL_CHARACTERS, MAX_CALL_TEXTS, Sentiment
from customerai.ports import Analyses, SentimentModel

_Texts = Sequence[tuple[InteractionRef, str]]


def analyse_interactions(
    refs: Sequence[InteractionRef],
    *,
    analyses: Analyses,
    model: SentimentModel,
    has_time: Callable[[], bool],
) -> list[InteractionRef]:
    """Those that are to be tried again; what is gone or analysed counts as done.

    Short texts come first, and each call's answers are saved before the next call: a few long texts
    neither keep the others waiting nor lose what they got. Once the model is unavailable, or
    ``has_time`` for one more call says no, what is left is for another time.
    """
    texts = analyses.pending_texts(refs)
    left = dict.fromkeys(texts)
    for call in _calls(texts):
        if not has_time():
            break
        try:
            answers = _analyse(call, model)
        except UnavailableError:
            break
        failed = frozenset(analyses.save(answers)) if answers else frozenset()
        for ref in answers.keys() - failed:
            del left[ref]
    return list(left)


def _calls(texts: Mapping[InteractionRef, str]) -> Iterator[_Texts]:
    """The texts in groups that one call takes."""
    call: list[tuple[InteractionRef, str]] = []
    characters = 0
    for ref, text in sorted(texts.items(), key=lambda item: len(item[1])):
        full = len(call) == MAX_CALL_TEXTS or characters + len(text) > MAX_CALL_CHARACTERS
        if call and full:
            yield call
            call, characters = [], 0
        call.append((ref, text))
        characters += len(text)
    if call:
        yield call


def _analyse(texts: _Texts, model: SentimentModel) -> dict[InteractionRef, Sentiment]:
    """Where the model refuses a batch, its halves are tried, down to the text that it refuses."""
    try:
        answers = model.analyse([text for _, text in texts])
    except ModelRejectedError:
        if len(texts) == 1:
            return {}
        middle = len(texts) // 2
        return _analyse(texts[:middle], model) | _analyse(texts[middle:], model)
    return {ref: answer for (ref, _), answer in zip(texts, answers, strict=True)}
