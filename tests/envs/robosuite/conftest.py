"""What the tests of robosuite share."""

import importlib.util
from collections.abc import Iterator

import pytest

from embodied.environment import Environment
from embodied.plugins.registry import list_tasks, make_environment
from embodied.task import Task


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    """One environment for all tests of a module; skips where robosuite is not installed."""
    if importlib.util.find_spec("robosuite") is None:
        pytest.skip("pip install 'embodied-codeact[robosuite]'")
    made = make_environment("robosuite")
    yield made
    made.close()


@pytest.fixture
def lift() -> Task:
    """Return the first task."""
    return list_tasks("robosuite")[0]
