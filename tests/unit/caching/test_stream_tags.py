"""What the stream tells the cache of."""

from typing import Any

import pytest

from customerai.domain import cache_tags
from functions.rollup_stream.records import read_batch

ID = "01M7W4N5E0924WVJVAVMCY5BXV"


def image(**attributes: str) -> dict[str, Any]:
    plain = {"pk": "acme#0", "id": ID, "channel": "email", "customer_id": "c-1", **attributes}
    return {name: {"S": value} for name, value in plain.items()}


ANALYSED = image(sentiment="negative") | {"score": {"N": "-500000"}}


def tags(*records: dict[str, Any]) -> set[str]:
    keys = {"pk": {"S": "acme#0"}, "id": {"S": ID}}
    stream = [
        {"dynamodb": {"SequenceNumber": str(number), "Keys": keys, **each}}
        for number, each in enumerate(records, start=1)
    ]
    return read_batch({"Records": stream}).tags


def test_an_analysis_changes_both_lists_by_sentiment() -> None:
    found = tags({"OldImage": image(), "NewImage": ANALYSED})
    assert found == {
        cache_tags.everything("acme"),
        cache_tags.analytics("acme"),
        cache_tags.of_customer("acme", "c-1"),
        cache_tags.of_channel("acme", "email"),
        cache_tags.of_sentiment("acme", "pending"),
        cache_tags.of_sentiment("acme", "negative"),
    }


@pytest.mark.parametrize("record", [{"NewImage": image()}, {"OldImage": image()}])
def test_what_comes_and_what_goes_changes_its_lists(record: dict[str, Any]) -> None:
    assert cache_tags.of_customer("acme", "c-1") in tags(record)
    assert cache_tags.of_sentiment("acme", "pending") in tags(record)


def test_changes_of_one_batch_are_told_once() -> None:
    assert len(tags({"NewImage": image()}, {"OldImage": image()}, {"NewImage": image()})) == 5


def test_what_can_not_be_read_hinders_nothing() -> None:
    assert tags({"NewImage": {"id": {"S": ID}}}, {"NewImage": image()})


def test_a_record_that_can_be_counted_is_not_put_aside_for_its_tags() -> None:
    item = image()
    del item["customer_id"]
    keys = {"pk": {"S": "acme#0"}, "id": {"S": ID}}
    record = {"dynamodb": {"SequenceNumber": "1", "Keys": keys, "NewImage": item}}
    batch = read_batch({"Records": [record]})
    assert not batch.unreadable
    assert len(batch.changes) == 1
    assert cache_tags.everything("acme") in batch.tags
