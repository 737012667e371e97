"""The templates under other people's rules: cfn-lint and cdk-nag."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra_cdk.app import main
from tests.infra.templates import Assembly


def test_cfn_lint_finds_nothing(assembly: Assembly, bundled: Assembly) -> None:
    templates = [template.path for each in (assembly, bundled) for template in each.templates()]
    assert len(templates) == 12
    answer = subprocess.run(
        [
            Path(sys.executable).with_name("cfn-lint"),
            "--",
            *map(str, templates),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_nag_refuses_what_nobody_accepted(tmp_path: Path) -> None:
    """That dev and prod pass is worth something: the local stage, without backups, does not."""
    with pytest.raises(SystemExit, match="ValidationFailed"):
        main(["-c", "stage=local", "--no-bundling", "-o", str(tmp_path)])
    assert "AwsSolutions-DDB3" in (tmp_path / "validation-report.json").read_text()


def test_every_accepted_finding_has_a_reason(assembly: Assembly) -> None:
    reasons = [
        reason
        for path in assembly.folder.glob("*.metadata.json")
        for entries in json.loads(path.read_text()).values()
        for entry in entries
        if entry["type"] == "aws:cdk:acknowledged-rules"
        for reason in entry["data"].values()
    ]
    assert reasons
    assert all(len(reason.split()) > 5 for reason in reasons)
