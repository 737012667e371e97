"""What of a resource a client wants to read, how fresh, and whether it wants to know the cost."""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from customerai.domain.errors import DomainError, InvalidParameterError
from customerai.observability.plan import explaining
from customerai.ports import Reading
from customerai_http.auth import ForbiddenError, Principal
from customerai_http.parameters import InvalidHeaderError

EXPLAIN_SCOPE = "platform:explain"
_STRONG = "strong"
_EVENTUAL = "eventual"
_AFTER = "after="
_CONSISTENCY = re.compile(f"^(?:{_EVENTUAL}|{_STRONG}|{_AFTER}([0-9]{{1,15}}))$")
SETTLED_SECONDS = 30.0
"""A write that is so old shows in every read: many times what replicas of a table lag behind."""

CONSISTENCY: Mapping[str, Any] = {
    "name": "Consistency",
    "in": "header",
    "schema": {"type": "string", "pattern": _CONSISTENCY.pattern},
    "description": "`eventual` (the default), `strong`, or the `Consistency` header of the answer "
    "to your write, which shows at least that. Strong reads cost twice as much, and filters read "
    "more for them.",
}


class UnknownFieldsError(DomainError):
    """``fields`` names what there is not."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.field = parameter


_MOST_FIELDS = 500
"""Characters of their names together."""


def sparse_fieldset(resource: str) -> Any:
    """The field ``sparse`` of a resource's parameters."""
    return Field(
        default=None,
        alias=f"fields[{resource}]",
        max_length=_MOST_FIELDS,
        description="The same as `fields`, as JSON:API writes it.",
    )


class ReadParameters(BaseModel):
    """What of a resource is read: ``known`` are the fields that it has.

    Each resource has a class of its own, whose ``sparse`` is made by ``sparse_fieldset``.
    """

    model_config = ConfigDict(extra="forbid")

    known: ClassVar[frozenset[str]]

    fields: str | None = Field(
        default=None,
        max_length=_MOST_FIELDS,
        description="Only these fields, separated by commas; what tells the answer from others "
        "(its id, version or range) always comes along.",
    )
    sparse: str | None
    explain: bool = Field(
        default=False,
        description=f"Adds `explain`: how the answer was found. Needs the scope `{EXPLAIN_SCOPE}`.",
    )

    def chosen(self) -> tuple[str | None, frozenset[str], str]:
        """The fields as they were asked for, those that there are, and the parameter's name."""
        if self.sparse is None:
            return self.fields, self.known, "fields"
        if self.fields is not None:
            raise InvalidParameterError("fields", "is given twice")
        return self.sparse, self.known, str(type(self).model_fields["sparse"].alias)


def reading(
    consistency: str | None, fields: str | None, known: frozenset[str], parameter: str = "fields"
) -> Reading:
    """Raises ``UnknownFieldsError`` or ``InvalidParameterError``."""
    return Reading(selected(fields, known, parameter), is_strong(consistency))


def selected(fields: str | None, known: frozenset[str], parameter: str) -> frozenset[str]:
    """Those of the ``known`` that ``fields`` lists; all where it is None.

    Raises ``UnknownFieldsError``.
    """
    if fields is None:
        return known
    listed = frozenset(name.strip() for name in fields.split(",") if name.strip())
    unknown = sorted(listed - known)
    if unknown or not listed:
        raise UnknownFieldsError(
            parameter,
            f"no such field: {', '.join(unknown) or 'none is named'}; "
            f"there are {', '.join(sorted(known))}",
        )
    return listed


def told_sparsely(*always: str, examples: Sequence[Any] = ()) -> Callable[[JsonDict], None]:
    """A model's ``json_schema_extra``: ``fields`` may leave out all members but ``always``."""

    def change(schema: JsonDict) -> None:
        schema["required"] = list(always)
        if examples:
            schema["examples"] = list(examples)

    return change


@contextmanager
def explained(principal: Principal, wanted: bool) -> Iterator[Any]:
    """Have a plan written where it is ``wanted`` and allowed. Raises ``ForbiddenError``."""
    if wanted and EXPLAIN_SCOPE not in principal.scopes:
        raise ForbiddenError(f"The token lacks the scope {EXPLAIN_SCOPE}.")
    with explaining() if wanted else nullcontext() as plan:
        yield plan


def written() -> dict[str, str]:
    """The header that lets a client read what it has just written."""
    return {"consistency": f"{_AFTER}{int(time.time() * 1_000)}"}


def is_strong(consistency: str | None) -> bool:
    """Whether the ``Consistency`` header asks for what was written last.

    Raises ``InvalidHeaderError`` where it is neither of what it may be.
    """
    if consistency in (None, _EVENTUAL):
        return False
    if consistency == _STRONG:
        return True
    token = _CONSISTENCY.fullmatch(consistency)
    if token is None:
        raise InvalidHeaderError("Consistency", "is neither eventual, strong nor a token")
    return time.time() - int(token[1]) / 1_000 < SETTLED_SECONDS
