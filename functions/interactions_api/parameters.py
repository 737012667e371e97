"""What a client may ask of the reads."""

from pydantic import BaseModel, ConfigDict, Field

from customerai.domain.errors import InvalidParameterError
from customerai.domain.interaction import MAX_BATCH, Channel
from customerai.domain.interaction_view import ALL_FIELDS
from customerai.usecases.list_interactions import MAX_OFFSET
from customerai_http.parameters import Instant
from customerai_http.readings import ReadParameters, sparse_fieldset

MAX_ID = 64
"""Characters of what may be meant as an id; an id proper has fewer."""


class OneParameters(ReadParameters):
    """What of one interaction is read."""

    known = ALL_FIELDS
    sparse: str | None = sparse_fieldset("interactions")


class IdsParameters(BaseModel):
    """Which interactions."""

    model_config = ConfigDict(extra="forbid")

    ids: str = Field(
        min_length=1,
        max_length=MAX_BATCH * (MAX_ID + 1),
        description=f"Up to {MAX_BATCH} ids, separated by commas; of a repeated one there is one "
        "result.",
        examples=["01M7W4N5E0924WVJVAVMCY5BXV,01M7W4N5E0924WVJVAVMCY5BXW"],
    )

    def each(self) -> list[str]:
        """The ids in their order, each once. Raises ``InvalidParameterError``."""
        found = list(dict.fromkeys(each.strip() for each in self.ids.split(",") if each.strip()))
        if not 0 < len(found) <= MAX_BATCH or any(len(each) > MAX_ID for each in found):
            raise InvalidParameterError("ids", f"holds none, or more than {MAX_BATCH} ids")
        return found


class BatchReadParameters(OneParameters, IdsParameters):
    """Which interactions, and what of them is read."""


class ListParameters(OneParameters):
    """Filters; all that are given must hold."""

    channel: Channel | None = None
    sentiment: str | None = Field(default=None, pattern="^(negative|neutral|positive|pending)$")
    customer: str | None = Field(
        default=None, min_length=1, max_length=200, description="A `customer_id`."
    )
    start: Instant | None = Field(default=None, alias="from", description="Occurred at or after.")
    end: Instant | None = Field(default=None, alias="to", description="Occurred before.")
    cursor: str | None = Field(
        default=None, max_length=300, description="`next` of the page before, with its filters."
    )
    offset: int = Field(
        default=0,
        ge=0,
        le=MAX_OFFSET,
        description="Skip so many. What is skipped costs as much as what is shown: prefer `next`.",
    )
    limit: int = Field(default=50, ge=1, le=MAX_BATCH)
