"""Each tenant's taxonomy, one item of the settings table: bare client, because a consumer reads it
as well.

| attribute | what |
|---|---|
| pk | the tenant |
| sk | which setting: ``taxonomy`` |
| version | the taxonomy's version, which a replacement is conditional on |
| topics | a list of maps with id, label and examples |
"""

from typing import Any

from customerai.adapters import aws
from customerai.domain.errors import VersionConflictError
from customerai.domain.taxonomy import Taxonomy, Topic

_SETTING = "taxonomy"


class DynamoDBTaxonomies:
    """``customerai.ports.Taxonomies`` on the settings table."""

    def __init__(self, table: str) -> None:
        self._table = table

    def get(self, tenant: str) -> Taxonomy | None:
        with aws.reporting("store"):
            answer = aws.dynamodb().get_item(
                TableName=self._table, Key=_key(tenant), ConsistentRead=True
            )
        item: dict[str, Any] | None = answer.get("Item")
        if item is None:
            return None
        return Taxonomy(item["version"]["S"], tuple(map(_topic, item["topics"]["L"])))

    def replace(self, tenant: str, taxonomy: Taxonomy, expected: str | None) -> None:
        client = aws.dynamodb()
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if expected is not None:
            condition = {
                "ConditionExpression": "version = :expected",
                "ExpressionAttributeValues": {":expected": {"S": expected}},
            }
        item: dict[str, Any] = {
            **_key(tenant),
            "version": {"S": taxonomy.version},
            "topics": {"L": [_attributes(topic) for topic in taxonomy.topics]},
        }
        try:
            with aws.reporting("store"):
                client.put_item(TableName=self._table, Item=item, **condition)
        except client.exceptions.ConditionalCheckFailedException:
            raise VersionConflictError(
                "The taxonomy has been changed meanwhile; read it again."
            ) from None


def _key(tenant: str) -> dict[str, Any]:
    return {"pk": {"S": tenant}, "sk": {"S": _SETTING}}


def _attributes(topic: Topic) -> dict[str, Any]:
    return {
        "M": {
            "id": {"S": topic.id},
            "label": {"S": topic.label},
            "examples": {"L": [{"S": example} for example in topic.examples]},
        }
    }


def _topic(attribute: dict[str, Any]) -> Topic:
    fields = attribute["M"]
    examples = tuple(example["S"] for example in fields["examples"]["L"])
    return Topic(fields["id"]["S"], fields["label"]["S"], examples)
