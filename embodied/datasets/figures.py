"""The figures of one episode in a dataset: a line of `episodes.jsonl`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import NonNegativeInt, ValidationError

from embodied.datasets.conversation import Training, text_of
from embodied.datasets.files import read_lines
from embodied.datasets.sources import Episode
from embodied.datasets.tokenizer import TokenCounter
from embodied.datasets.turns import control_flow, is_failed, is_trained, recoveries
from embodied.errors import DataError
from embodied.trajectory import Outcome, Record, Turn


class EpisodeFigures(Record):
    """What one episode adds to the statistics of a dataset."""

    id: str
    """Name of the run, then of the episode."""
    part: str
    """`train`, or `validation` where it is held out."""
    environment: str
    split: str
    task: str
    kind: str
    scene: str | None
    """The task's group; None where the environment names none."""
    policy: str
    outcome: Outcome
    turns: NonNegativeInt
    trained_turns: NonNegativeInt
    """Turns whose messages are trained on."""
    characters: NonNegativeInt
    """Of all messages that the policy was shown or wrote."""
    tokens: NonNegativeInt
    """Of the same, as the card's tokenizer counts them."""
    trained_tokens: NonNegativeInt
    """Of the messages that are trained on."""
    calls: NonNegativeInt
    """Calls of the robot's functions."""
    failed_calls: NonNegativeInt
    """Calls that raised an error."""
    failed_turns: NonNegativeInt
    """Turns that are mistakes: an error, a limit, or a message that could not be read."""
    format_errors: NonNegativeInt
    """Messages that could not be read as an action."""
    recoveries: NonNegativeInt
    """Mistakes that a later turn mends."""
    actions: NonNegativeInt
    code_actions: NonNegativeInt
    """Actions that are Python code."""
    with_loops: NonNegativeInt
    """Code actions with loops or comprehensions."""
    with_conditions: NonNegativeInt
    with_functions: NonNegativeInt
    """Code actions that define functions."""

    def unit(self, name: str) -> tuple[str, str | None]:
        """Name the `scene`, `task` or `kind` that it is of, with its environment."""
        return self.environment, getattr(self, name)


def read_figures(path: Path) -> Iterator[EpisodeFigures]:
    """Read the figures of a dataset's episodes, one at a time.

    Raises:
        DataError: the file cannot be read, or a line holds something else.
    """
    for number, (_, row) in enumerate(read_lines(path), start=1):
        try:
            yield EpisodeFigures.model_validate(row)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise DataError(
                f"{path}, row {number} holds no figures of an episode: {where}: {first['msg']}; "
                "build the dataset again"
            ) from error


def figures_of(
    episode: Episode, part: str, training: Training, counter: TokenCounter
) -> EpisodeFigures:
    """Count what is in an episode."""
    trajectory, turns = episode.trajectory, episode.trajectory.turns
    task, calls = trajectory.task, trajectory.calls
    texts = [*_shown(episode), *(text for turn in turns for text in _said(turn, training))]
    trained = [turn for turn in turns if is_trained(turn, training.mask)]
    code = [turn.action for turn in turns if turn.action is not None and _is_code(episode, turn)]
    used = [control_flow(action) for action in code]
    return EpisodeFigures(
        id=episode.id,
        part=part,
        environment=task.environment,
        split=task.split,
        task=task.id,
        kind=task.kind,
        scene=task.group,
        policy=trajectory.policy,
        outcome=trajectory.outcome,
        turns=len(turns),
        trained_turns=len(trained),
        characters=sum(map(len, texts)),
        tokens=sum(map(counter.count, texts)),
        trained_tokens=sum(counter.count(text) for t in trained for text in _said(t, training)),
        calls=len(calls),
        failed_calls=sum(call.error is not None for call in calls),
        failed_turns=sum(map(is_failed, turns)),
        format_errors=sum(turn.format_error for turn in turns),
        recoveries=recoveries(turns),
        actions=sum(turn.action is not None for turn in turns),
        code_actions=len(code),
        with_loops=sum(loops for loops, _, _ in used),
        with_conditions=sum(conditions for _, conditions, _ in used),
        with_functions=sum(functions for _, _, functions in used),
    )


def _shown(episode: Episode) -> Iterator[str]:
    """Yield what the policy was shown: the prompt, and what answered each turn but the last."""
    trajectory = episode.trajectory
    yield from map(text_of, trajectory.prompt)
    yield from (turn.observation for turn in trajectory.turns[:-1])


def _said(turn: Turn, training: Training) -> Iterator[str]:
    yield turn.message
    yield from (call.name + call.arguments for call in turn.tool_calls)
    if training.thoughts and turn.reasoning:
        yield turn.reasoning


def _is_code(episode: Episode, turn: Turn) -> bool:
    return turn.interpreter is not None or episode.source.protocol.protocol.action == "code"
