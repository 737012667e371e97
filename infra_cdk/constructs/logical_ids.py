"""Logical ids that people can type."""

import aws_cdk as cdk
from constructs import IConstruct


def name_resource(construct: IConstruct, logical_id: str) -> cdk.CfnResource:
    """The construct's main resource, which gets this logical id instead of its path and a hash.

    It is what `sam local invoke` takes and what error messages show. It is also the resource's
    identity: changing it replaces the resource.
    """
    resource = construct if isinstance(construct, cdk.CfnResource) else construct.node.default_child
    if not isinstance(resource, cdk.CfnResource):
        raise TypeError(f"{construct.node.path} has no single main resource")
    resource.override_logical_id(logical_id)
    return resource


def camel(name: str) -> str:
    """`interactions_api` as a logical id: `InteractionsApi`."""
    return "".join(part.title() for part in name.split("_"))
