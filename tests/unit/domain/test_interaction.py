from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from customerai.domain.new_interaction import MAX_TEXT, NewInteraction

VALID: dict[str, Any] = {"customer_id": "c-1", "channel": "email", "text": "Thank you."}


def test_three_fields_suffice() -> None:
    made = NewInteraction.model_validate(VALID)
    assert (made.occurred_at, made.product, made.rating, made.metadata) == (None, None, None, {})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("customer_id", ""),
        ("customer_id", "c" * 201),
        ("channel", "fax"),
        ("text", ""),
        ("text", "   \n"),
        ("text", "x" * (MAX_TEXT + 1)),
        ("text", "\ud800"),
        ("text", 7),
        ("occurred_at", "yesterday"),
        ("occurred_at", 1_700_000_000),
        ("occurred_at", "1700000000"),
        ("rating", True),
        ("rating", "5"),
        ("occurred_at", "1969-12-31T23:59:59Z"),
        ("occurred_at", (datetime.now(UTC) + timedelta(days=2)).isoformat()),
        ("occurred_at", "0001-01-01T00:00:00+10:00"),
        ("occurred_at", "9999-12-31T23:59:59-10:00"),
        ("metadata", {"key": "\ud800"}),
        ("rating", 11),
        ("rating", float("nan")),
        ("language", "english please"),
        ("metadata", {f"k{n}": 1 for n in range(33)}),
        ("metadata", {"key": "v" * 501}),
        ("metadata", {"": 1}),
        ("metadata", {"key": [1]}),
        ("metadata", {"key": float("inf")}),
        ("metadata", {"key": 2**60}),
        ("mood", "fine"),
    ],
)
def test_what_is_refused_is_named(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as refused:
        NewInteraction.model_validate(VALID | {field: value})
    assert {error["loc"][0] for error in refused.value.errors()} == {field}


@pytest.mark.parametrize(
    "text", ["2026-11-20T10:00:00+02:00", "2026-11-20T08:00:00Z", "2026-11-20T08:00:00.0004"]
)
def test_times_are_kept_in_utc_by_the_millisecond(text: str) -> None:
    made = NewInteraction.model_validate(VALID | {"occurred_at": text})
    assert made.occurred_at == datetime(2026, 11, 20, 8, tzinfo=UTC)


def test_metadata_keeps_its_types() -> None:
    metadata = {"a": "1", "b": True, "c": 3, "d": 2.5, "e": None}
    made = NewInteraction.model_validate(VALID | {"metadata": metadata})
    assert {key: (type(value), value) for key, value in (made.metadata or {}).items()} == {
        key: (type(value), value) for key, value in metadata.items()
    }


def test_a_rating_keeps_what_a_store_takes() -> None:
    ratings = {
        given: NewInteraction.model_validate(VALID | {"rating": given}).rating
        for given in (1e-200, 4, 4.123456789)
    }
    assert ratings == {1e-200: 0.0, 4: 4.0, 4.123456789: 4.123457}


def test_metadata_errors_name_the_key_and_nothing_else() -> None:
    with pytest.raises(ValidationError) as refused:
        NewInteraction.model_validate(VALID | {"metadata": {"order": ["A"]}})
    assert [error["loc"] for error in refused.value.errors()] == [("metadata", "order")]
