"""Every read of the code is in the registry, and everything in the registry is read by the code."""

import ast
from itertools import product

import pytest

from customerai.adapters.dynamodb import access_patterns
from customerai.adapters.dynamodb.access_paths import access_path
from customerai.adapters.dynamodb.access_patterns import (
    ACCESS_PATTERNS,
    AccessPattern,
    Operation,
)
from customerai.ports import InteractionFilter
from tests.unit.data.sources import Source, name_of, shipped

ADAPTERS = "layers/core/python/customerai/adapters/dynamodb/"
REGISTRY = ADAPTERS + "access_patterns.py"
READS = ADAPTERS + "reads.py"
MODELS = ADAPTERS + "models.py"
NAMES = {
    name: value for name, value in vars(access_patterns).items() if isinstance(value, AccessPattern)
}
READERS = {
    "read_item": Operation.GET,
    "read_items": Operation.BATCH_GET,
    "Query": Operation.QUERY,
    "scan_pages": Operation.SCAN,
}
"""What of ``reads`` takes a pattern, and which operation it makes of it."""
READ_OPERATIONS = {
    *Operation,
    "TransactGetItems",
    "ExecuteStatement",
    "BatchExecuteStatement",
    "ExecuteTransaction",
}
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}
READS_OF_MODELS = {
    "batch_get",
    "count",
    "get",
    "query",
    "rate_limited_scan",
    "refresh",
    "scan",
    "transact_get",
}


def patterns_in(node: ast.AST) -> list[str]:
    """Names of the registry's constants in it."""
    return [
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute)
        and isinstance(each.value, ast.Name)
        and each.value.id == "patterns"
    ]


def users_of(name: str) -> set[str]:
    return {source.path for source in shipped() if name in patterns_in(source.tree)}


def source_of(path: str) -> Source:
    (found,) = (source for source in shipped() if source.path == path)
    return found


def test_the_registry_lists_each_of_its_patterns_once() -> None:
    assert list(ACCESS_PATTERNS) == list(NAMES.values())
    names = [pattern.name for pattern in ACCESS_PATTERNS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", NAMES)
def test_every_pattern_is_used_by_an_adapter(name: str) -> None:
    users = users_of(name)
    assert users, f"nothing reads by {name}"
    assert all(path.startswith(ADAPTERS) for path in users)


def test_no_pattern_is_made_elsewhere() -> None:
    makers = {source.path for source in shipped() if any(source.calls("AccessPattern"))}
    assert makers == {REGISTRY}


def test_only_one_module_names_an_operation_that_reads() -> None:
    naming = {source.path for source in shipped() if READ_OPERATIONS.intersection(source.texts())}
    assert naming == {REGISTRY}


def test_whoever_calls_the_database_writes_or_goes_by_a_pattern() -> None:
    asked = 0
    for source in shipped():
        for call in source.calls("call"):
            client = call.func.value if isinstance(call.func, ast.Attribute) else None
            if not isinstance(client, ast.Call) or name_of(client.func) != "dynamodb":
                continue
            asked += 1
            operation = ast.unparse(call.args[0])
            expected = ["pattern.operation"] if source.path == READS else map(repr, WRITES)
            assert operation in expected, f"{source.path} calls {operation}"
    assert asked >= 5


def test_there_is_no_other_way_to_the_database() -> None:
    for source in shipped():
        assert not [
            call
            for call in source.calls("client", "resource")
            if call.args and ast.unparse(call.args[0]) == "'dynamodb'"
        ], source.path
        if any(name.split(".")[0] == "pynamodb" for name in source.imports()):
            assert source.path == MODELS


def test_models_only_write() -> None:
    for call in source_of(MODELS).calls(*READS_OF_MODELS):
        # A model or a row has a name; a dictionary in an error's answer is got from it.
        assert isinstance(call.func, ast.Attribute)
        assert not isinstance(call.func.value, ast.Name), ast.unparse(call)


def test_each_read_has_a_pattern_of_its_operation() -> None:
    for source in shipped():
        if source.path in (READS, REGISTRY) or not source.path.startswith(ADAPTERS):
            continue
        for call in source.calls(*READERS):
            operation = READERS[name_of(call.func)]
            named = patterns_in(call.args[0])
            if named:
                assert NAMES[named[0]].operation is operation, ast.unparse(call)
            else:  # chosen by `access_path`, whose patterns are held against their operation below
                assert (ast.unparse(call.args[0]), operation) == ("path.pattern", Operation.QUERY)


def test_only_maintenance_scans() -> None:
    scanning = [name for name, each in NAMES.items() if each.operation is Operation.SCAN]
    modules = {path for name in scanning for path in users_of(name)}
    modules |= {source.path for source in shipped() if any(source.calls("scan_pages"))}
    assert modules == {ADAPTERS + "backlog.py"}
    importing = {
        source.path
        for source in shipped()
        if "customerai.adapters.dynamodb.backlog" in source.imports()
    }
    assert importing == {"functions/maintenance/handler.py"}


def test_a_list_takes_a_pattern_that_can_hold_its_conditions() -> None:
    """And each condition that a pattern says it filters by is filtered by in some list."""
    filtered: dict[AccessPattern, set[str]] = {}
    conditions = ([None, "c-1"], [None, "chat"], [None, "negative", "pending"], [False, True])
    for customer, channel, sentiment, strong in product(*conditions):
        where = InteractionFilter(channel, sentiment, customer)
        path = access_path(where, strong=bool(strong))
        assert path.pattern.operation is Operation.QUERY
        assert not (strong and path.pattern.index)
        filtered.setdefault(path.pattern, set()).update(path.rest)
    lists = [each for name, each in NAMES.items() if name.startswith("LIST_") and each.index]
    assert set(filtered) == {access_patterns.LIST_ALL, *lists}
    for pattern, names in filtered.items():
        assert names == set(pattern.filters), pattern.name
