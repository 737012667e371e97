from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pytest

from customerai.adapters.memory.analysis_queue import MemoryAnalysisQueue
from customerai.adapters.memory.interactions import MemoryInteractions
from customerai.adapters.memory.taxonomies import MemoryTaxonomies
from customerai.adapters.memory.text_analyser import LexiconTextAnalyser
from customerai.domain.analysis import Analysis, AnalysisOptions, Feature
from customerai.domain.default_taxonomy import DEFAULT_TAXONOMY
from customerai.domain.errors import ModelRejectedError, UnavailableError
from customerai.domain.ids import make_id
from customerai.domain.interaction import Channel, Interaction, InteractionRef
from customerai.domain.sentiment import MAX_CALL_CHARACTERS
from customerai.domain.taxonomy import Taxonomy, Topic
from customerai.usecases.analyse_interactions import Outcome, analyse_interactions
from customerai.usecases.sweep_pending import sweep_pending

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOTHING = frozenset[Feature]()
analyse = partial(analyse_interactions, taxonomies=MemoryTaxonomies(), time_left=lambda: 60.0)


def interaction(number: int, text: str, tenant: str = "acme") -> Interaction:
    made = make_id(NOW, number.to_bytes(10))
    return Interaction(tenant, made, NOW, NOW, "c", Channel.CHAT, text)


class PickyModel(LexiconTextAnalyser):
    """Refuses a whole batch that holds a cursed text, as a container does."""

    calls = 0

    async def analyse(
        self, texts: Sequence[str], options: AnalysisOptions, seconds: float
    ) -> list[Analysis]:
        self.calls += 1
        if any("cursed" in text for text in texts):
            raise ModelRejectedError("cursed")
        return await super().analyse(texts, options, seconds)


@pytest.fixture
async def store() -> MemoryInteractions:
    store = MemoryInteractions()
    await store.add([interaction(n, text) for n, text in enumerate(["great", "awful", "it is"])])
    return store


async def test_a_batch_is_one_call_and_each_gets_its_own_answer(store: MemoryInteractions) -> None:
    model = PickyModel()
    assert await analyse(list(store.stored), analyses=store, analyser=model) == Outcome(
        [], 0, NOTHING
    )
    labels = [item.analysis.sentiment.label for item in store.stored.values() if item.analysis]
    assert labels == ["positive", "negative", "neutral"]
    assert model.calls == 1


async def test_a_refused_text_keeps_no_other_waiting(store: MemoryInteractions) -> None:
    cursed = interaction(9, "cursed")
    await store.add([cursed])
    outcome = await analyse(list(store.stored), analyses=store, analyser=PickyModel())
    assert outcome.left == [cursed.ref]
    assert [ref for ref, item in store.stored.items() if item.analysis is None] == [cursed.ref]


async def test_what_is_gone_or_analysed_is_done(store: MemoryInteractions) -> None:
    refs = list(store.stored)
    await store.remove(refs[0].tenant, [refs[0].id])
    model = PickyModel()
    await analyse(refs[1:2], analyses=store, analyser=model)
    before = store.stored[refs[1]]
    assert (await analyse(refs, analyses=store, analyser=model)).left == []
    assert store.stored[refs[1]] is before
    assert refs[0] not in store.stored


async def test_nothing_to_do_asks_nothing(store: MemoryInteractions) -> None:
    model = PickyModel()
    gone = [InteractionRef("acme", make_id(NOW, b"0123456789"))]
    assert (await analyse(gone, analyses=store, analyser=model)).left == []
    assert model.calls == 0


class FailingModel(LexiconTextAnalyser):
    """Answers so many calls, then is gone."""

    def __init__(self, answers: int) -> None:
        super().__init__()
        self.answers, self.calls = answers, list[list[str]]()

    async def analyse(
        self, texts: Sequence[str], options: AnalysisOptions, seconds: float
    ) -> list[Analysis]:
        self.calls.append(list(texts))
        if len(self.calls) > self.answers:
            raise UnavailableError("model")
        return await super().analyse(texts, options, seconds)


async def test_a_model_that_is_down_fails_the_whole_batch(store: MemoryInteractions) -> None:
    refs = list(store.stored)
    assert (await analyse(refs, analyses=store, analyser=FailingModel(0))).left == refs
    assert all(item.analysis is None for item in store.stored.values())


async def test_long_texts_take_several_calls_and_each_keeps_what_it_got() -> None:
    store = MemoryInteractions()
    await store.add([interaction(n, f"great {'x' * 9_990}") for n in range(25)])
    model = FailingModel(2)
    failed = (await analyse(list(store.stored), analyses=store, analyser=model)).left
    assert [sum(map(len, texts)) <= MAX_CALL_CHARACTERS for texts in model.calls] == [True] * 3
    assert failed == list(store.stored)[20:]
    assert [item.analysis is not None for item in store.stored.values()] == [True] * 20 + [
        False
    ] * 5
    assert len(model.calls) == 3


