"""Synthesised templates, read as data."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.conftest import ROOT


@dataclass(frozen=True)
class Template:
    """One stack's template."""

    path: Path
    body: Mapping[str, Any]

    @property
    def stage(self) -> str:
        return self.path.name.split("-")[1]

    @property
    def resources(self) -> Mapping[str, dict[str, Any]]:
        resources: Mapping[str, dict[str, Any]] = self.body["Resources"]
        return resources

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Properties by logical id."""
        return {
            logical_id: resource.get("Properties", {})
            for logical_id, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def functions(self) -> dict[str, dict[str, Any]]:
        """Properties of the Lambda functions by the name that everything else derives from."""
        prefix = f"customerai-{self.stage}-"
        return {
            properties["FunctionName"].removeprefix(prefix): properties
            for properties in self.of_type("AWS::Lambda::Function").values()
        }

    def statements(self, function: str) -> Iterator[tuple[str, Any]]:
        """Each action with each resource that the function's role may use it on.

        What it is denied is no part of it.
        """
        for statement in self.policy(function):
            if statement["Effect"] == "Allow":
                for action in as_list(statement["Action"]):
                    for resource in as_list(statement["Resource"]):
                        yield action, resource

    def policy(self, function: str) -> Iterator[dict[str, Any]]:
        """Every statement of the function's role."""
        logical_id = self.functions()[function]["Role"]["Fn::GetAtt"][0]
        for policy in self.resources[logical_id]["Properties"]["Policies"]:
            yield from policy["PolicyDocument"]["Statement"]

    def invoked(self, target: Mapping[str, Any]) -> str:
        """The logical id of the function that a reference to it, or to its alias, invokes."""
        logical_id: str = target["Ref"] if "Ref" in target else target["Fn::GetAtt"][0]
        resource = self.resources[logical_id]
        if resource["Type"] == "AWS::Lambda::Alias":
            logical_id = resource["Properties"]["FunctionName"]["Ref"]
        return logical_id


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def as_text(value: Any) -> str:
    """A resource in a policy, with its intrinsic functions spelled out enough to search in."""
    return value if isinstance(value, str) else json.dumps(value)


class Assembly:
    """The templates of one synthesis."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cache  # noqa: B019 - an assembly lives as long as the test session
    def template(self, stage: str, stack: str) -> Template:
        path = self.folder / f"customerai-{stage}-{stack}.template.json"
        return Template(path, json.loads(path.read_text()))

    def templates(self) -> list[Template]:
        return [
            Template(path, json.loads(path.read_text()))
            for path in sorted(self.folder.glob("*.template.json"))
        ]

    def asset(self, resource: Mapping[str, Any]) -> Path:
        """The folder that becomes the zip of a function or layer."""
        return Path(self.folder, resource["Metadata"]["aws:asset:path"]).resolve()


def synthesise(
    folder: Path, *arguments: str, validate: bool = True
) -> subprocess.CompletedProcess[str]:
    """What `make synth` does, from a shell that knows nothing of the virtual environment."""
    return subprocess.run(
        [sys.executable, "-m", "infra_cdk.app", "-o", str(folder), *arguments],
        cwd=ROOT,
        env={
            **os.environ,
            "PATH": os.environ["PATH"].removeprefix(f"{Path(sys.executable).parent}{os.pathsep}"),
            "CDK_VALIDATION": "true" if validate else "false",
        },
        capture_output=True,
        text=True,
        check=False,
    )
