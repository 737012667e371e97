"""Where a SageMaker job runs and where its files are."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class JobSettings:
    """One training job, or the pipeline around it."""

    role: str
    """ARN of the role that the job acts as."""

    bucket: str
    image: str
    """Image with this repository and its `train` dependency group, see `training/Dockerfile`."""

    region: str
    serving_image: str
    """Image of `models/serving`, for the registered model."""

    name: str = "customerai-sentiment"
    """Of job, pipeline and model group; also the prefix inside the bucket."""

    instance_type: str = "ml.g5.xlarge"
    instance_count: int = 1
    judge_instance_type: str = "ml.c7i.xlarge"
    volume_gb: int = 50
    max_hours: int = 12
    """Of computing; twice as long with the time that a spot job waits for capacity."""

    spot: bool = True
    hyperparameters: dict[str, str] = field(default_factory=dict)
    """Options of the train command, without the dashes, that differ from its defaults."""

    def s3(self, folder: str) -> str:
        """Return the address of a folder of this job's."""
        return f"s3://{self.bucket}/{self.name}/{folder}"
