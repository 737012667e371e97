"""`shards`: how many shards a tenant has, and raising that number while it reads and writes."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from customerai.adapters import aws
from customerai.adapters.aws.credentials import NoCredentialsError
from customerai.adapters.aws.errors import ServiceError
from customerai.adapters.dynamodb.shard_schedules import DynamoDBShardSchedules
from customerai.domain.errors import (
    InvalidParameterError,
    UnavailableError,
    VersionConflictError,
)
from customerai.domain.shards import Schedule
from customerai.domain.tenants import TENANT_FORM, is_tenant
from customerai.event_loop import run
from customerai.usecases.raise_shards import raise_shards
from functions._runner.settings import Settings, StartError

_LOCAL_TABLE = "customerai-local-settings"


def shards(settings: Settings, tenant: str, count: int | None, table: str | None) -> str:
    """The tenant's schedule, for people; raised to ``count`` where one is given.

    ``table`` is a settings table in AWS, by the environment's credentials and region; that of the
    platform on this machine where there is none. Raises StartError with the reason.
    """
    if not is_tenant(tenant):
        raise StartError(f"{tenant!r} is no tenant: {TENANT_FORM}")
    if table is None:
        os.environ.update(settings.aws_environment())
    elif not (os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")):
        raise StartError("Set AWS_REGION to the region of the table.")
    return run(_shards(tenant, count, table or _LOCAL_TABLE))


async def _shards(tenant: str, count: int | None, table: str) -> str:
    schedules = DynamoDBShardSchedules(table)
    now = datetime.now(UTC)
    try:
        if count is None:
            return described(tenant, await schedules.of(tenant), now)
        raised = await raise_shards(tenant, count, now, schedules=schedules)
        return described(tenant, raised, now)
    except UnavailableError as error:
        raise StartError(f"{table} does not answer: does the platform run?") from error
    except (ServiceError, NoCredentialsError) as error:
        raise StartError(f"{table} can't be read: {error}") from error
    except InvalidParameterError as error:
        raise StartError(f"--{error.field} {count} {error}.") from error
    except VersionConflictError as error:
        raise StartError(str(error)) from error
    finally:
        aws.forget()


def described(tenant: str, schedule: Schedule, now: datetime) -> str:
    lines = [f"{tenant} has 1 shard from the beginning."]
    for each in schedule.raises:
        when = f"{each.since:%Y-%m-%d %H:%M} UTC"
        verb = "has" if each.since <= now else "will have"
        lines.append(f"It {verb} {each.count} shards for what occurs from {when} on.")
    if schedule.raises and schedule.raises[-1].since > now:
        lines.append("Nothing moves, and nothing has to be restarted; until then all stays as is.")
    return "\n".join(lines)
