"""What happens around a snapshot, by the hooks that Lambda's runtime calls."""

import random
import sys

import pytest
from snapshot_restore_py import get_after_restore, get_before_snapshot

from customerai.adapters import aws
from customerai.snapshots import after, before
from customerai_http.app import create_app, lambda_handler


def restore() -> None:
    for hook, arguments, named in get_after_restore():
        hook(*arguments, **named)


def test_copies_of_a_process_do_not_draw_the_same_numbers() -> None:
    state = random.getstate()
    drawn = []
    for _ in range(2):
        random.setstate(state)
        restore()
        drawn.append(random.random())
    assert drawn[0] != drawn[1]


def test_clients_are_made_anew() -> None:
    client = aws.dynamodb()
    restore()
    assert aws.dynamodb() is not client


def test_hooks_are_registered_and_stay_callable() -> None:
    calls: list[str] = []

    @before
    def prepare() -> None:
        calls.append("before")

    @after
    def go_on() -> None:
        calls.append("after")

    for hook, arguments, named in [*get_before_snapshot(), *get_after_restore()]:
        if hook in (prepare, go_on):
            hook(*arguments, **named)
    assert calls == ["before", "after"]


def test_what_is_needed_first_is_imported_before_a_snapshot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "wave", raising=False)
    lambda_handler(create_app("test"), first_needed=["wave"])
    assert "wave" not in sys.modules
    hook, arguments, named = get_before_snapshot()[-1]
    hook(*arguments, **named)
    assert "wave" in sys.modules
