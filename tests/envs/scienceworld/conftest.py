"""A simulator that the tests of a module share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

import embodied
from embodied import Environment, Task


@pytest.fixture(scope="session")
def java() -> None:
    pytest.importorskip(
        "scienceworld", reason="needs: pip install 'embodied-codeact[scienceworld]'"
    )
    if shutil.which("java") is None:
        pytest.skip("needs Java: apt-get install default-jre-headless")


@pytest.fixture(scope="module")
def science(java: None) -> Iterator[Environment]:
    environment = embodied.make_environment("scienceworld")
    yield environment
    environment.close()


def variation(name: str, number: int) -> Task:
    """Make a task without the list of all."""
    return Task(
        environment="scienceworld",
        id=f"{name}/variation-{number}",
        split="test",
        kind=name,
        instruction="",
    )
