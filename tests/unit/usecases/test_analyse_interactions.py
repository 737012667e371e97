from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest

from customerai.adapters.memory.analysis_queue import MemoryAnalysisQueue
from customerai.adapters.memory.interactions import MemoryInteractions
from customerai.adapters.memory.sentiment_model import LexiconSentimentModel
from customerai.domain.errors import ModelRejectedError, UnavailableError
from customerai.domain.ids import make_id
from customerai.domain.interaction import Channel, Interaction, InteractionRef
from customerai.domain.sentiment import Sentiment
from customerai.usecases.analyse_interactions import analyse_interactions
from customerai.usecases.sweep_pending import sweep_pending

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


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
    assert analyse_interactions(list(store.stored), analyses=store, model=model) == []
    labels = [item.sentiment.label for item in store.stored.values() if item.sentiment]
    assert labels == ["positive", "negative", "neutral"]
    assert model.calls == 1


def test_a_refused_text_keeps_no_other_waiting(store: MemoryInteractions) -> None:
    cursed = interaction(9, "cursed")
    store.add([cursed])
    failed = analyse_interactions(list(store.stored), analyses=store, model=PickyModel())
    assert failed == [cursed.ref]
    assert [ref for ref, item in store.stored.items() if item.sentiment is None] == [cursed.ref]


def test_what_is_gone_or_analysed_is_done(store: MemoryInteractions) -> None:
    refs = list(store.stored)
    store.remove(refs[0].tenant, refs[0].id)
    model = PickyModel()
    analyse_interactions(refs[1:2], analyses=store, model=model)
    before = store.stored[refs[1]]
    assert analyse_interactions(refs, analyses=store, model=model) == []
    assert store.stored[refs[1]] is before
    assert refs[0] not in store.stored


def test_nothing_to_do_asks_nothing(store: MemoryInteractions) -> None:
    model = PickyModel()
    gone = [InteractionRef("acme", make_id(NOW, b"0123456789"))]
    assert analyse_interactions(gone, analyses=store, model=model) == []
    assert model.calls == 0


def test_a_model_that_is_down_fails_the_whole_batch(store: MemoryInteractions) -> None:
    class Down(LexiconSentimentModel):
        def analyse(self, texts: Sequence[str]) -> list[Sentiment]:
            raise UnavailableError("model")

    with pytest.raises(UnavailableError):
        analyse_interactions(list(store.stored), analyses=store, model=Down())
    assert all(item.sentiment is None for item in store.stored.values())


def test_a_failed_write_is_tried_again(store: MemoryInteractions) -> None:
    class Failing(MemoryInteractions):
        def save(self, analyses: Mapping[InteractionRef, Sentiment]) -> list[InteractionRef]:
            first, *rest = analyses
            super().save({ref: analyses[ref] for ref in rest})
            return [first]

    failing = Failing(store.stored)
    failed = analyse_interactions(list(store.stored), analyses=failing, model=PickyModel())
    assert failed == [next(iter(store.stored))]


def test_the_sweep_sends_what_waits_and_came_before() -> None:
    store, queue = MemoryInteractions(), MemoryAnalysisQueue()
    store.add([interaction(n, "it is") for n in range(250)])
    analysed = list(store.stored)[:30]
    analyse_interactions(analysed, analyses=store, model=PickyModel())
    later = NOW.replace(hour=13)
    assert sweep_pending(later, analyses=store, queue=queue) == 220
    assert set(queue.sent) == set(store.stored) - set(analysed)
    assert sweep_pending(NOW, analyses=store, queue=queue) == 0
