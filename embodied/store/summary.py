"""The summary of one episode: the few figures of a trajectory that reports and resuming need."""

from __future__ import annotations

import re
from collections import Counter

from pydantic import Field, NonNegativeInt

from embodied.trajectory import (
    CountsByName,
    NumbersByName,
    Outcome,
    Record,
    Trajectory,
    Turn,
    TurnSeconds,
)

REASON_CHARACTERS = 2000
"""Length to which texts of errors are shortened."""
NAME_CHARACTERS = 200
"""Length to which names are shortened."""


class EpisodeSeconds(Record):
    """Where the wall time of an episode went, in seconds."""

    total: float = 0.0
    """The last attempt, from its reset to its end."""
    policy: float = 0.0
    interpreter: float = 0.0
    environment: float = 0.0
    framework: float


class Summary(Record):
    """One line of the index: figures of an episode, and where its trajectory is.

    A field that is new here must have no default: only then are the lines of earlier versions,
    which lack it, known to be out of date, and made anew from the shards.
    """

    episode_id: str
    task_id: str
    sample: NonNegativeInt
    """Which of the run's episodes of this task, counted from 0."""
    kind: str
    """Kind of the task."""
    outcome: Outcome
    limit: str | None = None
    """The limit that cut the episode, where the outcome is `truncated`."""
    error: str | None = None
    """What failed, shortened, where the outcome is `infrastructure_error`."""
    reward: float
    """Sum of the rewards of all environment steps."""
    metrics: NumbersByName
    """The simulator's own figures after the last step, by their names."""
    turns: NonNegativeInt
    calls: NonNegativeInt
    steps: NonNegativeInt
    prompt_tokens: NonNegativeInt
    completion_tokens: NonNegativeInt
    cached_tokens: NonNegativeInt
    """Prompt tokens of the policy that its server found in its prefix cache."""
    feedback_prompt_tokens: NonNegativeInt
    feedback_completion_tokens: NonNegativeInt
    characters: NonNegativeInt
    """Length of the policy's messages; of native function calls, their names and arguments."""
    format_errors: NonNegativeInt
    """Messages that could not be read as an action."""
    unread_calls: NonNegativeInt
    """Messages with function calls that the server left in their text."""
    cached_messages: NonNegativeInt
    """Messages that a cache had kept, so that no model was asked."""
    failed_calls: NonNegativeInt
    """Calls that raised an error."""
    pictures: NonNegativeInt
    """Pictures that the policy was shown, each as often as it was."""
    cut_messages: NonNegativeInt
    """Messages that used up the tokens that they may have."""
    empty_messages: NonNegativeInt
    """Messages that say nothing and call nothing."""
    seconds: EpisodeSeconds
    attempts: NonNegativeInt = 1
    retries: list[str] = Field(default_factory=list)
    """Why earlier attempts were given up, each shortened."""
    served_models: CountsByName
    """Messages of models under other names than that asked for, by these names, shortened."""
    llm_retries: CountsByName
    """Requests for messages and comments that failed and were sent again, by `kind_of_failure`."""
    shard: NonNegativeInt
    """Number of the shard, counted from 0."""
    offset: NonNegativeInt
    """Byte position of the trajectory in its shard."""
    length: int = Field(gt=0)
    """Bytes of the trajectory's line, its line feed included."""

    @property
    def finished(self) -> bool:
        """Whether the episode was played to its end, so that it need not be played again."""
        return self.outcome is not Outcome.INFRASTRUCTURE_ERROR

    @property
    def scored(self) -> bool:
        """Whether the episode counts in rates: something says whether it reached the goal."""
        return self.finished and self.outcome is not Outcome.UNSCORED

    def located(self, shard: int, offset: int) -> Summary:
        """Copy the summary for a trajectory that begins there."""
        return self.model_copy(update={"shard": shard, "offset": offset})


def summarize(trajectory: Trajectory, line: bytes) -> Summary:
    """Summarize a trajectory, which `line` holds; its location is still to be set."""
    usage, feedback, calls = trajectory.usage, trajectory.feedback_usage, trajectory.calls
    return Summary(
        episode_id=trajectory.episode_id,
        task_id=trajectory.task.id,
        sample=trajectory.sample,
        kind=trajectory.task.kind,
        outcome=trajectory.outcome,
        limit=trajectory.limit,
        error=None if trajectory.error is None else shorten(trajectory.error),
        reward=trajectory.reward,
        metrics=trajectory.metrics,
        turns=len(trajectory.turns),
        calls=len(calls),
        steps=sum(len(call.steps) for call in calls),
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cached_tokens=usage.cached_tokens,
        feedback_prompt_tokens=feedback.prompt_tokens,
        feedback_completion_tokens=feedback.completion_tokens,
        characters=sum(_characters(turn) for turn in trajectory.turns),
        format_errors=sum(turn.format_error for turn in trajectory.turns),
        unread_calls=sum(turn.unread_calls for turn in trajectory.turns),
        cached_messages=sum(turn.cached for turn in trajectory.turns),
        failed_calls=sum(call.error is not None for call in calls),
        pictures=len(trajectory.pictures),
        cut_messages=sum(turn.is_cut for turn in trajectory.turns),
        empty_messages=sum(turn.is_empty for turn in trajectory.turns),
        seconds=EpisodeSeconds(
            total=trajectory.seconds,
            **{
                part: sum(getattr(turn.seconds, part) for turn in trajectory.turns)
                for part in TurnSeconds.model_fields
            },
        ),
        attempts=trajectory.attempts,
        retries=[shorten(reason) for reason in trajectory.retries],
        served_models=Counter(
            shorten(turn.served_model, NAME_CHARACTERS)
            for turn in trajectory.turns
            if turn.served_model
        ),
        llm_retries=Counter(
            kind_of_failure(cause) for turn in trajectory.turns for cause in turn.llm_retries
        ),
        shard=0,
        offset=0,
        length=len(line),
    )


def shorten(text: str, characters: int = REASON_CHARACTERS) -> str:
    """Return the first line of a text that says anything, cut where it is longer."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    line = " ".join(line.split())
    return line if len(line) <= characters else line[: characters - 1] + "…"


def kind_of_failure(cause: str) -> str:
    """Name what a request met, without details: `HTTP 503: The server is …` becomes `HTTP 503`."""
    return shorten(re.split(r"[:(]", cause, maxsplit=1)[0], NAME_CHARACTERS) or "unknown"


def _characters(turn: Turn) -> int:
    return len(turn.message) + sum(len(call.name + call.arguments) for call in turn.tool_calls)
