"""Requests to SageMaker have the shapes that its API takes."""

from __future__ import annotations

import argparse
import re
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from models.sentiment.commands import main
from models.sentiment.commands import sagemaker as command
from models.sentiment.commands.sagemaker import job_settings
from models.sentiment.lock import read_lock
from models.sentiment.predictor import ARTIFACT
from models.sentiment.sagemaker.job import judging_job, model_package, training_job
from models.sentiment.sagemaker.settings import JobSettings
from models.sentiment.settings import TrainSettings

SETTINGS = JobSettings(
    role="arn:aws:iam::111122223333:role/training",
    bucket="bucket",
    image="111122223333.dkr.ecr.eu-west-1.amazonaws.com/training:1",
    region="eu-west-1",
    serving_image="111122223333.dkr.ecr.eu-west-1.amazonaws.com/serving:1",
    hyperparameters={"steps": "10"},
)


def problems(operation: str, request: dict[str, Any]) -> str:
    model = botocore.session.Session().get_service_model("sagemaker").operation_model(operation)
    assert model.input_shape is not None
    report: str = ParamValidator().validate(request, model.input_shape).generate_report()
    return report


def patterns(operation: str, request: dict[str, Any]) -> list[str]:
    """Strings of a request that break their shape's pattern, which botocore leaves to AWS."""
    model = botocore.session.Session().get_service_model("sagemaker").operation_model(operation)
    broken = []

    def visit(shape: Any, value: Any) -> None:
        if shape.type_name == "structure":
            for name, part in value.items():
                visit(shape.members[name], part)
        elif shape.type_name == "list":
            for part in value:
                visit(shape.member, part)
        elif shape.type_name == "map":
            for key, part in value.items():
                visit(shape.key, key)
                visit(shape.value, part)
        elif shape.type_name == "string":
            pattern = shape.metadata.get("pattern")
            choices = shape.metadata.get("enum")
            longest = shape.metadata.get("max", len(value))
            if (
                (pattern and not re.search(f"^(?:{pattern})$", value))
                or (choices and value not in choices)
                or len(value) > longest
            ):
                broken.append(value)

    visit(model.input_shape, request)
    return broken


REQUESTS = [
    (
        "CreateTrainingJob",
        {"TrainingJobName": "job", **training_job(SETTINGS, "s3://bucket/checkpoints")},
    ),
    (
        "CreateProcessingJob",
        {"ProcessingJobName": "job", **judging_job(SETTINGS, "s3://b/m.tar.gz", "s3://b/j")},
    ),
    ("CreateModelPackage", model_package(SETTINGS, "s3://b/m.tar.gz", "s3://b/j.json")),
]


@pytest.mark.parametrize(("operation", "request_"), REQUESTS)
def test_requests_fit_the_api(operation: str, request_: dict[str, Any]) -> None:
    assert problems(operation, request_) == ""
    assert patterns(operation, request_) == []


def test_a_wrong_request_would_be_noticed() -> None:
    wrong = {**REQUESTS[0][1], "TrainingJobName": "a b", "ResourceConfig": {"InstanceCount": "1"}}
    assert "InstanceCount" in problems("CreateTrainingJob", wrong)
    assert patterns("CreateTrainingJob", wrong) == ["a b"]


def test_a_spot_job_can_be_resumed() -> None:
    job = training_job(SETTINGS, "s3://bucket/checkpoints/run")
    assert job["EnableManagedSpotTraining"]
    assert job["CheckpointConfig"] == {
        "S3Uri": "s3://bucket/checkpoints/run",
        "LocalPath": "/opt/ml/checkpoints",
    }
    stopping = job["StoppingCondition"]
    assert stopping["MaxWaitTimeInSeconds"] > stopping["MaxRuntimeInSeconds"]


ARGUMENTS = (
    *("sagemaker", "--role", "r", "--bucket", "b", "--image", "i", "--out", "o"),
    *("--serving-image", "s", "--version", "a-new-name-1"),
)


def test_an_image_without_a_region_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*ARGUMENTS]) == 2
    assert "--region" in capsys.readouterr().err


def test_the_training_image_is_no_serving_image(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*ARGUMENTS, "--region", "eu-west-1", "--serving-image", "i"]) == 2
    assert "the training image does not serve" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--serving-image", "--version"])
def test_serving_image_and_name_have_to_be_given(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ARGUMENTS.index(option)
    with pytest.raises(SystemExit, match="2"):
        main([*ARGUMENTS[:place], *ARGUMENTS[place + 2 :]])
    assert f"required: {option}" in capsys.readouterr().err


def test_a_name_in_service_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    version = read_lock(ARTIFACT).version
    assert main([*ARGUMENTS, "--region", "eu-west-1", "--version", version]) == 2
    assert f"{version} is the name of the artefact in" in capsys.readouterr().err


def test_the_name_reaches_the_container_even_where_it_is_the_settings_own() -> None:
    options = _options("--version", TrainSettings().version, "--steps", "9")
    assert job_settings(options, "eu-west-1").hyperparameters == {
        "version": TrainSettings().version,
        "steps": "9",
    }


def test_the_registered_model_is_served_by_the_serving_image() -> None:
    (container,) = REQUESTS[2][1]["InferenceSpecification"]["Containers"]
    assert container == {"Image": SETTINGS.serving_image, "ModelDataUrl": "s3://b/m.tar.gz"}


def _options(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.configure(parser)
    return parser.parse_args([*ARGUMENTS[1:], *given])
