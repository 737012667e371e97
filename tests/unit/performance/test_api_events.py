"""Events whose requests differ from call to call."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.performance.api.measurements import cache, prediction_cache
from tests.performance.api.subjects import lambda_handler
from tests.performance.api.subjects.lambda_handler import AGAIN, FRESH, ROUND

HANDLER = """
def handler(event, context):
    return {"statusCode": 200, "event": event}
"""

Load = Callable[..., dict[str, Callable[[], Any]]]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Operations of a handler that answers with the event."""
    (tmp_path / "echoing_handler.py").write_text(HANDLER)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("BENCH_HANDLER", "echoing_handler:handler")
    monkeypatch.setenv("BENCH_EVENTS", str(tmp_path / "events.json"))

    def loaded(**events: list[dict[str, Any]]) -> dict[str, Callable[[], Any]]:
        (tmp_path / "events.json").write_text(json.dumps(events))
        return lambda_handler.operations()

    yield loaded
    sys.modules.pop("echoing_handler", None)


def with_path(path: str, **more: str) -> dict[str, Any]:
    return {"rawPath": path, "requestContext": {"http": {"path": path}, "stage": "s"}, **more}


def test_an_event_without_marks_stays_as_it_is(load: Load) -> None:
    plain = with_path("/v1/interactions", rawQueryString="limit=5")
    assert load(plain=[plain])["plain"]()["event"] == plain


def test_a_fresh_number_is_the_same_all_over_a_call_and_in_no_other(load: Load) -> None:
    marked = with_path(f"/a/{FRESH}", rawQueryString=f"to={FRESH}", body=f'["{FRESH}"]')
    ask = load(marked=[marked])["marked"]
    seen = set()
    for _ in range(3 * ROUND):
        event = ask()["event"]
        number = event["rawPath"].removeprefix("/a/")
        assert len(number) == len(FRESH)
        assert event["requestContext"] == {"http": {"path": f"/a/{number}"}, "stage": "s"}
        assert event["rawQueryString"] == f"to={number}"
        assert json.loads(event["body"]) == [number]
        seen.add(number)
    assert len(seen) == 3 * ROUND


def test_others_come_round(load: Load) -> None:
    ask = load(marked=[with_path("/", body=AGAIN)])["marked"]
    numbers = [ask()["event"]["body"] for _ in range(2 * ROUND)]
    assert numbers[:ROUND] == numbers[ROUND:]
    assert len(set(numbers)) == ROUND


def test_more_texts_come_round_than_a_process_keeps() -> None:
    from customerai.adapters import cached_text_analyser

    assert ROUND * prediction_cache.TEXTS > cached_text_analyser._NEAR_ANSWERS


def test_questions_that_are_new_are_good_ones(load: Load) -> None:
    done = load(**{name.replace(" ", "_"): list(each) for name, each in cache.new().items()})
    listed = done["list_of_100"]()["event"]
    assert "@" not in listed["rawQueryString"]
    assert "to=2026-11-20T09:30:00." in listed["rawQueryString"]
