from __future__ import annotations

import copy
import json

import pytest

from functions._runner import clients, parts
from functions._runner.application import Application
from functions._runner.assembly import Assembly
from functions._runner.pool import Pool
from functions._runner.resources import create_emulated, create_tables
from functions._runner.settings import CHECKPOINTS_TABLE, Settings, StartError
from tests.integration.runner.conftest import data_template, running


def test_tables_are_made_once_with_everything_the_template_says(
    database: Settings, assembly: Assembly
) -> None:
    client = clients.database(database)
    client.put_item(TableName="tiny-things", Item={"pk": {"S": "kept"}})
    create_tables(assembly, database)
    assert client.scan(TableName="tiny-things")["Count"] == 1
    assert set(client.list_tables()["TableNames"]) == {"tiny-things", CHECKPOINTS_TABLE}
    table = client.describe_table(TableName="tiny-things")["Table"]
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert [index["IndexName"] for index in table["GlobalSecondaryIndexes"]] == ["by_kind"]
    expiry = client.describe_time_to_live(TableName="tiny-things")["TimeToLiveDescription"]
    assert expiry.get("AttributeName") == "expires_at"


def test_a_table_of_another_shape_is_refused(database: Settings) -> None:
    template = copy.deepcopy(data_template())
    properties = template["Resources"]["Things"]["Properties"]
    properties["GlobalSecondaryIndexes"][0]["Projection"] = {"ProjectionType": "ALL"}
    with pytest.raises(StartError, match="tiny-things was made with other keys"):
        create_tables(Assembly({"data": template}, database.emulator_url), database)


async def test_what_a_worker_puts_into_a_bucket_outlives_the_emulator(
    application: Application, settings: Settings, assembly: Assembly
) -> None:
    record = {"name": "stream/shard/1.json", "text": "ünreadable"}
    with running(parts.emulator(assembly, settings)):
        create_emulated(assembly, settings)
        async with Pool(application.functions["keeper"], settings, 1) as pool:
            await pool.invoke(record)
    with running(parts.emulator(assembly, settings)):
        create_emulated(assembly, settings)
        bucket = clients.buckets(settings)
        (kept,) = bucket.list_objects_v2(Bucket="tiny-lost")["Contents"]
        assert kept["Key"] == record["name"]
        body = bucket.get_object(Bucket="tiny-lost", Key=kept["Key"])["Body"]
        assert json.load(body) == record


def test_the_emulator_is_filled_again_with_the_same_secret(
    settings: Settings, assembly: Assembly
) -> None:
    values = []
    for _ in range(2):
        with running(parts.emulator(assembly, settings)):
            create_emulated(assembly, settings)
            create_emulated(assembly, settings)
            secret = assembly.resolve("customerai-local-data", {"Ref": "Secret"})
            values.append(
                clients.secrets(settings).get_secret_value(SecretId=secret)["SecretString"]
            )
            queue = assembly.resolve("customerai-local-data", {"Ref": "Work"})
            attributes = clients.queues(settings).get_queue_attributes(
                QueueUrl=queue, AttributeNames=["All"]
            )["Attributes"]
            assert json.loads(attributes["RedrivePolicy"])["maxReceiveCount"] == 2
            assert attributes["VisibilityTimeout"] == "30"
            clients.buckets(settings).head_bucket(Bucket="tiny-lost")
    assert values[0] == values[1]
    assert len(values[0]) == 40
    assert (settings.state / "secrets.json").stat().st_mode & 0o077 == 0
