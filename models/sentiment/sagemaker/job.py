"""What the SageMaker API is asked for, as plain requests.

Shapes: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html,
API_CreateProcessingJob.html and API_CreateModelPackage.html.
"""

from __future__ import annotations

from typing import Any

from models.sentiment.sagemaker.container import (
    CHECKPOINTS,
    PROCESSING_DATA,
    PROCESSING_JUDGEMENT,
    PROCESSING_MODEL,
    TRAINING_CHANNEL,
)
from models.sentiment.sagemaker.settings import JobSettings
from models.sentiment.training.progress import METRICS

JUDGEMENT_OUTPUT = "judgement"
_ENTRY = ["python", "-m", "models.sentiment.sagemaker"]
_OFFLINE = {"HF_HUB_OFFLINE": "1"}
_SECONDS_AN_HOUR = 3600
_JSON = "application/json"
_MESSAGE_PACK = "application/msgpack"


def training_job(settings: JobSettings, checkpoints: Any) -> dict[str, Any]:
    """Return a CreateTrainingJob request without its name.

    Args:
        settings: the job.
        checkpoints: S3 address, or a pipeline's expression of one, that no other run writes to: a
            job that finds a checkpoint there goes on from it, which is how one survives the loss of
            a spot instance.
    """
    stopping = {"MaxRuntimeInSeconds": settings.max_hours * _SECONDS_AN_HOUR}
    if settings.spot:
        stopping["MaxWaitTimeInSeconds"] = 2 * stopping["MaxRuntimeInSeconds"]
    return {
        "RoleArn": settings.role,
        "AlgorithmSpecification": {
            "TrainingImage": settings.image,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": [*_ENTRY, "train"],
            "MetricDefinitions": [
                {"Name": name, "Regex": pattern} for name, pattern in METRICS.items()
            ],
            "EnableSageMakerMetricsTimeSeries": True,
        },
        "HyperParameters": dict(settings.hyperparameters),
        "InputDataConfig": [
            {
                "ChannelName": TRAINING_CHANNEL,
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": settings.s3("data/"),
                        # Every machine plans the whole run and takes its part of each batch.
                        "S3DataDistributionType": "FullyReplicated",
                    }
                },
                "InputMode": "File",
            }
        ],
        "OutputDataConfig": {"S3OutputPath": settings.s3("models/")},
        "CheckpointConfig": {"S3Uri": checkpoints, "LocalPath": str(CHECKPOINTS)},
        "ResourceConfig": {
            "InstanceType": settings.instance_type,
            "InstanceCount": settings.instance_count,
            "VolumeSizeInGB": settings.volume_gb,
        },
        "StoppingCondition": stopping,
        "EnableManagedSpotTraining": settings.spot,
        # Machines of one job still reach each other; nothing else is needed from outside.
        "EnableNetworkIsolation": True,
        "EnableInterContainerTrafficEncryption": settings.instance_count > 1,
        "Environment": dict(_OFFLINE),
        "RetryStrategy": {"MaximumRetryAttempts": 2},
    }


def judging_job(settings: JobSettings, model: Any, judgement: Any) -> dict[str, Any]:
    """Return a CreateProcessingJob request without its name, for the promotion gate.

    Args:
        settings: the job.
        model: S3 address, or a pipeline's expression of one, of the trained model.tar.gz.
        judgement: S3 address of the folder that the gate's judgement is written to.
    """
    return {
        "RoleArn": settings.role,
        "AppSpecification": {
            "ImageUri": settings.image,
            "ContainerEntrypoint": [*_ENTRY, "judge"],
        },
        "ProcessingInputs": [
            _input("model", model, str(PROCESSING_MODEL)),
            _input("data", settings.s3("data/"), str(PROCESSING_DATA)),
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": JUDGEMENT_OUTPUT,
                    "S3Output": {
                        "S3Uri": judgement,
                        "LocalPath": str(PROCESSING_JUDGEMENT),
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": settings.judge_instance_type,
                "InstanceCount": 1,
                "VolumeSizeInGB": settings.volume_gb,
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 2 * _SECONDS_AN_HOUR},
        "NetworkConfig": {"EnableNetworkIsolation": True},
        "Environment": dict(_OFFLINE),
    }


def model_package(settings: JobSettings, model: Any, judgement_file: Any) -> dict[str, Any]:
    """Return a CreateModelPackage request; a person approves the model before it is deployed.

    Args:
        settings: the job.
        model: S3 address, or a pipeline's expression of one, of the trained model.tar.gz.
        judgement_file: S3 address of what the promotion gate measured.
    """
    return {
        "ModelPackageGroupName": settings.name,
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {
            "Containers": [{"Image": settings.serving_image, "ModelDataUrl": model}],
            "SupportedContentTypes": [_JSON, _MESSAGE_PACK],
            "SupportedResponseMIMETypes": [_JSON, _MESSAGE_PACK],
        },
        "ModelMetrics": {
            "ModelQuality": {"Statistics": {"ContentType": _JSON, "S3Uri": judgement_file}}
        },
    }


def _input(name: str, address: Any, path: str) -> dict[str, Any]:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": address,
            "LocalPath": path,
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
        },
    }
