from hypothesis import given
from hypothesis import strategies as st

from customerai.domain.interaction import Channel
from customerai.domain.rollup import MILLION, STATES, Measure, State, Totals, change, counters_of
from customerai.domain.sentiment import SentimentLabel

pending = st.builds(State, st.sampled_from(Channel))
analysed = st.builds(
    State, st.sampled_from(Channel), st.sampled_from(SentimentLabel), st.integers(-MILLION, MILLION)
)
states = st.none() | pending | analysed


@given(st.lists(states, min_size=1))
def test_changes_of_one_interaction_sum_up_to_its_last_state(history: list[State | None]) -> None:
    totals = Totals()
    for old, new in zip([None, *history], history, strict=False):
        totals.add(change(old, new))
    last = history[-1]
    expected = {name: n for name, n in (last.contribution() if last else {}).items() if n}
    assert {name: n for name, n in totals.counters.items() if n} == expected


@given(analysed)
def test_what_did_not_change_adds_nothing(state: State) -> None:
    assert change(state, state) == {}


@given(st.lists(pending | analysed))
def test_totals_are_those_of_the_states(history: list[State]) -> None:
    totals = Totals()
    for state in history:
        totals.add(state.contribution())
    assert totals.count(Channel) == len(history)
    for channel in Channel:
        here = [state for state in history if state.channel == channel]
        assert totals.count([channel]) == len(here)
        assert totals.count([channel], ["pending"]) == sum(s.label is None for s in here)
    scores = [state.score_millionths / MILLION for state in history if state.label is not None]
    mean = totals.mean_score(Channel)
    if scores:
        assert mean is not None
        assert abs(mean - sum(scores) / len(scores)) < 1e-6
    else:
        assert mean is None


@given(
    st.lists(pending | analysed),
    st.sets(st.sampled_from(Measure)),
    st.sets(st.sampled_from(Channel)),
)
def test_measures_are_told_from_their_counters_alone(
    history: list[State], measures: set[Measure], channels: set[Channel]
) -> None:
    whole, some = Totals(), Totals()
    needed = counters_of(measures, channels)
    for state in history:
        counted = state.contribution()
        whole.add(counted)
        some.add({n: amount for n, amount in counted.items() if needed is None or n in needed})
    for measure in measures:
        match measure:
            case Measure.MEAN_SCORE:
                assert some.mean_score(channels) == whole.mean_score(channels)
            case _:
                for state in STATES:
                    assert some.count(channels, [state]) == whole.count(channels, [state])


def test_no_more_counters_are_named_than_are_needed() -> None:
    chat = frozenset(f"n_chat_{label}" for label in SentimentLabel)
    assert counters_of(["mean_score"], ["chat"]) == chat | {"s_chat"}
    for measure in ("total", "sentiment", "channels"):
        assert counters_of([measure], ["chat"]) == chat | {"n_chat_pending"}
    assert len(counters_of(["total"], list(Channel)) or ()) == len(STATES) * len(Channel)
    assert counters_of(["total", "mean_score"], list(Channel)) is None
