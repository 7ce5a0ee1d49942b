"""Any Gymnasium environment as an `Environment`."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, TypeAlias

import gymnasium
from gymnasium.envs.registration import EnvSpec

from embodied._util.suggestion import suggestion
from embodied.controller import Controller
from embodied.environment import Capabilities, Environment, Observation, StepResult
from embodied.errors import ConfigError
from embodied.gymnasium.commands import Commands
from embodied.gymnasium.describe import describe_cell, describe_observation, grid_of
from embodied.gymnasium.robot import make_robot
from embodied.task import Task

Source: TypeAlias = (
    "str | EnvSpec | gymnasium.Env[Any, Any] | Callable[..., gymnasium.Env[Any, Any]]"
)

_SEEDS = 20


class GymnasiumStep(NamedTuple):
    """What the environment returned: the five values of `step`; after `reset` a reward of 0."""

    observation: Any
    reward: float
    terminated: bool
    truncated: bool
    info: dict[str, Any]


class GymnasiumEnvironment(Environment):
    """Base of the classes that `wrap_gymnasium` makes. Options go to the Gymnasium environment."""

    capabilities = Capabilities(io_bound=False)
    default_controller: ClassVar[str | None] = ":.Robot"
    Robot: ClassVar[type[Controller]]
    """A controller with the one action `act`."""

    name: ClassVar[str]
    source: ClassVar[str | EnvSpec | Callable[..., gymnasium.Env[Any, Any]]]
    success: ClassVar[Callable[[GymnasiumStep], bool]]
    describe: ClassVar[Callable[[GymnasiumStep], str] | None]
    fields: ClassVar[tuple[str, ...]]
    instruction: ClassVar[str]
    actions: ClassVar[tuple[str, ...]]
    splits: ClassVar[Mapping[str, Sequence[int]]]

    def __init__(self, **options: Any) -> None:
        self._raw = _made(self.source, options)
        self._commands = Commands(self._raw.action_space, self.actions)
        self._grid = grid_of(self._raw)
        seen = self._raw.observation_space
        if self.fields and seen.shape != (len(self.fields),):
            raise ConfigError(f"{len(self.fields)} fields do not fit the observations {seen}")
        self._last: StepResult | None = None
        self._closed = False

    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        """List a task for each seed of the split."""
        chosen = split or next(iter(cls.splits))
        if chosen not in cls.splits:
            known = ", ".join(cls.splits)
            raise ConfigError(f"{cls.name} has no split {chosen!r}; there are: {known}")
        return [
            Task(
                environment=cls.name,
                id=f"{cls.name}-{seed}",
                split=chosen,
                kind=cls.name,
                instruction=cls.instruction,
                seed=seed,
                group=f"{cls.name}-{seed}",
            )
            for seed in cls.splits[chosen]
        ]

    @classmethod
    def data_version(cls, split: str | None = None, **options: Any) -> dict[str, str]:
        """Return what is played, and the versions of Gymnasium and of its package."""
        return {"environment": _source_name(cls.source), **_versions(cls.source)}

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        """Reset with the task's seed."""
        seen, info = self._raw.reset(seed=task.seed if seed is None else seed)
        self._last = None
        text = self._text(GymnasiumStep(seen, 0.0, False, False, info))
        return Observation(f"{task.instruction}\n{text}")

    def step(self, command: str) -> StepResult:
        """Take the action that the command means. After the end nothing happens."""
        if self._last is not None and (self._last.terminated or self._last.truncated):
            return self._unchanged("The episode has ended.")
        try:
            action = self._commands.action(command)
        except ValueError as mistake:
            return self._unchanged(str(mistake))
        seen, reward, terminated, truncated, info = self._raw.step(action)
        step = GymnasiumStep(seen, float(reward), bool(terminated), bool(truncated), info)
        success = bool(type(self).success(step))
        self._last = StepResult(
            Observation(self._text(step)), *step[1:4], {**info, "success": success}
        )
        return self._last

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._raw.close()

    def _text(self, step: GymnasiumStep) -> str:
        describe = type(self).describe
        if describe is not None:
            text = describe(step)
        elif self._grid is not None:
            text = describe_cell(step.observation, self._grid)
        else:
            text = describe_observation(step.observation, self.fields).strip("\n")
        return text or "(nothing is seen)"

    def _unchanged(self, text: str) -> StepResult:
        last = self._last
        if last is None:
            return StepResult(Observation(text), 0.0, False, False, {"success": False})
        return StepResult(Observation(text), 0.0, last.terminated, last.truncated, last.info)


