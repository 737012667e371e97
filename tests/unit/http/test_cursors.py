import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerai.domain.errors import InvalidParameterError
from customerai_http.cursors import Cursors

cursors = Cursors(lambda: b"secret")
words = st.text(alphabet=st.characters(codec="utf-8"), max_size=40)


@given(words, words)
def test_a_cursor_gives_its_position_back(binding: str, position: str) -> None:
    assert cursors.verify(binding, cursors.sign(binding, position)) == position


@given(words, words, words)
def test_a_cursor_is_good_for_its_binding_only(binding: str, other: str, position: str) -> None:
    cursor = cursors.sign(binding, position)
    if other != binding:
        with pytest.raises(InvalidParameterError):
            cursors.verify(other, cursor)


def test_binding_and_position_do_not_run_into_each_other() -> None:
    cursor = cursors.sign("tenant", "1position")
    with pytest.raises(InvalidParameterError):
        cursors.verify("tenant1", cursor)


def test_another_secret_signs_otherwise() -> None:
    with pytest.raises(InvalidParameterError):
        cursors.verify("tenant", Cursors(lambda: b"other").sign("tenant", "position"))


@pytest.mark.parametrize("forged", ["", "x", "AAAA", "é", "a" * 199, "====", "%%%"])
def test_a_forgery_is_refused_and_named(forged: str) -> None:
    with pytest.raises(InvalidParameterError) as refused:
        cursors.verify("tenant", forged)
    assert refused.value.field == "cursor"


def test_the_secret_is_not_asked_for_before_it_is_needed() -> None:
    asked = []

    def secret() -> bytes:
        asked.append(True)
        return b"secret"

    lazy = Cursors(secret)
    assert asked == []
    lazy.sign("tenant", "position")
    assert asked == [True]
