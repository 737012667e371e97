"""`python -m functions shards`, as it is typed."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from customerai.adapters import aws
from customerai.adapters.dynamodb.shard_schedules import DynamoDBShardSchedules
from customerai.domain.shards import LEAD, SINGLE, Raise, Schedule
from customerai.event_loop import run
from functions.__main__ import main
from functions._runner.assembly import Assembly
from functions._runner.resources import create_tables
from functions._runner.settings import CHECKOUT, Settings
from functions._runner.shards import described
from tests.integration.conftest import CreateTable, free_port

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)


@pytest.fixture
def table(dynoxide: None, create_table: CreateTable) -> str:
    async def create() -> str:
        return await create_table("settings")

    return run(create())


def schedule_in(table: str) -> Schedule:
    return run(DynamoDBShardSchedules(table).of("acme"))


def test_it_shows_raises_and_shows_again(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["shards", "--tenant", "acme", "--table", table]
    assert main(command) == 0
    assert capsys.readouterr().out == "acme has 1 shard from the beginning.\n"
    assert schedule_in(table) == SINGLE

    before = datetime.now(UTC)
    assert main([*command, "--count", "4"]) == 0
    printed = capsys.readouterr().out
    (raised,) = schedule_in(table).raises
    assert raised.count == 4
    assert timedelta() <= raised.since - before - LEAD <= timedelta(hours=1, minutes=1)
    assert f"will have 4 shards for what occurs from {raised.since:%Y-%m-%d %H:%M} UTC" in printed

    assert main(command) == 0
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize(
    ("count", "reason"),
    [("1", "is less than 4, and shards only grow"), ("65", "is greater than 64")],
)
def test_what_can_not_be_is_told_in_one_line(
    table: str, capsys: pytest.CaptureFixture[str], count: str, reason: str
) -> None:
    run(DynamoDBShardSchedules(table).replace("acme", Schedule((Raise(NOW, 4),)), SINGLE))
    assert main(["shards", "--tenant", "acme", "--table", table, "--count", count]) == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"error: --count {count} {reason}.\n")


@pytest.mark.parametrize("tenant", ["", "a b", "acme#0", "-acme", "a" * 65])
def test_what_is_no_tenant_is_refused_before_anything_is_asked(
    tenant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["shards", f"--tenant={tenant}", "--table", "t", "--count", "2"]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith(f"error: {tenant!r} is no tenant: a letter or digit")
    assert printed.count("\n") == 1


def test_a_platform_that_does_not_run_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.forget()
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{free_port()}")
    assert main(["shards", "--tenant", "acme", "--table", "t", "--count", "2"]) == 1
    assert capsys.readouterr().err == "error: t does not answer: does the platform run?\n"


@pytest.mark.parametrize("told_by", ["the environment", "an option"])
def test_without_a_table_it_is_that_of_the_platform_here(
    dynoxide_url: str, assembly: Assembly, told_by: str
) -> None:
    port = dynoxide_url.rpartition(":")[2]
    settings = replace(Settings.from_environment({}), database_port=int(port))
    create_tables(assembly, settings)
    options, environment = ["--tenant", "acme", "--count", "2"], settings.to_environment()
    if told_by == "an option":
        options += ["--database-port", port]
        environment["CUSTOMERAI_DATABASE_PORT"] = str(free_port())
    done = subprocess.run(
        [sys.executable, "-m", "functions", "shards", *options],
        cwd=CHECKOUT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "It will have 2 shards" in done.stdout


def test_a_table_that_is_not_there_is_named(
    dynoxide: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["shards", "--tenant", "acme", "--table", "nowhere"]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("error: nowhere can't be read: ResourceNotFoundException")
    assert printed.count("\n") == 1


def test_a_region_has_to_be_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    assert main(["shards", "--tenant", "acme", "--table", "t"]) == 1
    assert "AWS_REGION" in capsys.readouterr().err


def test_what_is_past_is_told_from_what_comes() -> None:
    schedule = Schedule((Raise(NOW, 2), Raise(NOW + timedelta(days=1), 5)))
    assert described("acme", schedule, NOW).splitlines() == [
        "acme has 1 shard from the beginning.",
        "It has 2 shards for what occurs from 2026-11-25 09:00 UTC on.",
        "It will have 5 shards for what occurs from 2026-11-26 09:00 UTC on.",
        "Nothing moves, and nothing has to be restarted; until then all stays as is.",
    ]
