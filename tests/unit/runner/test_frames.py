from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions._runner import frames

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=10,
)


@given(messages=st.lists(_JSON, max_size=5), step=st.integers(1, 64))
def test_messages_come_through_in_pieces_of_any_size(messages: list[Any], step: int) -> None:
    sent = b"".join(map(frames.encode, messages))
    decoder = frames.Decoder()
    pieces = [sent[at : at + step] for at in range(0, len(sent), step)]
    assert [message for piece in pieces for message in decoder.feed(piece)] == messages
    assert list(frames.read(io.BytesIO(sent))) == messages


def test_a_message_that_was_cut_off_is_not_read() -> None:
    assert list(frames.read(io.BytesIO(frames.encode({"a": 1})[:-1]))) == []


@pytest.mark.parametrize("message", [float("nan"), object()])
def test_what_json_cannot_say_is_refused(message: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        frames.encode(message)
