from __future__ import annotations

import json

from customerai.domain.new_interaction import NewInteraction
from functions._runner.demo.__main__ import INTERACTIONS, batches


def test_the_demo_interactions_are_what_the_api_takes() -> None:
    lines = INTERACTIONS.read_text().splitlines()
    items = [item for batch in batches(lines, 1_795_000_000) for item in batch]
    assert len(items) == len(lines)
    for item in items:
        NewInteraction.model_validate(item)


def test_the_same_start_makes_the_same_requests() -> None:
    lines = [json.dumps({"minutes_ago": 1, "text": str(number)}) for number in range(120)]
    first, second = list(batches(lines, 1000.0)), list(batches(lines, 1000.0))
    assert first == second
    assert [len(batch) for batch in first] == [50, 50, 20]
    assert first[0][0] == {"text": "0", "occurred_at": "1970-01-01T00:15:40+00:00"}
