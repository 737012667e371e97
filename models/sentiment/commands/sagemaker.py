"""Write the definitions of a SageMaker training job and pipeline."""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import asdict
from pathlib import Path

from models.sentiment.commands.settings_options import add_options, from_options
from models.sentiment.in_service import hold_name
from models.sentiment.sagemaker.settings import JobSettings
from models.sentiment.settings import TrainSettings

NAME = "sagemaker"
HELP = "write the definitions of a SageMaker training job and pipeline"

_ECR = re.compile(r"\d+\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options: where it runs, and the training settings that differ from theirs."""
    defaults = {name: field.default for name, field in JobSettings.__dataclass_fields__.items()}
    parser.add_argument("--role", required=True, metavar="ARN", help="role that the job acts as")
    parser.add_argument("--bucket", required=True, help="its data is under NAME/data/")
    parser.add_argument("--image", required=True, metavar="URI", help="training image")
    parser.add_argument(
        "--serving-image",
        required=True,
        metavar="URI",
        help="image of models/serving, which serves the registered model; the training image has "
        "no server",
    )
    parser.add_argument("--region", help="where the image's address doesn't tell")
    parser.add_argument("--name", default=defaults["name"], help="of job, pipeline and model group")
    parser.add_argument("--instance-type", default=defaults["instance_type"])
    parser.add_argument("--instance-count", type=int, default=defaults["instance_count"])
    parser.add_argument("--judge-instance-type", default=defaults["judge_instance_type"])
    parser.add_argument("--volume-gb", type=int, default=defaults["volume_gb"])
    parser.add_argument("--max-hours", type=int, default=defaults["max_hours"])
    parser.add_argument("--on-demand", action="store_true", help="don't use spot instances")
    parser.add_argument("--commercial", action="store_true", help="as of the train command")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="JSON to write")
    add_options(parser, TrainSettings)


def run(options: argparse.Namespace) -> int:
    """Write one JSON object: `training_job` (a CreateTrainingJob request) and `pipeline`."""
    from models.sentiment.commands import refuse

    ecr = _ECR.match(options.image)
    region = options.region or (ecr and ecr["region"])
    if not region:
        return refuse("--image names no AWS region: give --region")
    if options.serving_image == options.image:
        return refuse("--serving-image: the training image does not serve; build models/serving")
    hold_name(options.version)
    settings = job_settings(options, region)
    try:
        from models.sentiment.sagemaker.job import training_job
        from models.sentiment.sagemaker.pipeline import pipeline_definition

        pipeline = pipeline_definition(settings)
    except ImportError as error:
        return refuse(f"this needs the dependency group 'sagemaker' ({error})")
    version = from_options(options, TrainSettings()).version
    name = f"{settings.name}-{re.sub('[^A-Za-z0-9-]', '-', version)}"
    job = {"TrainingJobName": name} | training_job(settings, settings.s3(f"checkpoints/{name}"))
    text = json.dumps({"training_job": job, "pipeline": pipeline}, indent=2)
    options.out.write_text(text + "\n", encoding="utf-8")
    return 0


def job_settings(options: argparse.Namespace, region: str) -> JobSettings:
    """Return what the command line says."""
    return JobSettings(
        role=options.role,
        bucket=options.bucket,
        image=options.image,
        region=region,
        serving_image=options.serving_image,
        name=options.name,
        instance_type=options.instance_type,
        instance_count=options.instance_count,
        judge_instance_type=options.judge_instance_type,
        volume_gb=options.volume_gb,
        max_hours=options.max_hours,
        spot=not options.on_demand,
        hyperparameters=_hyperparameters(options),
    )


def _hyperparameters(options: argparse.Namespace) -> dict[str, str]:
    defaults = asdict(TrainSettings())
    given = asdict(from_options(options, TrainSettings()))
    changed = {
        name.replace("_", "-"): _as_option(value)
        for name, value in given.items()
        # The command in the container asks for the version, whatever it is.
        if value != defaults[name] or name == "version"
    }
    return changed | ({"commercial": "true"} if options.commercial else {})


def _as_option(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(
            "=".join(map(str, each)) if isinstance(each, tuple) else str(each) for each in value
        )
    return str(value).lower() if isinstance(value, bool) else str(value)
