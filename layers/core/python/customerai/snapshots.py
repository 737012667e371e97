"""What a function does around a snapshot of its process (Lambda SnapStart).

Before it is taken, there is time for whatever would make a first request slow. After a process goes
on from it, what belonged to the first machine has to go: connections, credentials, random numbers
that other copies would repeat. Elsewhere nothing calls these, and they cost nothing.
"""

import random
from collections.abc import Callable
from typing import TypeVar

from snapshot_restore_py import register_after_restore, register_before_snapshot

from customerai.adapters import aws

Hook = TypeVar("Hook", bound=Callable[[], object])


def before(prepare: Hook) -> Hook:
    """Have ``prepare`` called before a snapshot is taken."""
    register_before_snapshot(prepare)
    return prepare


def after(restore: Hook) -> Hook:
    """Have ``restore`` called when the process goes on, before its first event."""
    register_after_restore(restore)
    return restore


after(random.seed)
after(aws.forget)
