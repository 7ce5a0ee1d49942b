"""`embodied config`: print the configuration that a run would use, or explain the settings."""

from __future__ import annotations

from typing import Annotated

import typer
import yaml

from embodied.cli import options
from embodied.config import packaged, reference
from embodied.plugins.registry import environment_class


def config(
    path: options.ConfigFile = None,
    env: options.Env = None,
    split: options.Split = None,
    policy: options.PolicyName = None,
    protocol: options.ProtocolName = None,
    action: options.Action = None,
    interpreter: options.Interpreter = None,
    seed: options.Seed = None,
    out: options.Out = None,
    ray_address: options.RayAddress = None,
    settings: options.Set = None,
    list_names: Annotated[
        bool, typer.Option("--list", help="List the configurations that come with embodied.")
    ] = False,
    help_settings: Annotated[
        bool,
        typer.Option(
            "--help-settings",
            help="Explain all settings, or those that begin with what stands in CONFIG's place, "
            "e.g. llm; with --env also the options of that environment and of its generator.",
        ),
    ] = False,
) -> None:
    """Print the resolved configuration as YAML: file, options and defaults together.

    \b
      embodied config quickstart --runner.workers 4
      embodied config --list
      embodied config --help-settings llm
      embodied config --help-settings environment.options --env alfworld
    """  # noqa: D301 - \b keeps click from filling a paragraph
    if list_names:
        for name, text in packaged.descriptions().items():
            print(f"{name:14}{text}")
        return
    if help_settings:
        known = reference.settings()
        if env is not None:
            kind = environment_class(env)
            parts = {"environment": kind.Options, "generate": kind.GeneratorOptions}
            for section, own in parts.items():
                known += reference.settings(own, f"{section}.options.") if own else []
        print(reference.as_text(reference.chosen(known, str(path or ""))))
        return
    resolved = options.resolve(
        path,
        env=env,
        split=split,
        policy=policy,
        protocol=protocol,
        action=action,
        interpreter=interpreter,
        seed=seed,
        out=out,
        ray_address=ray_address,
        settings=settings,
    )
    print(yaml.safe_dump(resolved.model_dump(mode="json"), sort_keys=False), end="")
