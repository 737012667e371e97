"""The local runner: `python -m functions up|token|invoke|shards|openapi`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from functions._runner.settings import Settings, StartError

_YEAR = 366 * 24 * 3600


def parser() -> argparse.ArgumentParser:
    described = argparse.ArgumentParser(prog="python -m functions", description=__doc__)
    commands = described.add_subparsers(dest="command", required=True)

    up = commands.add_parser("up", help="run the whole platform here, until Ctrl-C")
    up.add_argument("--port", type=_port, help="of the API (8000)")
    up.add_argument("--database-port", type=_port, help="of the database (8001)")
    up.add_argument("--emulator-port", type=_port, help="of queues, buckets and secrets (4566)")
    up.add_argument("--model-port", type=_port, help="of the model server (8081)")
    up.add_argument("--cache-port", type=_port, help="of the cache (6380)")
    up.add_argument("--state-dir", type=Path, help="where data and logs are kept (.local)")
    up.add_argument("--no-demo", action="store_true", help="leave a new database empty")

    token = commands.add_parser("token", help="print a development token")
    token.add_argument("--tenant", required=True)
    token.add_argument(
        "--scope", nargs="+", action="extend", help="all of them where none is named"
    )
    token.add_argument("--ttl", type=_seconds, default=3600, help="seconds it is valid for (3600)")

    invoke = commands.add_parser("invoke", help="give one event to one function")
    invoke.add_argument("function", help="its folder, such as analytics_api")
    invoke.add_argument("event", type=Path, help="a JSON file, such as those under events/")

    shards = commands.add_parser("shards", help="show or raise a tenant's number of shards")
    shards.add_argument("--tenant", required=True)
    shards.add_argument("--count", type=int, help="raise it to so many, from tomorrow on")
    place = shards.add_mutually_exclusive_group()
    place.add_argument("--table", help="a settings table in AWS (that of the local platform)")
    place.add_argument("--database-port", type=_port, help="of the local platform's (8001)")

    commands.add_parser("openapi", help="write the OpenAPI document")
    return described


def _port(text: str) -> int:
    if not 0 < int(text) < 65_536:
        raise argparse.ArgumentTypeError("a port lies between 1 and 65535")
    return int(text)


def _seconds(text: str) -> int:
    if not 0 < int(text) <= _YEAR:
        raise argparse.ArgumentTypeError(f"between 1 and {_YEAR} seconds")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    options = parser().parse_args(arguments)
    try:
        return run(options, Settings.from_environment())
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def run(options: argparse.Namespace, settings: Settings) -> int:
    # Each command imports what it needs: a token should not wait for the AWS SDK.
    match options.command:
        case "up":
            from functions._runner.platform import dynoxide_package

            dynoxide_package()  # says so where a system is not supported, before an import fails
            from functions._runner.up import up

            ports = ("port", "database_port", "emulator_port", "model_port", "cache_port")
            given = {name: port for name in ports if (port := getattr(options, name)) is not None}
            if options.state_dir is not None:
                given["state"] = options.state_dir.resolve()
            return up(replace(settings, **given), demo=not options.no_demo)
        case "token":
            from functions._runner.application import read_application
            from functions._runner.assembly import load_assembly
            from functions._runner.tokens import SCOPES, issue, local_issuer

            issuer = local_issuer(read_application(load_assembly(settings)))
            print(issue(issuer, options.tenant, options.scope or SCOPES, options.ttl))
        case "invoke":
            from functions._runner.invoke import has_failed, invoke
            from functions._runner.pool import FunctionError

            try:
                answer = invoke(settings, options.function, options.event)
            except FunctionError as error:
                print(json.dumps(error.payload, indent=2))
                return 1
            print(json.dumps(answer, indent=2))
            return int(has_failed(answer))
        case "shards":
            from functions._runner.shards import shards

            if options.database_port is not None:
                settings = replace(settings, database_port=options.database_port)
            print(shards(settings, options.tenant, options.count, options.table))
        case "openapi":
            from functions._runner import openapi

            openapi.main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
