"""The pipeline's definition, built by the SDK; needs the dependency group `sagemaker`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sagemaker.core")

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    # In a process of its own: the SDK changes warnings, logging and boto3's default session.
    out = tmp_path_factory.mktemp("sagemaker") / "definition.json"
    command = [sys.executable, "-m", "models.sentiment", "sagemaker", "--out", str(out)]
    command += ["--role", "arn:aws:iam::111122223333:role/training", "--bucket", "bucket"]
    command += ["--image", "111122223333.dkr.ecr.eu-west-1.amazonaws.com/training:1"]
    command += ["--serving-image", "111122223333.dkr.ecr.eu-west-1.amazonaws.com/serving:1"]
    command += ["--instance-count", "2", "--steps", "10", "--frozen-embeddings", "true"]
    command += ["--emphasis", "airline_tweets=2,semeval_tweets=1.5", "--version", "v 2"]
    path = os.pathsep.join([str(ROOT), *(str(p) for p in ROOT.glob("layers/*/python"))])
    subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, check=True, timeout=240)
    definition: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return definition


pytestmark = pytest.mark.timeout(300)


def test_training_settings_become_hyperparameters(written: dict[str, Any]) -> None:
    assert written["training_job"]["HyperParameters"] == {
        "emphasis": "airline_tweets=2.0,semeval_tweets=1.5",
        "frozen-embeddings": "true",
        "steps": "10",
        "version": "v 2",
    }
    assert written["training_job"]["TrainingJobName"] == "customerai-sentiment-v-2"
    assert written["training_job"]["ResourceConfig"]["InstanceCount"] == 2


def test_the_pipeline_trains_judges_and_registers(written: dict[str, Any]) -> None:
    train, judge, promote = written["pipeline"]["Steps"]
    assert [step["Type"] for step in (train, judge, promote)] == [
        "Training",
        "Processing",
        "Condition",
    ]
    model = {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}
    assert judge["Arguments"]["ProcessingInputs"][0]["S3Input"]["S3Uri"] == model
    assert judge["PropertyFiles"] == [
        {"PropertyFileName": "Judgement", "OutputName": "judgement", "FilePath": "judgement.json"}
    ]
    (condition,) = promote["Arguments"]["Conditions"]
    assert condition["LeftValue"]["Std:JsonGet"] == {
        "PropertyFile": {"Get": "Steps.Judge.PropertyFiles.Judgement"},
        "Path": "accepted",
    }
    assert condition["RightValue"] is True
    (register,) = promote["Arguments"]["IfSteps"]
    assert register["Type"] == "RegisterModel"
    (container,) = register["Arguments"]["InferenceSpecification"]["Containers"]
    assert container["ModelDataUrl"] == model
    assert container["Image"].endswith("/serving:1")
    assert [step["Type"] for step in promote["Arguments"]["ElseSteps"]] == ["Fail"]


def test_the_step_is_the_job(written: dict[str, Any]) -> None:
    job, step = dict(written["training_job"]), dict(written["pipeline"]["Steps"][0]["Arguments"])
    del job["TrainingJobName"]
    # Each execution keeps its checkpoints apart.
    checkpoints = step.pop("CheckpointConfig")["S3Uri"]["Std:Join"]["Values"]
    assert checkpoints[-1] == {"Get": "Execution.PipelineExecutionId"}
    del job["CheckpointConfig"]
    assert step == job
