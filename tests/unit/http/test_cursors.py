import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerai.domain.errors import InvalidParameterError
from customerai_http.cursors import Cursors


async def secret() -> bytes:
    return b"secret"


async def other_secret() -> bytes:
    return b"other"


cursors = Cursors(secret)
words = st.text(alphabet=st.characters(codec="utf-8"), max_size=40)


@given(words, words)
async def test_a_cursor_gives_its_position_back(binding: str, position: str) -> None:
    assert await cursors.verify(binding, await cursors.sign(binding, position)) == position


@given(words, words, words)
async def test_a_cursor_is_good_for_its_binding_only(
    binding: str, other: str, position: str
) -> None:
    cursor = await cursors.sign(binding, position)
    if other != binding:
        with pytest.raises(InvalidParameterError):
            await cursors.verify(other, cursor)


async def test_binding_and_position_do_not_run_into_each_other() -> None:
    cursor = await cursors.sign("tenant", "1position")
    with pytest.raises(InvalidParameterError):
        await cursors.verify("tenant1", cursor)


async def test_another_secret_signs_otherwise() -> None:
    with pytest.raises(InvalidParameterError):
        await cursors.verify("tenant", await Cursors(other_secret).sign("tenant", "position"))


@pytest.mark.parametrize("forged", ["", "x", "AAAA", "é", "a" * 199, "====", "%%%"])
async def test_a_forgery_is_refused_and_named(forged: str) -> None:
    with pytest.raises(InvalidParameterError) as refused:
        await cursors.verify("tenant", forged)
    assert refused.value.field == "cursor"


async def test_the_secret_is_not_asked_for_before_it_is_needed() -> None:
    asked = []

    async def asking() -> bytes:
        asked.append(True)
        return await secret()

    lazy = Cursors(asking)
    assert asked == []
    await lazy.sign("tenant", "position")
    assert asked == [True]
