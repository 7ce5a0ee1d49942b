"""Embodiments of inspect-robots as environments, by the names that they are registered under."""

from __future__ import annotations

import importlib.metadata
import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from embodied._util.suggestion import suggestion
from embodied.controller import Controller
from embodied.environment import Capabilities, EnvironmentOptions, Observation, StepResult
from embodied.errors import ConfigError, DataError
from embodied.inspect_robots.observation import observation_of, state_of
from embodied.inspect_robots.robot import make_robot
from embodied.plugins.address import AddressedEnvironment
from embodied.task import Task

if TYPE_CHECKING:
    from inspect_robots.embodiment import Embodiment, EmbodimentInfo
    from inspect_robots.scene import Scene

_SPLIT = "all"
_SEEDS = 20
_PRIVILEGED_SUCCESS = "privileged_success"


class InspectRobotsOptions(EnvironmentOptions, title="inspect-robots"):
    """What is played on an embodiment."""

    benchmark: str | None = None
    """A task of inspect-robots, by its registered name: each of its scenes is a task."""
    instruction: str | None = None
    """The goal in words, where there is no benchmark; a task is a seed then."""
    embodiment: dict[str, Any] = {}
    """Keyword arguments of the embodiment."""


_infos: dict[tuple[str, str], EmbodimentInfo] = {}
"""What embodiments say of themselves; one has to be made to be asked."""


class InspectRobotsEnvironment(AddressedEnvironment):
    """A robot or simulator of inspect-robots. One action is one step."""

    Options = InspectRobotsOptions

    def __init__(self, **options: Any) -> None:
        self.options = options
        self._options = InspectRobotsOptions.parse(options)
        self._body = self._made(self._options)
        info = self._body.info
        _infos[self._key(self._options)] = info
        self.capabilities = Capabilities(
            max_per_process=None if info.is_simulated else 1,
            scored=_PRIVILEGED_SUCCESS in info.capabilities,
        )

    @classmethod
    def robot(cls, **options: Any) -> type[Controller]:
        """Make the class of the robot with the action space of the embodiment."""
        return make_robot(cls._info(InspectRobotsOptions.parse(options)))

    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        """List the scenes of the benchmark, or a task for each of some seeds."""
        if split not in (None, _SPLIT):
            raise ConfigError(f"inspect-robots has no split {split!r}; there is: {_SPLIT}")
        parsed = InspectRobotsOptions.parse(options)
        kind = parsed.benchmark or cls.address
        return [
            Task(
                environment=f"inspect-robots:{cls.address}",
                id=scene.id,
                split=_SPLIT,
                kind=kind,
                instruction=scene.instruction,
                seed=scene.init_seed,
                group=scene.id,
            )
            for scene in _scenes(parsed)
        ]

    @classmethod
    def data_version(cls, split: str | None = None, **options: Any) -> dict[str, str]:
        """Return the versions of inspect-robots and of what it plays in, where that says one."""
        info = cls._info(InspectRobotsOptions.parse(options))
        data = {"inspect_robots": importlib.metadata.version("inspect-robots")}
        named = {"world": info.environment_id, "world_revision": info.environment_revision}
        return data | {key: value for key, value in named.items() if value}

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        """Prepare the scene of the task."""
        scenes = {scene.id: scene for scene in _scenes(self._options)}
        if task.id not in scenes:
            raise DataError(f"there is no scene {task.id!r}{suggestion(task.id, scenes)}")
        scene = scenes[task.id]
        seen = self._body.reset(scene, seed=scene.init_seed if seed is None else seed)
        return observation_of(seen, task.instruction)

    def step(self, command: str) -> StepResult:
        """Take the action that the command holds, a list of numbers."""
        from inspect_robots.types import Action

        numbers = read_action(command, self._body.info)
        if isinstance(numbers, str):
            info = {"success": False, "state": {}}
            return StepResult(Observation(numbers), 0.0, False, False, info)
        result = self._body.step(Action(data=np.asarray(numbers)))
        success = bool(result.info.get("success", result.termination_reason == "success"))
        return StepResult(
            observation_of(result.observation),
            float(result.reward or 0.0),
            bool(result.terminated),
            bool(result.truncated),
            {"success": success, "state": state_of(result.observation)},
        )

    def close(self) -> None:
        self._body.close()

    @classmethod
    def _key(cls, options: InspectRobotsOptions) -> tuple[str, str]:
        return cls.address, json.dumps(options.embodiment, sort_keys=True, default=str)

    @classmethod
    def _info(cls, options: InspectRobotsOptions) -> EmbodimentInfo:
        if (key := cls._key(options)) not in _infos:
            body = cls._made(options)
            _infos[key] = body.info
            body.close()
        return _infos[key]

    @classmethod
    def _made(cls, options: InspectRobotsOptions) -> Embodiment:
        body: Embodiment = _resolved("embodiment", cls.address)(**options.embodiment)
        return body


def read_action(command: str, info: EmbodimentInfo) -> list[float] | str:
    """Read the numbers of an action, or say why a command is none."""
    dim = info.action_space.dim
    try:
        numbers = [float(number) for number in json.loads(command)]
    except (TypeError, ValueError, RecursionError, OverflowError):
        numbers = []
    if len(numbers) != dim or not all(map(math.isfinite, numbers)):
        return f"An action is a list of {dim} numbers, as JSON."
    return numbers


def _scenes(options: InspectRobotsOptions) -> list[Scene]:
    if options.benchmark is not None:
        return list(_resolved("task", options.benchmark)().scenes)
    if options.instruction is None:
        raise ConfigError(
            "say what the robot is to do: --environment.options.benchmark NAME, a task of "
            "inspect-robots, or --environment.options.instruction TEXT"
        )
    from inspect_robots.scene import Scene

    seeds = range(_SEEDS)
    return [Scene(id=f"seed-{n}", instruction=options.instruction, init_seed=n) for n in seeds]


def _resolved(kind: str, name: str) -> Callable[..., Any]:
    """Find what is registered with inspect-robots."""
    try:
        from inspect_robots.registry import registered
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"a robot of inspect-robots needs the package {error.name!r}; install it with: "
            "pip install 'embodied-codeact[inspect-robots]'"
        ) from error
    found = registered(kind)
    if name not in found:
        raise ConfigError(f"inspect-robots has no {kind} {name!r}{suggestion(name, found)}")
    return found[name]
