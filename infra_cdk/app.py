"""The CDK application: `python -m infra_cdk.app`, or what `cdk deploy` runs.

The only module that reads the environment and the context:

- `stage`: one or several of local, dev, prod, separated by commas (default dev);
- `platform`: arm64 (default), x86_64 or host, what the bundles are built for;
- `jwks_url`, `token_issuer`, `token_audience`: the identity provider, where it is known before the
  deployment; else a stage without one asks for it as a CloudFormation parameter.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from infra_cdk.bundling import Platform, platform_named
from infra_cdk.stacks.cache import CacheStack
from infra_cdk.stacks.data import DataStack
from infra_cdk.stacks.edge import EdgeStack
from infra_cdk.stacks.inference import InferenceStack
from infra_cdk.stacks.service import ServiceStack
from infra_cdk.stages import APPLICATION, ROOT, STAGES, Stage


def main(arguments: Sequence[str] | None = None) -> None:
    """Synthesises the chosen stages. Raises SystemExit for a stage or platform that is none."""
    parser = argparse.ArgumentParser(prog="python -m infra_cdk.app", description="Synthesise.")
    parser.add_argument(
        "-c", "--context", action="append", default=[], metavar="KEY=VALUE", help="as in cdk"
    )
    parser.add_argument(
        "-o", "--output", default=os.environ.get("CDK_OUTDIR", "cdk.out"), metavar="FOLDER"
    )
    parser.add_argument(
        "--no-bundling",
        action="store_true",
        help="templates only: assets point at the sources (what the local runner needs)",
    )
    options = parser.parse_args(arguments)
    context = dict(pair.split("=", 1) for pair in options.context if "=" in pair)
    if len(context) != len(options.context):
        parser.error("--context wants KEY=VALUE, each key once")
    try:
        synthesise(context, options.output, bundle=not options.no_bundling)
    except UnknownChoiceError as error:
        parser.error(str(error))
    except RuntimeError as error:
        # jsii has one exception for all. The findings are on the screen: a trace adds nothing.
        if "ValidationFailed" in str(error):
            sys.exit(str(error))
        raise


class UnknownChoiceError(ValueError):
    """The context names a stage or a platform that does not exist."""


def synthesise(context: Mapping[str, str], output: str, *, bundle: bool = True) -> None:
    """Writes the cloud assembly of the stages that the context chooses into the folder `output`."""
    settings: dict[str, object] = {**_shared_context(), **context}
    if not bundle:
        settings["aws:cdk:bundling-stacks"] = []
    app = cdk.App(outdir=output, context=settings, analytics_reporting=False)
    chosen = str(app.node.try_get_context("stage") or "dev").split(",")
    try:
        stages = [STAGES[name.strip()] for name in chosen]
        platform = platform_named(str(app.node.try_get_context("platform") or "arm64"))
    except KeyError as error:
        raise UnknownChoiceError(f"stage {error} is none of {', '.join(STAGES)}") from None
    except ValueError as error:
        raise UnknownChoiceError(str(error)) from None
    for stage in stages:
        _add_stage(app, _with_identity(stage, app), platform)
    if os.environ.get("CDK_VALIDATION") != "false":
        cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()


def _add_stage(app: cdk.App, stage: Stage, platform: Platform) -> None:
    data = DataStack(app, stage)
    cache = CacheStack(app, stage, stage.cache) if stage.cache else None
    service = ServiceStack(app, stage, platform, data, cache)
    stacks: list[cdk.Stack] = [data, service]
    if cache is not None:
        stacks.append(cache)
    if stage.edge is not None:
        stacks.append(EdgeStack(app, stage, stage.edge, service.api_domain))
    if stage.inference is not None:
        stacks.append(InferenceStack(app, stage, stage.inference))
    for stack in stacks:
        cdk.Tags.of(stack).add("application", APPLICATION)
        cdk.Tags.of(stack).add("stage", stage.name)


def _with_identity(stage: Stage, app: cdk.App) -> Stage:
    """The stage, trusting the identity provider that the context names, where it names one."""
    given = {
        field: value
        for field, key in (
            ("jwks_url", "jwks_url"),
            ("issuer", "token_issuer"),
            ("audience", "token_audience"),
        )
        if (value := app.node.try_get_context(key))
    }
    return replace(stage, identity=replace(stage.identity, **given))


def _shared_context() -> dict[str, object]:
    """What the CDK command line would add by itself: the feature flags, and where assets lie.

    `sam local invoke` reads the latter.
    """
    declared = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))
    return {"aws:cdk:enable-asset-metadata": True, **declared["context"]}


if __name__ == "__main__":
    main()
