"""Answers of recorded episodes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from embodied.errors import DataError
from embodied.policy import Reply
from embodied.replay.recordings import read_recordings
from embodied.simulated_llm.chat_schema import APIError, ChatRequest
from embodied.simulated_llm.prompt_parsing import GIVE_UP, parse_prompt
from embodied.store import RunReader
from embodied.store.layout import is_run

_LINES = 2

Episode = tuple[str, Sequence[Reply]]
"""A task as the policy was shown it, and the policy's messages."""


class RecordedAnswers:
    """Says what a policy once said of the same task, whatever it was shown.

    A recording fits a conversation whose task ends in the same two lines, since protocols show more
    or less of what stands before them. Among several, one that said the same so far is taken; so
    tasks that read alike are told apart only by what has been said.

    Args:
        episodes: the recorded ones.
    """

    def __init__(self, episodes: Iterable[Episode]) -> None:
        self._by_ending: defaultdict[str, list[Sequence[Reply]]] = defaultdict(list)
        for task, messages in episodes:
            self._by_ending[_ending(task)].append(messages)

    @classmethod
    def read(cls, path: Path) -> RecordedAnswers:
        """Read the episodes in a file of recordings, or in a run's folder.

        Raises:
            DataError: it holds none.
            RunError: the run cannot be read.
        """
        answers = cls(_of_run(path) if is_run(path) else _of_file(path))
        if not answers._by_ending:
            raise DataError(f"{path} holds no episodes")
        return answers

    def answer(self, request: ChatRequest) -> Reply:
        """Say the recorded message of this turn, or give up after the last.

        Raises:
            APIError: no recording has the task.
        """
        conversation = parse_prompt(request.messages)
        found = self._by_ending.get(_ending(conversation.task)) if conversation else None
        if not found or conversation is None:
            raise APIError("the simulated LLM has no recording of this task")
        said = list(conversation.replies)
        same = (m for m in found if [reply.content for reply in m[: len(said)]] == said)
        messages = next(same, found[0])
        turn = len(said)
        return messages[turn] if turn < len(messages) else conversation.worded(GIVE_UP)


def _ending(task: str) -> str:
    lines = [" ".join(line.split()) for line in task.splitlines()]
    return "\n".join([line for line in lines if line][-_LINES:])


def _of_file(path: Path) -> Iterator[Episode]:
    for recording in read_recordings(path):
        yield recording.prompt, [Reply(turn.message) for turn in recording.turns]


def _of_run(folder: Path) -> Iterator[Episode]:
    for trajectory in RunReader(folder).trajectories():
        if trajectory.turns:
            yield (
                trajectory.first_observation,
                [
                    Reply(turn.message, tool_calls=tuple(turn.tool_calls))
                    for turn in trajectory.turns
                ],
            )
