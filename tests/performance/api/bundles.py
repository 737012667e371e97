"""The functions' bundles, built for this machine as they are for AWS, and how to start one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.performance.api.figures import MeasurementError
from tests.performance.api.subject import Python, bare, plain_environment
from tests.performance.serving.artifact import ROOT
from tests.performance.serving.processes import clean_environment

_TEMPLATE = "customerai-local-service.template.json"
_HTTP = "HttpLayer"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A function's unpacked code and layers. `http` tells whether it stands on the HTTP layer."""

    name: str
    handler: str
    task: Path
    layers: tuple[Path, ...]
    http: bool

    def python(self, runtime_client: Path) -> Python:
        """An interpreter that has the bundle, Lambda's runtime client, and nothing else."""
        return bare(self.task, *self.layers, runtime_client)


def build(folder: Path) -> dict[str, Bundle]:
    """Build every function's bundle for this machine; by the function's name.

    Raises:
        MeasurementError: it can't be built.
    """
    command = [sys.executable, "-m", "infra_cdk.app", "-o", str(folder)]
    command += ["-c", "stage=local", "-c", "platform=host"]
    node = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = clean_environment({"CDK_VALIDATION": "false", "PATH": node})
    answer = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if answer.returncode:
        raise MeasurementError(f"the bundles can't be built: {answer.stderr[-2_000:]}")
    return read(folder)


def read(folder: Path) -> dict[str, Bundle]:
    """The bundles of a synthesis of the local stage."""
    resources = json.loads((folder / _TEMPLATE).read_text(encoding="utf-8"))["Resources"]

    def asset(name: str) -> Path:
        return Path(folder, resources[name]["Metadata"]["aws:asset:path"]).resolve()

    found = {}
    for logical_id, resource in resources.items():
        if resource["Type"] == "AWS::Lambda::Function":
            properties: Mapping[str, Any] = resource["Properties"]
            layers = [each["Ref"] for each in properties.get("Layers", ())]
            if not properties["Handler"].startswith("functions."):
                continue
            name = properties["Handler"].split(".")[1]
            found[name] = Bundle(
                name,
                properties["Handler"],
                asset(logical_id),
                tuple(asset(layer) / "python" for layer in layers),
                _HTTP in layers,
            )
    return found


def lambda_environment(
    python: Python, task: Path, handler: str, extra: Mapping[str, str]
) -> dict[str, str]:
    """What a function's process finds set in Lambda; see
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html."""
    return plain_environment(
        python,
        {
            "TZ": ":UTC",
            "LAMBDA_TASK_ROOT": str(task),
            "AWS_LAMBDA_FUNCTION_NAME": "bench",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/bench",
            "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "_HANDLER": handler,
            **extra,
        },
    )
