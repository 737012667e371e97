from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from functions._runner.settings import CHECKOUT, StartError
from functions._runner.supervisor import Part, Supervisor
from tests.integration.runner.conftest import wait_for

SLEEP = [
    sys.executable,
    "-c",
    "import os, sys, time; print(os.getpid(), flush=True); time.sleep(99)",
]


@pytest.fixture
def reports() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, reports: list[str]) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path, reports.append)
    yield supervisor
    supervisor.stop()


def processes(log: Path) -> list[int]:
    return [int(line) for line in log.read_text().split()]


def until(supervisor: Supervisor, condition: Callable[[], bool], limit: float) -> float:
    """Seconds until the condition holds, with the supervisor at work."""
    begun = time.monotonic()
    for _ in supervisor.running():
        if condition():
            return time.monotonic() - begun
        assert time.monotonic() - begun < limit, "it did not happen in time"
    pytest.fail("the supervisor was stopped")


def exists(process: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_killed_child_is_started_again(
    supervisor: Supervisor, tmp_path: Path, reports: list[str]
) -> None:
    supervisor.start(Part("child", SLEEP, os.environ))
    assert supervisor.wait("child", 5)
    log = tmp_path / "child.log"
    until(supervisor, lambda: len(processes(log)) == 1, 5)
    os.kill(processes(log)[0], signal.SIGKILL)
    assert until(supervisor, lambda: len(processes(log)) == 2, 5) < 5
    assert reports == ["child ended (exit -9): starting it again"]


def test_one_that_keeps_ending_is_told_with_its_log(
    supervisor: Supervisor,
    tmp_path: Path,
    reports: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("functions._runner.supervisor._QUICK_DEATHS", 3)
    ready = iter([True])
    command = [sys.executable, "-c", "import time; time.sleep(0.3)"]
    supervisor.start(Part("child", command, os.environ, lambda: next(ready, False)))
    supervisor.wait("child", 5)
    until(supervisor, lambda: any("3 times in a row" in text for text in reports), 30)
    assert str(tmp_path / "child.log") in reports[-1]


def test_one_that_ends_before_it_was_ready_says_why(supervisor: Supervisor) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no model here')"]
    supervisor.start(Part("child", command, os.environ, lambda: False))
    with pytest.raises(StartError, match="child ended at once: no model here"):
        supervisor.wait("child", 10)


def test_one_that_does_not_get_ready_in_time(supervisor: Supervisor) -> None:
    supervisor.start(Part("child", SLEEP, os.environ, lambda: False))
    with pytest.raises(StartError, match="not ready after 0 s"):
        supervisor.wait("child", 0.3)


def test_a_part_that_runs_once_is_tried_until_it_ends_well(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    script = (
        "import pathlib, sys\n"
        "runs = pathlib.Path(sys.argv[1])\n"
        "with runs.open('a') as file: file.write('x')\n"
        "sys.exit(len(runs.read_text()) < 3)"
    )
    runs = tmp_path / "runs"
    command = [sys.executable, "-c", script, str(runs)]
    supervisor.start(Part("child", command, os.environ, once=True))
    until(supervisor, lambda: runs.exists() and len(runs.read_text()) == 3, 10)
    begun = time.monotonic()
    until(supervisor, lambda: time.monotonic() - begun > 0.5, 5)
    assert len(runs.read_text()) == 3


def test_stop_ends_also_what_does_not_listen(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions._runner.supervisor._STOP_SECONDS", 1.0)
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SLEEP[2]
    supervisor.start(Part("deaf", [sys.executable, "-c", deaf], os.environ))
    supervisor.start(Part("child", SLEEP, os.environ))
    logs = [tmp_path / "deaf.log", tmp_path / "child.log"]
    until(supervisor, lambda: all(processes(log) for log in logs), 5)
    threading.Timer(0.1, supervisor.request_stop).start()
    for _ in supervisor.running():
        pass
    begun = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - begun < 4
    assert not any(exists(process) for log in logs for process in processes(log))


def test_a_long_log_is_moved_aside_and_goes_on(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions._runner.supervisor._LOG_LIMIT", 1000)
    monkeypatch.setattr("functions._runner.supervisor._LOG_CHECK_SECONDS", 0.0)
    script = "import time\nwhile True: print('x' * 100, flush=True); time.sleep(0.01)"
    supervisor.start(Part("child", [sys.executable, "-c", script], os.environ))
    log = tmp_path / "child.log"
    until(supervisor, lambda: (tmp_path / "child.log.1").exists(), 5)
    until(supervisor, lambda: 0 < log.stat().st_size < 10_000, 5)
    assert log.read_text().startswith("x")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_children_end_with_a_killed_supervisor(tmp_path: Path) -> None:
    script = (
        "import os, sys\nfrom pathlib import Path\n"
        "from functions._runner.supervisor import Part, Supervisor\n"
        "supervisor = Supervisor(Path(sys.argv[1]), print)\n"
        "supervisor.start(Part('child', eval(sys.argv[2]), os.environ))\n"
        "for _ in supervisor.running(): pass\n"
    )
    log = tmp_path / "child.log"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path), repr(SLEEP)], cwd=CHECKOUT
    ) as process:
        wait_for(lambda: log.exists() and len(processes(log)) == 1)
        process.kill()
    wait_for(lambda: not exists(processes(log)[0]), 5)
