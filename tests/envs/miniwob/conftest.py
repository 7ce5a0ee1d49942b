"""A browser for the tests of MiniWoB++, where there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

import embodied
from embodied import Environment, Observation
from embodied.errors import ConfigError
from embodied.plugins.registry import environment_class

Start = Callable[[str], Observation]


@pytest.fixture(scope="session", autouse=True)
def _installed() -> None:
    try:
        environment_class("miniwob")()
    except ConfigError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def env() -> Iterator[Environment]:
    """One environment with one browser for all tests."""
    environment = embodied.make_environment("miniwob")
    yield environment
    environment.close()


@pytest.fixture
def start(env: Environment) -> Start:
    """Start a task by its id."""
    tasks = {task.id: task for task in embodied.list_tasks("miniwob", "all")}
    return lambda name: env.reset(tasks[name])
