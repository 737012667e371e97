"""SQS message to interaction."""

from collections.abc import Mapping
from typing import Any

from customerai.adapters.sqs.analysis_queue import from_message
from customerai.domain.interaction import InteractionRef


def read_messages(event: Mapping[str, Any]) -> tuple[dict[str, InteractionRef], list[str]]:
    """Message id to interaction, and the ids of the messages that can't be read."""
    refs: dict[str, InteractionRef] = {}
    unreadable: list[str] = []
    for record in event["Records"]:
        try:
            refs[record["messageId"]] = from_message(record["body"])
        except ValueError:
            unreadable.append(record["messageId"])
    return refs, unreadable
