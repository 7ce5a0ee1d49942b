"""Replay: says again what another policy once said."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Self

from embodied.errors import ConfigError
from embodied.policy import Policy, PolicyContext, Reply
from embodied.replay.recordings import load_recordings, recording_name
from embodied.trajectory import Message

_recordings = functools.lru_cache(maxsize=1)(load_recordings)
"""Reads the recordings of a run once in a process."""


class ReplayPolicy(Policy):
    """Answers with the recorded messages of one episode, in order, whatever it is shown."""

    def __init__(self, name: str, messages: Sequence[str]) -> None:
        self.name = f"replay:{name}"
        self._left = iter(messages)

    @classmethod
    def create(cls, context: PolicyContext) -> Self:
        """Take the recording of the episode; raise `ConfigError` where there is none."""
        task, sample = context.task.id, context.sample
        recording = _recordings(context.config.policy.recordings).get((task, sample))
        if recording is None:
            raise ConfigError(f"no recording holds sample {sample} of the task {task!r}")
        return cls(recording.policy, [turn.message for turn in recording.turns])

    @classmethod
    def label(cls, config: Any, sample: int) -> str:
        """Name the policy by the file of the recording."""
        recordings = config.policy.recordings
        if sample < len(recordings):
            return f"replay:{recording_name(recordings[sample])}"
        return super().label(config, sample)

    async def reply(self, messages: Sequence[Message]) -> Reply | None:
        """Return the next recorded message; None after the last."""
        content = next(self._left, None)
        return None if content is None else Reply(content)

    async def summarize(self, messages: Sequence[Message]) -> None:
        """Write none: the recorded messages are all that it says."""
