"""Any `Environment` as a Gymnasium environment."""

from __future__ import annotations

import copy
import string
from typing import Any

import gymnasium
from gymnasium.spaces import Text

from embodied._util.suggestion import suggestion
from embodied.environment import Environment, Observation
from embodied.errors import ConfigError
from embodied.plugins.registry import check_ids, environment_class, with_options
from embodied.task import Task

_CHARACTERS = frozenset(string.ascii_letters + string.digits + string.punctuation + " \n\t")
_OBSERVATION_CHARACTERS = 100_000
_COMMAND_CHARACTERS = 1_000


class TextEnv(gymnasium.Env[str, str]):
    """Commands as actions, texts as observations.

    Texts hold the printable characters of ASCII, newline and tab; `?` stands for any other.
    `info` has what the environment says, with `success`, and `task`, the id of the task.
    """

    metadata: dict[str, Any] = {"render_modes": []}

    def __init__(self, environment: Environment, tasks: list[Task]) -> None:
        self.observation_space = Text(_OBSERVATION_CHARACTERS, min_length=0, charset=_CHARACTERS)
        self.action_space = Text(_COMMAND_CHARACTERS, min_length=0, charset=_CHARACTERS)
        self._environment = environment
        self._tasks = {task.id: task for task in tasks}
        self._task: Task | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Start a task: the one with the id `options["task"]`, else one drawn by the seed.

        Raises:
            ConfigError: there is no such task.
        """
        super().reset(seed=seed)
        chosen = (options or {}).get("task")
        if chosen is None:
            chosen = list(self._tasks)[int(self.np_random.integers(len(self._tasks)))]
        if chosen not in self._tasks:
            raise ConfigError(f"there is no task {chosen!r}{suggestion(str(chosen), self._tasks)}")
        self._task = self._tasks[chosen]
        observation = self._environment.reset(self._task)
        return _text(observation), {"success": False, "task": chosen}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        if self._task is None:
            raise gymnasium.error.ResetNeeded("call reset() before step()")
        result = self._environment.step(action)
        info = {**copy.deepcopy(dict(result.info)), "task": self._task.id}
        return (
            _text(result.observation),
            float(result.reward),
            result.terminated,
            result.truncated,
            info,
        )

    def close(self) -> None:
        self._environment.close()


def to_gymnasium(
    environment: str | type[Environment], *, split: str | None = None, **options: Any
) -> TextEnv:
    """Make a Gymnasium environment of text commands.

    `reset(seed=...)` draws the task, `reset(options={"task": id})` names it. There is no limit of
    steps; add `gymnasium.wrappers.TimeLimit`.

    Args:
        environment: its name, as registered or `path/to/file.py:Class`, or its class.
        split: the split whose tasks are played; None: the environment's default.
        options: of the environment.

    Raises:
        ConfigError: there is no such environment, split or option.
        DataError: the data is missing or corrupt.
    """
    kind = environment_class(environment) if isinstance(environment, str) else environment
    name = environment if isinstance(environment, str) else kind.__name__
    tasks = with_options(name, kind.list_tasks, split, **options)
    check_ids(name, tasks)
    if not tasks:
        raise ConfigError(f"the environment {name!r} has no task in the split {split!r}")
    return TextEnv(with_options(name, kind, **options), tasks)


def _text(observation: Observation) -> str:
    text = observation.text[:_OBSERVATION_CHARACTERS]
    if _CHARACTERS.issuperset(text):
        return text
    return "".join(c if c in _CHARACTERS else "?" for c in text)
