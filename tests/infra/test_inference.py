"""The endpoint: found by its name, scaled between bounds, shut off from the network."""

import re

import pytest

from tests.conftest import ROOT
from tests.infra.templates import Assembly, Template


def test_the_endpoint_has_the_name_that_functions_call(
    inference: Template, service: Template
) -> None:
    (endpoint,) = inference.of_type("AWS::SageMaker::Endpoint").values()
    called = {
        function["Environment"]["Variables"]["MODEL_ENDPOINT"]
        for function in service.functions().values()
        if "MODEL_ENDPOINT" in function["Environment"]["Variables"]
    }
    assert called == {endpoint["EndpointName"]}


@pytest.mark.parametrize(
    ("stage_name", "instance", "bounds", "target"),
    [("dev", "ml.c6i.large", (1, 2), 600), ("prod", "ml.c6i.xlarge", (2, 10), 1_200)],
)
def test_instances_follow_requests_between_bounds(
    assembly: Assembly, stage_name: str, instance: str, bounds: tuple[int, int], target: int
) -> None:
    template = assembly.template(stage_name, "inference")
    (config,) = template.of_type("AWS::SageMaker::EndpointConfig").values()
    (variant,) = config["ProductionVariants"]
    assert variant["InstanceType"] == instance
    assert variant["InitialInstanceCount"] == bounds[0]
    (scalable,) = template.of_type("AWS::ApplicationAutoScaling::ScalableTarget").values()
    assert (scalable["MinCapacity"], scalable["MaxCapacity"]) == bounds
    assert scalable["ScalableDimension"] == "sagemaker:variant:DesiredInstanceCount"
    (policy,) = template.of_type("AWS::ApplicationAutoScaling::ScalingPolicy").values()
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["TargetValue"] == target
    assert tracking["PredefinedMetricSpecification"] == {
        "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
    }
    assert tracking["ScaleInCooldown"] > tracking["ScaleOutCooldown"]


def test_a_new_model_keeps_the_instances_that_scaling_has_added(inference: Template) -> None:
    (endpoint,) = inference.of_type("AWS::SageMaker::Endpoint").values()
    assert endpoint["RetainAllVariantProperties"] is True
    assert "ExcludeRetainedVariantProperties" not in endpoint
    # Properties are kept variant by variant, under its name.
    (config,) = inference.of_type("AWS::SageMaker::EndpointConfig").values()
    (variant,) = config["ProductionVariants"]
    assert variant["VariantName"] == "only"


def test_the_container_reaches_nothing(inference: Template) -> None:
    (model,) = inference.of_type("AWS::SageMaker::Model").values()
    assert model["EnableNetworkIsolation"] is True


def test_the_image_context_holds_what_the_dockerfile_copies(assembly: Assembly) -> None:
    (context,) = assembly.folder.glob("asset.*/models/serving/Dockerfile")
    root = context.parents[2]
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", context.read_text(), re.MULTILINE)
    sources = [source for line in copied for source in line.split()]
    assert sources
    for source in sources:
        assert (root / source).exists(), source


def test_the_image_context_holds_no_more_than_models_and_domain(assembly: Assembly) -> None:
    (context,) = assembly.folder.glob("asset.*/models/serving/Dockerfile")
    root = context.parents[2]
    files = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    core = {file for file in files if file.startswith("layers/core/python/customerai/")}
    assert all("/domain/" in file or file.endswith("customerai/__init__.py") for file in core)
    assert not any(file.startswith(("functions/", "infra_cdk/", "tests/")) for file in files)
    assert (ROOT / "models" / "serving" / "Dockerfile").read_text() == context.read_text()
