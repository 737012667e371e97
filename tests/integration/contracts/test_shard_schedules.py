"""What ``ShardScheduleStore`` promises, held against every adapter."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from customerai.adapters.dynamodb.shard_schedules import DynamoDBShardSchedules
from customerai.adapters.dynamodb.taxonomies import DynamoDBTaxonomies
from customerai.adapters.memory.shard_schedules import MemoryShardSchedules
from customerai.domain.default_taxonomy import DEFAULT_TAXONOMY
from customerai.domain.errors import VersionConflictError
from customerai.domain.shards import SINGLE, Raise, Schedule
from customerai.ports import ShardScheduleStore
from tests.integration.conftest import CreateTable

START = datetime(2026, 11, 20, 10, tzinfo=UTC)
TWO = Schedule((Raise(START, 2),))
FIVE = Schedule((*TWO.raises, Raise(START + timedelta(days=3, milliseconds=7), 5)))


@pytest.fixture
async def schedules(backend: str, create_table: CreateTable) -> ShardScheduleStore:
    if backend == "memory":
        return MemoryShardSchedules()
    return DynamoDBShardSchedules(await create_table("settings"))


async def test_a_tenant_has_one_shard_until_it_is_raised(schedules: ShardScheduleStore) -> None:
    assert await schedules.of("acme") == SINGLE
    await schedules.replace("acme", TWO, SINGLE)
    assert await schedules.of("acme") == TWO
    await schedules.replace("acme", FIVE, TWO)
    assert await schedules.of("acme") == FIVE
    assert await schedules.of("acme2") == SINGLE


@pytest.mark.parametrize("known", [SINGLE, FIVE])
async def test_another_schedule_than_the_known_one_is_not_replaced(
    schedules: ShardScheduleStore, known: Schedule
) -> None:
    await schedules.replace("acme", TWO, SINGLE)
    with pytest.raises(VersionConflictError):
        await schedules.replace("acme", FIVE, known)
    assert await schedules.of("acme") == TWO


async def test_where_there_is_none_none_is_replaced(schedules: ShardScheduleStore) -> None:
    with pytest.raises(VersionConflictError):
        await schedules.replace("acme", FIVE, TWO)
    assert await schedules.of("acme") == SINGLE


async def test_of_raises_at_once_one_wins(schedules: ShardScheduleStore) -> None:
    made = [Schedule((Raise(START, count),)) for count in range(2, 10)]

    async def attempt(schedule: Schedule) -> bool:
        try:
            await schedules.replace("acme", schedule, SINGLE)
        except VersionConflictError:
            return False
        return True

    won = await asyncio.gather(*map(attempt, made))
    assert won.count(True) == 1
    assert await schedules.of("acme") == made[won.index(True)]


@pytest.mark.parametrize("backend", ["moto", "dynoxide"], indirect=True)
async def test_settings_of_one_tenant_are_apart(backend: str, create_table: CreateTable) -> None:
    table = await create_table("settings")
    schedules, taxonomies = DynamoDBShardSchedules(table), DynamoDBTaxonomies(table)
    await taxonomies.replace("acme", DEFAULT_TAXONOMY, None)
    assert await schedules.of("acme") == SINGLE
    await schedules.replace("acme", TWO, SINGLE)
    assert await taxonomies.get("acme") == DEFAULT_TAXONOMY
