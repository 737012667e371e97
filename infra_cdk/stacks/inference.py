"""The models' endpoints. Apart from the service, because no emulator has SageMaker."""

import aws_cdk as cdk
from constructs import Construct

from infra_cdk.constructs.inference_endpoint import InferenceEndpoint
from infra_cdk.stages import Inference, Stage


class InferenceStack(cdk.Stack):
    """One endpoint per model, found by the functions under the model's name."""

    def __init__(self, scope: Construct, stage: Stage, sizing: Inference) -> None:
        super().__init__(
            scope,
            stage.physical_name("inference"),
            description=f"CustomerAI Insights Platform ({stage.name}): model endpoints",
        )
        InferenceEndpoint(self, "sentiment", stage=stage, sizing=sizing)
