"""One worker in this process: what it sends back."""

from __future__ import annotations

import pytest

import embodied.store.jsonl
from embodied import Outcome
from embodied.config.schema import RunConfig
from embodied.runner.assignment import Assignment, Result
from embodied.runner.worker import Worker
from embodied.testing import corridor


async def played() -> Result:
    name = f"{corridor.__file__}:Corridor"
    config = RunConfig.model_validate({"environment": {"name": name}, "policy": {"name": "expert"}})
    worker = Worker(config)
    try:
        await worker.start()
        return await worker.run(Assignment(corridor.Corridor.list_tasks()[0], 0))
    finally:
        await worker.stop()


async def test_an_episode_comes_with_its_line_and_its_figures() -> None:
    episode = (await played()).episode
    assert episode is not None
    assert episode.trajectory.outcome is Outcome.SUCCESS
    assert episode.summary.turns == len(episode.trajectory.turns) > 0
    assert episode.summary.length == len(episode.line)


async def test_what_cannot_be_stored_is_an_error_that_playing_again_does_not_mend(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embodied.store.jsonl, "LINE_BYTES", 100)
    result = await played()
    assert result.episode is None
    assert result.error == (
        "episode 'corridor-0#0' cannot be stored: the line is longer than 100 bytes"
    )
    assert not result.retry
    assert not result.fatal