async def test_a_failed_write_is_tried_again(store: MemoryInteractions) -> None:
    class Losing(MemoryInteractions):
        async def save(self, analyses: Mapping[InteractionRef, Analysis]) -> list[InteractionRef]:
            first, *rest = analyses
            await super().save({ref: analyses[ref] for ref in rest})
            return [first]

    failing = Losing(store.stored)
    failed = (await analyse(list(store.stored), analyses=failing, analyser=PickyModel())).left
    assert failed == [next(iter(store.stored))]


class FailingStore(MemoryInteractions):
    """Fails once it was asked for so many texts and writes together."""

    def __init__(self, store: MemoryInteractions, answers: int) -> None:
        super().__init__(store.stored)
        self.answers = answers

    def answer(self) -> None:
        self.answers -= 1
        if self.answers < 0:
            raise UnavailableError("store")

    async def pending_texts(self, refs: Iterable[InteractionRef]) -> dict[InteractionRef, str]:
        self.answer()
        return await super().pending_texts(refs)

    async def save(self, analyses: Mapping[InteractionRef, Analysis]) -> list[InteractionRef]:
        self.answer()
        return await super().save(analyses)


async def test_while_the_store_fails_everything_is_for_another_time(
    store: MemoryInteractions,
) -> None:
    refs, model = list(store.stored), PickyModel()
    outcome = await analyse([*refs, refs[0]], analyses=FailingStore(store, 0), analyser=model)
    assert outcome == Outcome(refs, 0, NOTHING)
    assert model.calls == 0


async def test_what_was_saved_before_the_store_fails_is_not_tried_again() -> None:
    store, model = MemoryInteractions(), RecordingAnalyser()
    await store.add([interaction(n, f"great {'x' * 9_990}") for n in range(25)])
    refs = list(store.stored)
    left = (await analyse(refs, analyses=FailingStore(store, 2), analyser=model)).left
    assert left == [ref for ref, item in store.stored.items() if item.analysis is None]
    assert 0 < len(left) < 25
    before = len(model.calls)
    assert (await analyse(refs, analyses=store, analyser=model)).left == []
    assert sum(len(texts) for _, texts in model.calls[before:]) == len(left)


async def test_the_sweep_sends_what_waits_and_came_before() -> None:
    store, queue = MemoryInteractions(), MemoryAnalysisQueue()
    await store.add([interaction(n, "it is") for n in range(250)])
    analysed = list(store.stored)[:30]
    await analyse(analysed, analyses=store, analyser=PickyModel())
    later = NOW.replace(hour=13)
    assert await sweep_pending(NOW, backlog=store, queue=queue) == 0
    assert await sweep_pending(later, backlog=store, queue=queue) == 220
    assert set(queue.sent) == set(store.stored) - set(analysed)


async def test_the_sweep_waits_until_the_queue_is_worked_off() -> None:
    store, queue = MemoryInteractions(), MemoryAnalysisQueue()
    await store.add([interaction(1, "it is")])
    later = NOW.replace(hour=13)
    assert await sweep_pending(later, backlog=store, queue=queue) == 1
    assert await sweep_pending(later, backlog=store, queue=queue) == 0
    queue.sent.clear()
    assert await sweep_pending(later, backlog=store, queue=queue) == 1


async def test_a_sweep_has_an_end() -> None:
    store, queue = MemoryInteractions(), MemoryAnalysisQueue()
    await store.add([interaction(n, "it is") for n in range(10_050)])
    assert await sweep_pending(NOW.replace(hour=13), backlog=store, queue=queue) == 10_000


async def test_what_there_is_no_time_for_waits_and_short_texts_come_first() -> None:
    store = MemoryInteractions()
    long, short = interaction(1, f"great {'x' * 9_990}"), interaction(99, "great")
    await store.add([replace(long, id=make_id(NOW, n.to_bytes(10))) for n in range(20)])
    await store.add([short])
    model = RecordingAnalyser()
    outcome = await analyse(
        list(store.stored),
        analyses=store,
        analyser=model,
        time_left=lambda: 4.0 if model.calls else 60.0,
    )
    failed = outcome.left
    assert len(model.calls) == 1
    assert store.stored[short.ref].analysis is not None
    assert {ref for ref, item in store.stored.items() if item.analysis is None} == set(failed)
    assert 0 < len(failed) < 20


async def test_a_model_that_refuses_and_refuses_is_not_asked_beyond_the_time() -> None:
    store, model = MemoryInteractions(), PickyModel()
    await store.add([interaction(n, f"cursed {n}") for n in range(50)])
    await store.add([interaction(99, "great")])
    outcome = await analyse(
        list(store.stored),
        analyses=store,
        analyser=model,
        time_left=lambda: 60.0 - 10 * model.calls,
    )
    failed = outcome.left
    assert model.calls == 6
    (short,) = [ref for ref, item in store.stored.items() if item.analysis]
    assert store.stored[short].text == "great"  # what a half got is kept
    assert short not in failed


async def test_each_call_has_the_time_that_is_left() -> None:
    store, model = MemoryInteractions(), RecordingAnalyser()
    await store.add([interaction(n, f"great {'x' * 9_990}") for n in range(25)])
    await analyse(
        list(store.stored),
        analyses=store,
        analyser=model,
        time_left=lambda: 50.0 - 10 * len(model.calls),
    )
    assert model.seconds == [50.0, 40.0, 30.0]


