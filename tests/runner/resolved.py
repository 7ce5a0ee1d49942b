"""Runs that are resolved by hand, for tests that need no simulator."""

from __future__ import annotations

from typing import Any

from embodied.config.schema import RunConfig
from embodied.policies.factory import models
from embodied.protocol import RunProtocol
from embodied.runner.plan import ResolvedRun
from tests.conftest import LightSwitch, Switcher


def resolved(**settings: Any) -> ResolvedRun:
    """A run of the fake simulator with such settings, and without tasks."""
    config = RunConfig.model_validate(settings)
    return ResolvedRun(
        config=config,
        environment=LightSwitch,
        controller=Switcher,
        tasks=(),
        data={},
        protocol=RunProtocol(environment="light-switch", policy={}, protocol=config.protocol),
        models=tuple(models(config)),
        assignments=(),
    )
