"""A measured process: does what it is told on standard input, and says what it cost.

It is run by its path, under whatever interpreter and packages its subject has, so it stands on the
standard library alone. Its argument is the path of the subject: a module whose `operations()`
returns functions by name, each of which does a thing once. What the subject prints goes nowhere.

Each line in is a JSON object, and so is the line that answers it:

| in | out |
|---|---|
| {"do": "answer", "operation": name} | {"answer": what it returns} |
| {"do": "run", "operation": name, "calls": n} | {"cpu": seconds, "wall": seconds} of one call |

CPU is that of the whole process with all its threads. What fails is answered with {"error": text}.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

Operations = dict[str, Callable[[], Any]]


def load(path: str) -> Operations:
    """Return the operations of the subject in this file."""
    spec = importlib.util.spec_from_file_location("subject", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where pydantic looks up what annotations name
    spec.loader.exec_module(module)
    operations: Operations = module.operations()
    return operations


def run(operation: Callable[[], Any], calls: int) -> dict[str, float]:
    """Return what one of so many calls costs on average, in seconds."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(calls):
        operation()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {"cpu": cpu / calls, "wall": wall / calls}


def main() -> None:
    """Answer until the input ends."""
    with os.fdopen(os.dup(1), "w") as answers, open(os.devnull, "w") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), 1)
        operations: Operations = {}
        for line in sys.stdin:
            command = json.loads(line)
            try:
                operations = operations or load(sys.argv[1])
                operation = operations[command["operation"]]
                if command["do"] == "run":
                    answer: dict[str, Any] = run(operation, command["calls"])
                else:
                    answer = {"answer": operation()}
            except Exception:  # noqa: BLE001 - whatever it is, the one who measures has to know
                answer = {"error": traceback.format_exc()}
            print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
