"""Progress where a person watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from models.sentiment.training.progress import Lines, Shown


@contextmanager
def shown_on(stream: TextIO, write: Callable[[str], None]) -> Iterator[Shown]:
    """Show progress as a bar under the lines where `stream` is a terminal, else as lines that go to
    `write`."""
    if not stream.isatty():
        yield Lines(write)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=stream)) as bar:
        task = bar.add_task("", total=None)

        class Bar:
            """Rich's progress bar."""

            def line(self, line: str) -> None:
                """Print above the bar."""
                bar.console.print(line, highlight=False, markup=False)

            def step(self, done: int, total: int) -> None:
                """Move the bar."""
                bar.update(task, completed=done, total=total)

        yield Bar()
