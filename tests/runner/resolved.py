"""Runs that are resolved by hand, for tests that need no simulator."""

from __future__ import annotations

from typing import Any

from embodied.config.schema import RunConfig
from embodied.policies.factory import models
from embodied.protocol import RunProtocol
from embodied.runner.plan import ResolvedRun
from embodied.task import Task
from embodied.testing import Corridor, CorridorRobot


def many_tasks(count: int) -> list[Task]:
    """Give more tasks than the corridor lists."""
    first = Corridor.list_tasks()[0]
    return [first.model_copy(update={"id": f"corridor-{number}"}) for number in range(count)]


def resolved(**settings: Any) -> ResolvedRun:
    """A run of the corridor with such settings, and without tasks."""
    config = RunConfig.model_validate(settings)
    return ResolvedRun(
        config=config,
        environment=Corridor,
        controller=CorridorRobot,
        tasks=(),
        data={},
        protocol=RunProtocol(environment="corridor", policy={}, protocol=config.protocol),
        models=tuple(models(config)),
        assignments=(),
    )