def wrap_gymnasium(
    environment: Source,
    *,
    success: Callable[[GymnasiumStep], bool],
    instruction: str,
    actions: Sequence[str] = (),
    describe: Callable[[GymnasiumStep], str] | None = None,
    fields: Sequence[str] = (),
    splits: Mapping[str, Sequence[int]] | None = None,
    name: str | None = None,
) -> type[GymnasiumEnvironment]:
    """Make an `Environment` class of a Gymnasium environment.

    Put it in a file, and the command line plays it: `embodied run --env file.py:Taxi`. Its
    attribute `Robot` is a controller with the one action `act`, and is used where no other
    is named.

    Args:
        environment: id, as for `gymnasium.make`; or a class or function that makes one; or one
            that `gymnasium.make` made, of which others are made.
        success: whether the goal is reached, after each step. The end of an episode says nothing of
            it, so there is no default.
        instruction: the goal in words; stands before the first observation.
        actions: names of the actions of a `Discrete` space, in their order, which are then the
            commands. Without them a command is the action as JSON, and an environment is made at
            once to look at its action space.
        describe: the text of an observation; None: a plain rendering, of a cell in a grid its row
            and column.
        fields: what the numbers of an observation are, in their order, with their units, such as
            `("cart position (m)", ...)`; shown without `describe`.
        splits: seeds of the tasks of each split, the default one first; None: `all`, with 20.
        name: what tasks call it; None: as its id or its function.

    An environment whose package is missing gives a class that says so where it is used: the others
    in the file can be played.

    Raises:
        ConfigError: Gymnasium knows no such environment, or it cannot be played by text.
    """
    source = _source(environment)
    missing = None
    try:
        spec = _spec(source)
        robot = make_robot(None, actions) if actions else make_robot(_space(source))
    except _MissingPackageError as error:
        missing, spec, robot = str(error), None, Controller
    chosen = name or re.sub(r"-v\d+$", "", _source_name(source).rpartition("/")[2]).lower()
    members = {
        "__doc__": f"{_source_name(source)} of Gymnasium.",
        "__module__": sys._getframe(1).f_globals.get("__name__", __name__),  # as namedtuple does
        "name": chosen,
        "source": staticmethod(source) if callable(source) else source,
        "success": staticmethod(success),
        "describe": None if describe is None else staticmethod(describe),
        "fields": tuple(fields),
        "unavailable": missing,
        "default_limits": {"steps": spec.max_episode_steps} if spec else {},
        "instruction": instruction,
        "actions": tuple(actions),
        "splits": splits or {"all": range(_SEEDS)},
        "Robot": robot,
    }
    return type(re.sub(r"\W", "_", chosen), (GymnasiumEnvironment,), members)


class _MissingPackageError(ConfigError):
    """An environment needs a package that is not installed."""


def _source(given: Source) -> str | EnvSpec | Callable[..., gymnasium.Env[Any, Any]]:
    if not isinstance(given, gymnasium.Env):
        return given
    if given.spec is None:
        raise ConfigError(
            f"wrap_gymnasium cannot make others of {given}, which gymnasium.make did not make; "
            "give it the class, or a function that makes one"
        )
    return given.spec


def _source_name(source: str | EnvSpec | Callable[..., Any]) -> str:
    if isinstance(source, str):
        return source
    if isinstance(source, EnvSpec):
        return source.id
    function = getattr(source, "func", source)  # what a `functools.partial` calls
    return getattr(function, "__name__", type(source).__name__)


def _made(
    source: str | EnvSpec | Callable[..., gymnasium.Env[Any, Any]], options: Mapping[str, Any]
) -> gymnasium.Env[Any, Any]:
    try:
        if callable(source):
            return source(**options)
        return gymnasium.make(source, **options)
    except (gymnasium.error.DependencyNotInstalled, ModuleNotFoundError) as error:
        raise _MissingPackageError(f"{_source_name(source)} cannot be made: {error}") from error
    except (gymnasium.error.Error, TypeError) as error:
        given = f" with the options {json.dumps(dict(options), default=str)}" if options else ""
        raise ConfigError(
            f"Gymnasium cannot make {_source_name(source)}{given}: {error}"
        ) from error


def _spec(source: str | EnvSpec | Callable[..., Any]) -> EnvSpec | None:
    """Find what is registered of an environment; None: a function makes it.

    Raises:
        ConfigError: nothing is registered under its id.
    """
    if not isinstance(source, str):
        return None if callable(source) else source
    module, _, id_ = source.rpartition(":")
    try:
        if module:
            importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise _MissingPackageError(f"{source} cannot be made: {error}") from error
    known = gymnasium.registry
    if id_ in known:
        return known[id_]
    versions = [spec for spec in known.values() if id_ == re.sub(r"-v\d+$", "", spec.id)]
    if not versions:
        raise ConfigError(f"Gymnasium knows no environment {id_!r}{suggestion(id_, known)}")
    return max(versions, key=lambda spec: spec.version or 0)


def _space(source: str | EnvSpec | Callable[..., Any]) -> gymnasium.Space[Any]:
    made = _made(source, {})
    made.close()
    return made.action_space


def _versions(source: str | EnvSpec | Callable[..., Any]) -> dict[str, str]:
    versions = {"gymnasium": importlib.metadata.version("gymnasium")}
    if callable(source):
        return versions
    try:
        entry = (
            gymnasium.spec(source).entry_point if isinstance(source, str) else source.entry_point
        )
    except gymnasium.error.Error:
        return versions
    module = re.split(r"[.:]", entry)[0] if isinstance(entry, str) else ""
    for distribution in importlib.metadata.packages_distributions().get(module, []):
        versions[distribution] = importlib.metadata.version(distribution)
    return versions
