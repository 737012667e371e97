"""Query parameters as a pydantic model: validated by the model alone, documented from its schema.

FastAPI would look at each parameter of the model on each request, which costs more than all else
that it does for a read; `tests/performance/api` has the measure.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)


def query(model: type[Model]) -> Any:
    """A dependency that gives a ``model``. A parameter that is given twice is refused."""
    needed = any(field.is_required() for field in model.model_fields.values())

    async def parse(request: Request) -> Model:
        if not request.scope["query_string"] and not needed:
            return model()
        pairs = request.query_params.multi_items()
        given = dict(pairs)
        if len(given) < len(pairs):
            raise RequestValidationError([_repeated(pairs)])
        try:
            return model.model_validate(given)
        except ValidationError as error:
            raise RequestValidationError(
                [{**each, "loc": ("query", *each["loc"])} for each in error.errors()]
            ) from error

    return Depends(parse)


def described(
    model: type[BaseModel], *headers: Mapping[str, Any]
) -> dict[str, list[Mapping[str, Any]]]:
    """OpenAPI's ``parameters`` for the query that ``model`` takes, and for ``headers``."""
    schema = model.model_json_schema()
    defined = schema.get("$defs", {})
    parameters: list[Mapping[str, Any]] = []
    for name, each in schema["properties"].items():
        inlined = _inlined(each, defined)
        parameter: dict[str, Any] = {"name": name, "in": "query", "schema": inlined}
        if name in schema.get("required", []):
            parameter["required"] = True
        if "description" in inlined:
            parameter["description"] = inlined.pop("description")
        parameters.append(parameter)
    return {"parameters": [*parameters, *headers]}


def _inlined(schema: Any, defined: Mapping[str, Any]) -> Any:
    """Without references: a parameter has no definitions of its own."""
    match schema:
        case {"$ref": str(ref)}:
            more = {name: value for name, value in schema.items() if name != "$ref"}
            return _inlined(defined[ref.rpartition("/")[2]], defined) | more
        case dict():
            return {name: _inlined(value, defined) for name, value in schema.items()}
        case list():
            return [_inlined(each, defined) for each in schema]
        case _:
            return schema


def _repeated(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    twice = next(name for name in names if names.count(name) > 1)
    return {"type": "repeated", "loc": ("query", twice), "msg": "Is given more than once"}
