"""Which encoding an ``Accept`` header prefers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerai_http.representations import JSON, MSGPACK, preferred


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("text/html", JSON),
        ("application/msgpack", MSGPACK),
        ("Application/MsgPack", MSGPACK),
        ("application/x-msgpack", MSGPACK),
        ("application/vnd.msgpack", MSGPACK),
        ("application/msgpack, */*;q=0.8", MSGPACK),
        ("application/json, application/msgpack", JSON),
        ("application/msgpack, application/json", JSON),
        ("application/json;q=0.5, application/msgpack", MSGPACK),
        ("application/json;q=0.9,application/msgpack;q=0.8", JSON),
        ("application/msgpack;charset=x;q=0.9, application/json;q=0.8", MSGPACK),
        ("application/msgpack;q=0", JSON),
        ("application/msgpack;q=much", JSON),
        ("application/msgpack-like", JSON),
    ],
)
def test_json_unless_messagepack_is_preferred(accept: str | None, expected: str) -> None:
    assert preferred(accept) == expected


@given(st.text(st.sampled_from("application/msgpckjson*;q=0.19, "), max_size=60))
def test_any_header_prefers_something(accept: str) -> None:
    assert preferred(accept) in (JSON, MSGPACK)
