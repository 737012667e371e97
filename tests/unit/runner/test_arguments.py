"""What the command line refuses before anything starts."""

from dataclasses import replace
from pathlib import Path

import pytest

from functions.__main__ import parser
from functions._runner.settings import Settings, StartError
from functions._runner.up import _only_one


@pytest.mark.parametrize(
    "arguments",
    [
        ["up", "--port", "0"],
        ["up", "--port", "65536"],
        ["up", "--model-port", "-1"],
        ["up", "--database-port", "http"],
        ["shards", "--tenant", "acme", "--database-port", "0"],
        ["token", "--tenant", "acme", "--ttl", "0"],
        ["token", "--tenant", "acme", "--ttl", "99999999999"],
    ],
)
def test_numbers_out_of_range(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        parser().parse_args(arguments)
    assert refused.value.code == 2
    assert arguments[-2] in capsys.readouterr().err


def test_shards_are_in_aws_or_here(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        parser().parse_args(["shards", "--tenant", "a", "--table", "t", "--database-port", "1"])
    assert refused.value.code == 2
    assert "not allowed with argument --table" in capsys.readouterr().err


def test_a_state_folder_that_can_not_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = replace(Settings.from_environment({}), state=tmp_path / "file" / "state")
    with pytest.raises(StartError, match="No data can be kept in"), _only_one(settings):
        pass
