"""Findings of cdk-nag that are accepted, each with its reason."""

import aws_cdk as cdk
from constructs import IConstruct


def accept(construct: IConstruct, finding: str, reason: str) -> None:
    """Accepts one finding of the AwsSolutions rules on this construct, and nowhere else.

    `finding` is the rule, with the offending part in brackets where the rule names one:
    `IAM5[Resource::*]`.
    """
    cdk.Validations.of(construct).acknowledge(
        cdk.Acknowledgment(id=f"AwsSolutions-{finding}", reason=reason)
    )
