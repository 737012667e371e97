from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pytest

from customerai.adapters.memory.analysis_queue import MemoryAnalysisQueue
from customerai.adapters.memory.interactions import MemoryInteractions
from customerai.adapters.memory.sentiment_model import LexiconSentimentModel
from customerai.domain.errors import ModelRejectedError, UnavailableError
from customerai.domain.ids import make_id
from customerai.domain.interaction import Channel, Interaction, InteractionRef
from customerai.domain.sentiment import MAX_CALL_CHARACTERS, Sentiment
from customerai.usecases.analyse_interactions import analyse_interactions
from customerai.usecases.sweep_pending import sweep_pending

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
analyse = partial(analyse_interactions, has_time=lambda: True)


def interaction(number: int, text: str) -> Interaction:
    made = make_id(NOW, number.to_bytes(10))
    return Interaction("acme", made, NOW, NOW, "c", Channel.CHAT, text)


class PickyModel(LexiconSentimentModel):
    """Refuses a whole batch that holds a cursed text, as a container does."""

    calls = 0

    def analyse(self, texts: Sequence[str]) -> list[Sentiment]:
        self.calls += 1
        if any("cursed" in text for text in texts):
            raise ModelRejectedError("cursed")
        return super().analyse(texts)


@pytest.fixture
def store() -> MemoryInteractions:
    store = MemoryInteractions()
    store.add([interaction(n, text) for n, text in enumerate(["great", "awful", "it is"])])
    return store


def test_a_batch_is_one_call_and_each_gets_its_own_answer(store: MemoryInteractions) -> None:
    model = PickyModel()
    assert analyse(list(store.stored), analyses=store, model=model) == []
    labels = [item.sentiment.label for item in store.stored.values() if item.sentiment]
    assert labels == ["positive", "negative", "neutral"]
    assert model.calls == 1


def test_a_refused_text_keeps_no_other_waiting(store: MemoryInteractions) -> None:
    cursed = interaction(9, "cursed")
    store.add([cursed])
    failed = analyse(list(store.stored), analyses=store, model=PickyModel())
    assert failed == [cursed.ref]
    assert [ref for ref, item in store.stored.items() if item.sentiment is None] == [cursed.ref]


def test_what_is_gone_or_analysed_is_done(store: MemoryInteractions) -> None:
    refs = list(store.stored)
    store.remove(refs[0].tenant, refs[0].id)
    model = PickyModel()
    analyse(refs[1:2], analyses=store, model=model)
    before = store.stored[refs[1]]
    assert analyse(refs, analyses=store, model=model) == []
    assert store.stored[refs[1]] is before
    assert refs[0] not in store.stored


def test_nothing_to_do_asks_nothing(store: MemoryInteractions) -> None:
    model = PickyModel()
    gone = [InteractionRef("acme", make_id(NOW, b"0123456789"))]
    assert analyse(gone, analyses=store, model=model) == []
    assert model.calls == 0


class FailingModel(LexiconSentimentModel):
    """Answers so many calls, then is gone."""

    def __init__(self, answers: int) -> None:
        super().__init__()
        self.answers, self.calls = answers, list[list[str]]()

    def analyse(self, texts: Sequence[str]) -> list[Sentiment]:
        self.calls.append(list(texts))
        if len(self.calls) > self.answers:
            raise UnavailableError("model")
        return super().analyse(texts)


def test_a_model_that_is_down_fails_the_whole_batch(store: MemoryInteractions) -> None:
    refs = list(store.stored)
    assert analyse(refs, analyses=store, model=FailingModel(0)) == refs
    assert all(item.sentiment is None for item in store.stored.values())


def test_long_texts_take_several_calls_and_each_keeps_what_it_got() -> None:
    store = MemoryInteractions()
    store.add([interaction(n, f"great {'x' * 9_990}") for n in range(25)])
    model = FailingModel(2)
    failed = analyse(list(store.stored), analyses=store, model=model)
    assert [sum(map(len, texts)) <= MAX_CALL_CHARACTERS for texts in model.calls] == [True] * 3
    assert failed == list(store.stored)[20:]
    assert [item.sentiment is not None for item in store.stored.values()] == [True] * 20 + [
        False
    ] * 5
    assert len(model.calls) == 3


def test_a_failed_write_is_tried_again(store: MemoryInteractions) -> None:
    class Failing(MemoryInteractions):
        def save(self, analyses: Mapping[InteractionRef, Sentiment]) -> list[InteractionRef]:
            first, *rest = analyses
            super().save({ref: analyses[ref] for ref in rest})
            return [first]

    failing = Failing(store.stored)
    failed = analyse(list(store.stored), analyses=failing, model=PickyModel())
    assert failed == [next(iter(store.stored))]


def test_the_sweep_sends_what_waits_and_came_before() -> None:
    store, queue = MemoryInteractions(), MemoryAnalysisQueue()
    store.add([interaction(n, "it is") for n in range(250)])
    analysed = list(store.stored)[:30]
    analyse(analysed, analyses=store, model=PickyModel())
    later = NOW.replace(hour=13)
    assert sweep_pending(NOW, analyses=store, queue=queue) == 0
    assert sweep_pending(later, analyses=store, queue=queue) == 220
    assert set(queue.sent) == set(store.stored) - set(analysed)


def test_the_sweep_waits_until_the_queue_is_worked_off() -> None:
    store, queue = MemoryInteractions(), MemoryAnalysisQueue()
    store.add([interaction(1, "it is")])
    later = NOW.replace(hour=13)
    assert sweep_pending(later, analyses=store, queue=queue) == 1
    assert sweep_pending(later, analyses=store, queue=queue) == 0
    queue.sent.clear()
    assert sweep_pending(later, analyses=store, queue=queue) == 1


def test_a_sweep_has_an_end() -> None:
    store, queue = MemoryInteractions(), MemoryAnalysisQueue()
    store.add([interaction(n, "it is") for n in range(10_050)])
    assert sweep_pending(NOW.replace(hour=13), analyses=store, queue=queue) == 10_000


def test_what_there_is_no_time_for_waits_and_short_texts_come_first() -> None:
    store = MemoryInteractions()
    long, short = interaction(1, f"great {'x' * 9_990}"), interaction(99, "great")
    store.add([replace(long, id=make_id(NOW, n.to_bytes(10))) for n in range(20)])
    store.add([short])
    calls = iter([True, False])
    failed = analyse_interactions(
        list(store.stored), analyses=store, model=PickyModel(), has_time=lambda: next(calls)
    )
    assert store.stored[short.ref].sentiment is not None
    assert {ref for ref, item in store.stored.items() if item.sentiment is None} == set(failed)
    assert 0 < len(failed) < 20
