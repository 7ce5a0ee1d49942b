"""`embodied config`: print the configuration that a run would use."""

from __future__ import annotations

import yaml

from embodied.cli import options


def config(
    path: options.ConfigFile = None,
    env: options.Env = None,
    split: options.Split = None,
    policy: options.PolicyName = None,
    protocol: options.ProtocolName = None,
    out: options.Out = None,
    ray_address: options.RayAddress = None,
    settings: options.Set = None,
) -> None:
    """Print the resolved configuration as YAML: file, options and defaults together."""
    resolved = options.resolve(
        path,
        env=env,
        split=split,
        policy=policy,
        protocol=protocol,
        out=out,
        ray_address=ray_address,
        settings=settings,
    )
    print(yaml.safe_dump(resolved.model_dump(mode="json"), sort_keys=False), end="")
