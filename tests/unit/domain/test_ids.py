from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerai.domain import ids

instants = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    timezones=st.just(UTC),
)
entropies = st.binary(min_size=10, max_size=10)


@given(instants, entropies)
def test_an_id_gives_its_instant_back_in_milliseconds(instant: datetime, entropy: bytes) -> None:
    made = ids.make_id(instant, entropy)
    assert ids.is_id(made)
    assert ids.instant_of(made) == ids.truncate(instant)


@given(instants, entropies, instants, entropies)
def test_ids_sort_as_their_instants_do(
    a: datetime, entropy_a: bytes, b: datetime, entropy_b: bytes
) -> None:
    first, second = ids.make_id(a, entropy_a), ids.make_id(b, entropy_b)
    if ids.truncate(a) != ids.truncate(b):
        assert (first < second) == (a < b)


@given(instants, entropies, instants)
def test_a_bound_splits_ids_where_its_instant_splits_time(
    instant: datetime, entropy: bytes, bound: datetime
) -> None:
    made = ids.make_id(instant, entropy)
    assert (made >= ids.first_id_at(bound)) == (ids.truncate(instant) >= bound)


@given(instants, entropies)
def test_nothing_lies_between_an_id_and_the_one_before(instant: datetime, entropy: bytes) -> None:
    made = ids.make_id(instant + timedelta(milliseconds=1), entropy)
    before = ids.id_before(made)
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    number, number_before = (
        sum(alphabet.index(character) << 5 * (25 - place) for place, character in enumerate(each))
        for each in (made, before)
    )
    assert number_before == number - 1


@given(st.text(max_size=30))
def test_only_ids_are_ids(text: str) -> None:
    if ids.is_id(text):
        assert ids.first_id_at(ids.instant_of(text)) <= text


@pytest.mark.parametrize(
    "value", ["", "0" * 25, "0" * 27, "8" + "0" * 25, "7" + "Z" * 25, "U" * 26, "é" * 26]
)
def test_what_is_no_id(value: str) -> None:
    assert not ids.is_id(value)


requests = st.tuples(st.text(), st.text(), st.text(), st.integers(0, 99))


@given(requests, requests)
def test_keyed_entropy_tells_every_request_apart(
    request: tuple[str, str, str, int], other: tuple[str, str, str, int]
) -> None:
    same = ids.keyed_entropy(*request) == ids.keyed_entropy(*other)
    assert same == (request == other)


@given(requests)
def test_keyed_entropy_is_the_same_each_time(request: tuple[str, str, str, int]) -> None:
    assert ids.keyed_entropy(*request) == ids.keyed_entropy(*request)


def test_ids_start_in_1970() -> None:
    with pytest.raises(ValueError, match="1970"):
        ids.make_id(datetime(1969, 12, 31, tzinfo=UTC), bytes(10))


def test_entropy_has_one_size() -> None:
    with pytest.raises(ValueError, match="10 bytes"):
        ids.make_id(datetime(2026, 1, 1, tzinfo=UTC), b"short")
