"""The pipeline around the training job, built with the SageMaker SDK: train, judge, register.

The SDK's step classes build requests from classes of their own, asking AWS on the way; here each
step is the request that `job` writes, so that job and pipeline can't drift apart.
"""

# mypy: allow-subclassing-any
from __future__ import annotations

import json
from typing import Any

import boto3

from models.sentiment.sagemaker.job import (
    JUDGEMENT_OUTPUT,
    judging_job,
    model_package,
    training_job,
)
from models.sentiment.sagemaker.judge import JUDGEMENT_FILE
from models.sentiment.sagemaker.settings import JobSettings


def pipeline_definition(settings: JobSettings) -> dict[str, Any]:
    """Return the definition that CreatePipeline takes; no AWS call is made.

    Raises:
        ImportError: the dependency group `sagemaker` is not installed.
    """
    # The SDK makes a client while it is imported, and needs a region for that.
    boto3.setup_default_session(region_name=settings.region)
    from sagemaker.core.workflow.conditions import ConditionEquals
    from sagemaker.core.workflow.execution_variables import ExecutionVariables
    from sagemaker.core.workflow.functions import Join, JsonGet
    from sagemaker.core.workflow.pipeline_context import PipelineSession
    from sagemaker.core.workflow.properties import Properties, PropertyFile
    from sagemaker.mlops.workflow.condition_step import ConditionStep
    from sagemaker.mlops.workflow.fail_step import FailStep
    from sagemaker.mlops.workflow.pipeline import Pipeline
    from sagemaker.mlops.workflow.steps import ConfigurableRetryStep, StepTypeEnum

    class RequestStep(ConfigurableRetryStep):
        """A step that is one request to the service."""

        def __init__(
            self, name: str, kind: StepTypeEnum, request: dict[str, Any], answer: str, *files: Any
        ) -> None:
            super().__init__(name, kind)
            self._request = request
            self._properties = Properties(step_name=name, step=self, shape_name=answer)
            self.property_files = list(files)

        @property
        def arguments(self) -> dict[str, Any]:
            return self._request

        @property
        def properties(self) -> Any:
            return self._properties

        def to_request(self) -> dict[str, Any]:
            request: dict[str, Any] = super().to_request()
            if self.property_files:
                request["PropertyFiles"] = [file.expr for file in self.property_files]
            return request

    # Each execution has folders of its own: it must not go on from another's checkpoint.
    execution = ExecutionVariables.PIPELINE_EXECUTION_ID
    checkpoints = Join(on="/", values=[settings.s3("checkpoints"), execution])
    judgement = Join(on="/", values=[settings.s3("judgements"), execution])
    judgement_file = Join(on="/", values=[settings.s3("judgements"), execution, JUDGEMENT_FILE])

    train = RequestStep(
        "Train",
        StepTypeEnum.TRAINING,
        training_job(settings, checkpoints),
        "DescribeTrainingJobResponse",
    )
    model = train.properties.ModelArtifacts.S3ModelArtifacts
    verdict = PropertyFile(name="Judgement", output_name=JUDGEMENT_OUTPUT, path=JUDGEMENT_FILE)
    judge = RequestStep(
        "Judge",
        StepTypeEnum.PROCESSING,
        judging_job(settings, model, judgement),
        "DescribeProcessingJobResponse",
        verdict,
    )
    register = RequestStep(
        "Register",
        StepTypeEnum.REGISTER_MODEL,
        model_package(settings, model, judgement_file),
        "DescribeModelPackageOutput",
    )
    promote = ConditionStep(
        "Promote",
        conditions=[
            ConditionEquals(
                JsonGet(step_name="Judge", property_file=verdict, json_path="accepted"), True
            )
        ],
        if_steps=[register],
        else_steps=[
            FailStep(
                "Refuse",
                error_message=Join(
                    on=" ", values=["The promotion gate refused the model; see", judgement_file]
                ),
            )
        ],
    )
    pipeline = Pipeline(
        name=settings.name,
        steps=[train, judge, promote],
        sagemaker_session=PipelineSession(default_bucket=settings.bucket),
    )
    definition: dict[str, Any] = json.loads(pipeline.definition())
    return definition
