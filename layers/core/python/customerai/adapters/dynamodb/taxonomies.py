"""Each tenant's taxonomy, one item of the settings table: the lean client, because a consumer reads
it as well.

| attribute | what |
|---|---|
| pk | the tenant |
| sk | which setting: ``taxonomy`` |
| version | the taxonomy's version, which a replacement is conditional on |
| topics | a list of maps with id, label and examples |
"""

from typing import Any

from customerai.adapters import aws
from customerai.adapters.aws.errors import CONDITION_FAILED, ServiceError, reporting
from customerai.adapters.dynamodb import access_patterns as patterns
from customerai.adapters.dynamodb.reads import Item, read_item
from customerai.domain.errors import VersionConflictError
from customerai.domain.taxonomy import Taxonomy, Topic

_SETTING = "taxonomy"


class DynamoDBTaxonomies:
    """``customerai.ports.Taxonomies`` on the settings table."""

    def __init__(self, table: str) -> None:
        self._table = table

    async def get(self, tenant: str) -> Taxonomy | None:
        item = await read_item(patterns.GET_TAXONOMY, self._table, _key(tenant), Item, strong=True)
        if item is None:
            return None
        return Taxonomy(item["version"]["S"], tuple(map(_topic, item["topics"]["L"])))

    async def version(self, tenant: str) -> str | None:
        item = await read_item(
            patterns.GET_TAXONOMY,
            self._table,
            _key(tenant),
            Item,
            projection=("version",),
            strong=True,
        )
        return item["version"]["S"] if item else None

    async def replace(self, tenant: str, taxonomy: Taxonomy, expected: str | None) -> None:
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if expected is not None:
            condition = {
                "ConditionExpression": "version = :expected",
                "ExpressionAttributeValues": {":expected": {"S": expected}},
            }
        item: Item = {
            **_key(tenant),
            "version": {"S": taxonomy.version},
            "topics": {"L": [_attributes(topic) for topic in taxonomy.topics]},
        }
        try:
            with reporting("store"):
                await aws.dynamodb().call(
                    "PutItem", {"TableName": self._table, "Item": item, **condition}
                )
        except ServiceError as error:
            if error.code != CONDITION_FAILED:
                raise
            if await self.version(tenant) == taxonomy.version:
                return  # our own, whose answer got lost
            raise VersionConflictError(
                "The taxonomy has been changed meanwhile; read it again."
            ) from None


def _key(tenant: str) -> Item:
    return {"pk": {"S": tenant}, "sk": {"S": _SETTING}}


def _attributes(topic: Topic) -> Item:
    return {
        "M": {
            "id": {"S": topic.id},
            "label": {"S": topic.label},
            "examples": {"L": [{"S": example} for example in topic.examples]},
        }
    }


def _topic(attribute: Item) -> Topic:
    fields = attribute["M"]
    examples = tuple(example["S"] for example in fields["examples"]["L"])
    return Topic(fields["id"]["S"], fields["label"]["S"], examples)
