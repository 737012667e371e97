"""The synthesised CloudFormation templates, with their intrinsic functions resolved.

Every physical name and ARN follows from the template alone, so nothing has to be looked up and no
resource has to exist before its name is known.
Reference: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from functions._runner.settings import ACCOUNT, CHECKOUT, REGION, Settings, StartError

STACKS = ("customerai-local-data", "customerai-local-service")

_TABLE_ARN = "arn:aws:dynamodb:{region}:{account}:table/{name}"
# Type -> (property that holds the physical name, ARN).
_KINDS: Mapping[str, tuple[str, str]] = {
    "AWS::DynamoDB::Table": ("TableName", _TABLE_ARN),
    "AWS::DynamoDB::GlobalTable": ("TableName", _TABLE_ARN),
    "AWS::SQS::Queue": ("QueueName", "arn:aws:sqs:{region}:{account}:{name}"),
    "AWS::S3::Bucket": ("BucketName", "arn:aws:s3:::{name}"),
    # Without the random suffix: Secrets Manager takes such a partial ARN, and it can be foretold.
    "AWS::SecretsManager::Secret": (
        "Name",
        "arn:aws:secretsmanager:{region}:{account}:secret:{name}",
    ),
    "AWS::Lambda::Function": ("FunctionName", "arn:aws:lambda:{region}:{account}:function:{name}"),
    "AWS::Events::Rule": ("Name", "arn:aws:events:{region}:{account}:rule/{name}"),
    "AWS::IAM::Role": ("RoleName", "arn:aws:iam::{account}:role/{name}"),
    "AWS::Logs::LogGroup": ("LogGroupName", "arn:aws:logs:{region}:{account}:log-group:{name}"),
}


class TemplateError(StartError):
    """A template says something that the local runner cannot resolve."""


@dataclass(frozen=True)
class Resource:
    """One resource with its properties resolved."""

    stack: str
    logical_id: str
    type: str
    name: str
    properties: Mapping[str, Any]


class Assembly:
    """Templates by stack name, and the local answers to what they refer to."""

    def __init__(self, templates: Mapping[str, Mapping[str, Any]], queue_endpoint: str) -> None:
        self._templates = templates
        self._queue_endpoint = queue_endpoint
        self._exports = {
            self.resolve(stack, output["Export"]["Name"]): (stack, output["Value"])
            for stack, template in templates.items()
            for output in template.get("Outputs", {}).values()
            if "Export" in output
        }

    def resources(self, *types: str) -> Iterator[Resource]:
        """Every resource of these types, in the order of the templates."""
        for stack, template in self._templates.items():
            for logical_id, resource in template["Resources"].items():
                if resource["Type"] in types:
                    yield Resource(
                        stack,
                        logical_id,
                        resource["Type"],
                        self._name(stack, logical_id),
                        self.resolve(stack, resource.get("Properties", {})),
                    )

    def resolve(self, stack: str, value: Any) -> Any:
        """`value` as CloudFormation would hand it to the resource; raises TemplateError."""
        if isinstance(value, list):
            resolved = (self.resolve(stack, item) for item in value)
            return [item for item in resolved if item is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function == "Ref":
                return self._ref(stack, argument)
            if function.startswith("Fn::"):
                return self._function(stack, function, argument)
        items = ((key, self.resolve(stack, item)) for key, item in value.items())
        return {key: item for key, item in items if item is not _NO_VALUE}

    def _function(self, stack: str, function: str, argument: Any) -> Any:
        match function:
            case "Fn::GetAtt":
                parts = argument.split(".", 1) if isinstance(argument, str) else argument
                return self._attribute(stack, parts[0], parts[1])
            case "Fn::ImportValue":
                name = self.resolve(stack, argument)
                if name not in self._exports:
                    raise TemplateError(f"{stack} imports {name}, which no stack exports")
                return self.resolve(*self._exports[name])
            case "Fn::Join":
                separator, parts = argument
                return separator.join(str(part) for part in self.resolve(stack, parts))
            case "Fn::Sub":
                return self._substitute(stack, argument)
            case "Fn::Select":
                index, items = argument
                return self.resolve(stack, items)[int(index)]
            case "Fn::Split":
                separator, text = argument
                return self.resolve(stack, text).split(separator)
        raise TemplateError(f"{stack} uses {function}, which the local runner does not resolve")

    def _substitute(self, stack: str, argument: Any) -> str:
        text, variables = argument if isinstance(argument, list) else (argument, {})

        def replace(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in variables:
                return str(self.resolve(stack, variables[name]))
            logical_id, dot, attribute = name.partition(".")
            return str(
                self._attribute(stack, logical_id, attribute) if dot else self._ref(stack, name)
            )

        return re.sub(r"\$\{([^}]+)\}", replace, text)

    def _ref(self, stack: str, name: str) -> Any:
        pseudo = {
            "AWS::AccountId": ACCOUNT,
            "AWS::Region": REGION,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": stack,
            "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{stack}/local",
            "AWS::NoValue": _NO_VALUE,
        }
        if name in pseudo:
            return pseudo[name]
        template = self._templates[stack]
        if name in template.get("Parameters", {}):
            return template["Parameters"][name].get("Default", "")
        match self._type(stack, name):
            case "AWS::SQS::Queue":
                return f"{self._queue_endpoint}/{ACCOUNT}/{self._name(stack, name)}"
            case "AWS::SecretsManager::Secret":
                return self._attribute(stack, name, "Arn")
        return self._name(stack, name)

    def _attribute(self, stack: str, logical_id: str, attribute: str) -> str:
        kind, name = self._type(stack, logical_id), self._name(stack, logical_id)
        match kind, attribute:
            case _, ("Arn" | "Id") if kind in _KINDS:
                return _KINDS[kind][1].format(region=REGION, account=ACCOUNT, name=name)
            case (("AWS::DynamoDB::Table" | "AWS::DynamoDB::GlobalTable"), "StreamArn"):
                # The label, a creation time in AWS, is the database's own business.
                return f"{self._attribute(stack, logical_id, 'Arn')}/stream/latest"
            case "AWS::SQS::Queue", "QueueUrl":
                return str(self._ref(stack, logical_id))
            case _, ("QueueName" | "AuthorizerId" | "ApiId" | "LayerVersionArn"):
                return name
        return f"{name}.{attribute}"

    def _type(self, stack: str, logical_id: str) -> str:
        try:
            return str(self._templates[stack]["Resources"][logical_id]["Type"])
        except KeyError:
            raise TemplateError(f"{stack} refers to {logical_id}, which it does not have") from None

    def _name(self, stack: str, logical_id: str) -> str:
        resource = self._templates[stack]["Resources"][logical_id]
        name_property = _KINDS.get(resource["Type"], ("Name", ""))[0]
        given = resource.get("Properties", {}).get(name_property)
        if given is not None and resource["Type"] in _KINDS:
            return str(self.resolve(stack, given))
        generated = f"{stack}-{logical_id}"
        return generated.lower() if resource["Type"] == "AWS::S3::Bucket" else generated


_NO_VALUE = object()


def load_assembly(settings: Settings) -> Assembly:
    """Read the synthesised templates; StartError where they are missing."""
    templates = {}
    for stack in STACKS:
        path = settings.assembly / f"{stack}.template.json"
        try:
            templates[stack] = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise StartError(f"{path} is missing: run `make setup`.") from None
        except ValueError as error:
            raise StartError(f"{path} is not JSON ({error}): run `make setup`.") from error
    return Assembly(templates, settings.emulator_url)


def require_fresh_assembly(settings: Settings, sources: Path = CHECKOUT / "infra_cdk") -> None:
    """StartError where the infrastructure's code changed after it was synthesised."""
    synthesised = min(
        (settings.assembly / f"{stack}.template.json").stat().st_mtime for stack in STACKS
    )
    newer = [path for path in sources.rglob("*.py") if path.stat().st_mtime > synthesised]
    if newer:
        raise StartError(
            f"{settings.assembly} is older than {newer[0]}: run `make up`, or `make setup` first."
        )
