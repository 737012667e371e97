from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from functions._runner.assembly import (
    STACKS,
    Assembly,
    TemplateError,
    load_assembly,
    require_fresh_assembly,
)
from functions._runner.settings import Settings, StartError


@pytest.mark.parametrize(
    ("stack", "value", "expected"),
    [
        ("data", "plain", "plain"),
        ("data", 3, 3),
        ("data", {"Ref": "AWS::Region"}, "us-east-1"),
        ("data", {"Ref": "AWS::StackName"}, "data"),
        ("data", {"Ref": "Orders"}, "shop-orders"),
        ("data", {"Ref": "Work"}, "http://queues/000000000000/shop-work"),
        ("data", {"Ref": "Lost"}, "data-lost"),
        (
            "data",
            {"Ref": "Cursor"},
            "arn:aws:secretsmanager:us-east-1:000000000000:secret:shop-cursor",
        ),
        ("data", {"Fn::GetAtt": ["Work", "QueueName"]}, "shop-work"),
        (
            "data",
            {"Fn::GetAtt": "Orders.Arn"},
            "arn:aws:dynamodb:us-east-1:000000000000:table/shop-orders",
        ),
        ("service", {"Ref": "BootstrapVersion"}, "/cdk/version"),
        ("service", {"Fn::ImportValue": "data:table"}, "shop-orders"),
        ("service", {"Fn::ImportValue": {"Fn::Sub": "data:${Name}"}}, TemplateError),
        ("data", {"Fn::Join": ["-", ["a", {"Ref": "Orders"}]]}, "a-shop-orders"),
        (
            "data",
            {"Fn::Sub": "${Orders}/${Work.QueueName}/${!Kept}"},
            "shop-orders/shop-work/${Kept}",
        ),
        ("data", {"Fn::Sub": ["${own}-${Orders}", {"own": {"Ref": "Work"}}]}, None),
        ("data", {"Fn::Select": ["1", {"Fn::Split": [":", "a:b:c"]}]}, "b"),
        ("data", {"keep": 1, "drop": {"Ref": "AWS::NoValue"}}, {"keep": 1}),
        ("data", [1, {"Ref": "AWS::NoValue"}], [1]),
        ("data", {"Ref": "Nobody"}, TemplateError),
        ("data", {"Fn::ImportValue": "nothing"}, TemplateError),
        ("data", {"Fn::Cidr": ["10.0.0.0/8", 1]}, TemplateError),
    ],
)
def test_intrinsic_functions(assembly: Assembly, stack: str, value: Any, expected: Any) -> None:
    if expected is TemplateError:
        with pytest.raises(TemplateError):
            assembly.resolve(stack, value)
    elif expected is None:
        assert assembly.resolve(stack, value) == "http://queues/000000000000/shop-work-shop-orders"
    else:
        assert assembly.resolve(stack, value) == expected


def test_a_missing_assembly_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="make setup"):
        load_assembly(Settings(assembly=tmp_path))


def test_a_broken_template_says_what_to_run(tmp_path: Path) -> None:
    (tmp_path / f"{STACKS[0]}.template.json").write_text("{")
    with pytest.raises(StartError, match="make setup"):
        load_assembly(Settings(assembly=tmp_path))


def test_an_assembly_older_than_its_sources_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "infra" / "app.py"
    source.parent.mkdir()
    source.touch()
    for stack in STACKS:
        (tmp_path / f"{stack}.template.json").touch()
    require_fresh_assembly(Settings(assembly=tmp_path), source.parent)
    os.utime(tmp_path / f"{STACKS[1]}.template.json", (1, 1))
    with pytest.raises(StartError, match=r"older than .*app\.py"):
        require_fresh_assembly(Settings(assembly=tmp_path), source.parent)