async def test_without_time_no_taxonomy_is_read(store: MemoryInteractions) -> None:
    class Unasked(MemoryTaxonomies):
        async def get(self, tenant: str) -> Taxonomy | None:
            raise AssertionError("nobody has time for this")

    refs = list(store.stored)
    outcome = await analyse(
        refs,
        analyses=store,
        analyser=LexiconTextAnalyser(),
        taxonomies=Unasked(),
        time_left=lambda: 0.0,
    )
    assert outcome.left == refs


async def test_what_no_model_finds_is_left_out_and_told(store: MemoryInteractions) -> None:
    """A server with fewer models keeps nobody waiting for ever."""
    model = LexiconTextAnalyser(serves=frozenset({Feature.ASPECTS, Feature.LANGUAGE}))
    outcome = await analyse(list(store.stored), analyses=store, analyser=model)
    lacks = frozenset({Feature.TOPICS, Feature.INTENT, Feature.URGENCY})
    assert outcome == Outcome([], 3, lacks)
    for item in store.stored.values():
        assert item.analysis is not None
        assert item.analysis.features == frozenset(Feature) - lacks
        assert (item.analysis.topics, item.analysis.taxonomy) == (None, None)


async def test_an_analysis_that_is_not_written_is_not_told_to_lack_anything(
    store: MemoryInteractions,
) -> None:
    class Losing(MemoryInteractions):
        async def save(self, analyses: Mapping[InteractionRef, Analysis]) -> list[InteractionRef]:
            return list(analyses)

    refs = list(store.stored)
    model = LexiconTextAnalyser(serves=NOTHING)
    assert await analyse(refs, analyses=Losing(store.stored), analyser=model) == Outcome(
        refs, 0, NOTHING
    )


OWN = Taxonomy.of([Topic("chairs", "Chairs", ("The chair wobbles.",))])


class RecordingAnalyser(LexiconTextAnalyser):
    """Remembers what each call carried."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = list[tuple[Taxonomy | None, list[str]]]()
        self.seconds = list[float]()

    async def analyse(
        self, texts: Sequence[str], options: AnalysisOptions, seconds: float
    ) -> list[Analysis]:
        self.calls.append((options.taxonomy, list(texts)))
        self.seconds.append(seconds)
        return await super().analyse(texts, options, seconds)


async def test_everything_is_analysed_against_the_taxonomy_of_its_tenant() -> None:
    """Tenants that have set none share the default one, and so a call."""
    store, model = MemoryInteractions(), RecordingAnalyser()
    tenants = ["acme", "globex", "initech"]
    await store.add(
        [interaction(n, f"my chairs, delivery {n}", tenants[n % 3]) for n in range(6)],
    )
    taxonomies = MemoryTaxonomies({"globex": OWN})
    refs = list(store.stored)
    assert (await analyse(refs, analyses=store, analyser=model, taxonomies=taxonomies)).left == []
    assert sorted((t.version if t else "", len(texts)) for t, texts in model.calls) == sorted(
        [(OWN.version, 2), (DEFAULT_TAXONOMY.version, 4)]
    )
    for ref, item in store.stored.items():
        assert item.analysis is not None
        assert item.analysis.features == frozenset(Feature)
        assert item.analysis.topics is not None
        found = {topic.id for topic in item.analysis.topics}
        own = ref.tenant == "globex"
        assert found == ({"chairs"} if own else {"delivery"})
        assert item.analysis.taxonomy == (OWN if own else DEFAULT_TAXONOMY).version


async def test_short_texts_of_any_tenant_come_first() -> None:
    store, model = MemoryInteractions(), RecordingAnalyser()
    await store.add([interaction(n, "x" * 9_000, "acme") for n in range(20)])
    await store.add([interaction(50, "late", "globex"), interaction(51, "y" * 9_500, "globex")])
    taxonomies = MemoryTaxonomies({"globex": OWN})
    await analyse(list(store.stored), analyses=store, analyser=model, taxonomies=taxonomies)
    longest = [max(map(len, texts)) for _, texts in model.calls]
    assert longest == sorted(longest)
    assert len(model.calls) == 3


async def test_texts_whose_taxonomy_can_not_be_read_are_tried_again() -> None:
    """They are not analysed without their topics."""

    class Failing(MemoryTaxonomies):
        async def get(self, tenant: str) -> Taxonomy | None:
            if tenant == "globex":
                raise UnavailableError("store")
            return await super().get(tenant)

    store = MemoryInteractions()
    await store.add([interaction(1, "great"), interaction(2, "great", "globex")])
    ours, theirs = store.stored
    outcome = await analyse(
        [ours, theirs], analyses=store, analyser=LexiconTextAnalyser(), taxonomies=Failing()
    )
    failed = outcome.left
    assert failed == [theirs]
    assert store.stored[ours].analysis is not None
    assert store.stored[theirs].analysis is None
