"""The simulator side of an episode: reset, step, close, with Gymnasium's meaning.

Gymnasium's five-tuple of `step` is the named `StepResult` here; `terminated` and `truncated` mean
what they mean there (https://gymnasium.farama.org/api/env/).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from embodied._util.suggestion import suggestion
from embodied.errors import ConfigError
from embodied.task import Task


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that belongs to an observation, such as a camera picture."""

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Observation:
    """What the policy may know after a reset or a step."""

    text: str
    """What UTF-8 cannot hold (lone surrogates) is replaced by `?`."""
    attachments: tuple[Attachment, ...] = ()

    def __post_init__(self) -> None:
        if not self.text.isascii():
            text = self.text.encode("utf-8", "replace").decode("utf-8")
            object.__setattr__(self, "text", text)


@dataclass(frozen=True, slots=True)
class StepResult:
    """The answer of the simulator to one command."""

    observation: Observation
    reward: float
    terminated: bool
    """The simulator reached an end state; it accepts no further commands that matter."""
    truncated: bool
    """The episode was cut from outside, by a step limit or a time limit; not an end state."""
    info: Mapping[str, Any] = field(default_factory=dict)
    """At least `success`: whether the simulator's own goal test holds now. `metrics`, where it is
    there, has figures by name, such as a score; reports show their means after the last step."""

    @property
    def metrics(self) -> dict[str, float]:
        """The numbers in `info["metrics"]`, by their names; those of mappings in it as `a.b`.

        True and false count as 1 and 0. What is no number, or none that is finite, is left out.
        """
        return dict(_numbers(self.info.get("metrics")))

    @property
    def success(self) -> bool:
        """Whether the simulator's own goal test holds now."""
        return bool(self.info["success"])


def _numbers(tree: object, name: str = "") -> Iterator[tuple[str, float]]:
    """Yield the finite numbers of nested mappings, NumPy's among them, with their dotted names."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from _numbers(value, f"{name}.{key}" if name else str(key))
    elif getattr(tree, "ndim", None) == 0:
        yield from _numbers(tree.item(), name)  # type: ignore[attr-defined]
    elif isinstance(tree, Real) and name:
        with suppress(OverflowError):
            if math.isfinite(number := float(tree)):
                yield name, number


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an environment offers beyond `reset`, `step` and `close`."""

    valid_commands: bool = False
    """`valid_commands()` lists every command that has an effect now."""
    snapshot: bool = False
    """`snapshot()` and `restore()` work."""
    plan: bool = False
    """`plan()` knows a solution (privileged: it reads the simulator's state)."""
    max_per_process: int | None = None
    """Environments that one process may run at a time; None: any number."""
    io_bound: bool = True
    """A step may wait for something outside its process, so that a thread for each of many
    environments pays off. False: it only computes."""
    scored: bool = True
    """`info["success"]` says whether the goal is reached. False: nothing says so, and episodes end
    with the outcome `unscored`."""
    real_time: bool = False
    """The world goes on while a policy thinks: each observation says how much time passed."""
    physical: bool = False
    """It moves something real. Two episodes never run at a time, none is played again by itself,
    and to finish an interrupted run is asked for."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """Something outside of Python that an environment needs, and whether this machine has it."""

    name: str
    """What it is, e.g. `Java`."""
    found: str = ""
    """What is there, e.g. its version; empty where nothing is."""
    problem: str | None = None
    """What is wrong, and what to do about it, e.g. the exact `apt-get install`; None: nothing."""


class EnvironmentOptions(BaseModel):
    """Options of an environment or of its generator: names, types, ranges, defaults and help.

    The docstring of a field is its help. `class Options(EnvironmentOptions, title="warehouse")`
    says how errors call the environment. A validator raises a `ValueError` whose text begins with
    the option's name, or a `ConfigError` that says all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> Self:
        """Check the options that a user gave, and fill in the defaults.

        Raises:
            ConfigError: there is no such option, or a value is wrong.
        """
        owner = cls.model_config.get("title") or cls.__qualname__.rpartition(".")[0]
        for name in options:
            if name not in cls.model_fields:
                raise ConfigError(
                    f"{owner} has no option {name!r}{suggestion(name, cls.model_fields)}"
                )
        try:
            return cls.model_validate(options)
        except ValidationError as error:
            first = error.errors()[0]
        name, given = ".".join(map(str, first["loc"])), first["input"]
        raised = first.get("ctx", {}).get("error")
        said = raised or f"{name!r}: {first['msg']}, not {given!r:.80}"
        raise ConfigError(f"{owner}'s option {said}")


class Environment(ABC):
    """A simulator adapter, registered under the entry-point group `embodied.environments`.

    Its options are keyword arguments of `__init__` and of all class methods that take `options`. A
    subclass declares them as its class `Options` and reads them by `cls.Options.parse(options)`;
    one without `Options` names them in the signatures of these methods.
    """

    Options: ClassVar[type[EnvironmentOptions] | None] = None
    GeneratorOptions: ClassVar[type[EnvironmentOptions] | None] = None
    """Options of `generate`. One called `split` is the split that the run plays, unless given."""
    unavailable: ClassVar[str | None] = None
    """What it lacks here, for the error of whoever names it; None: it can be used."""
    default_split: ClassVar[str | None] = None
    """The split of runs that name none, where it has a name."""
    capabilities: Capabilities = Capabilities()
    thread_safe: ClassVar[bool] = False
    """Whether any thread may use it, one at a time. Where the class itself does not say so, it is
    made, used and closed in one thread, together with its controller."""
    location_options: ClassVar[frozenset[str]] = frozenset()
    """Options that say where data lies. A protocol leaves them out; `data_version` identifies the
    data wherever it lies."""
    default_controller: ClassVar[str | None] = None
    """The controller of protocols that name none: as registered; `:Class`, a class in the
    environment's own file or module; `:.Class`, one inside the environment's class."""
    default_limits: ClassVar[Mapping[str, int | None]] = {}
    """Limits of an episode that fit the simulator's tasks, by the names that `limits` has in a
    protocol; for protocols that set none of their own."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.thread_safe = vars(cls).get("thread_safe", False)

    @classmethod
    @abstractmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        """List the tasks of a split (None: `default_split`), in a stable order.

        Raises:
            DataError: the data is missing or corrupt.
            ConfigError: there is no such split.
        """

    @classmethod
    def requirements(cls) -> list[Requirement]:
        """Look up what it needs outside of Python, such as Java or a browser, on this machine.

        `embodied doctor` shows it, and an environment that cannot be made is explained by it. Takes
        seconds at most and leaves nothing behind.
        """
        return []

    @classmethod
    def resolve_options(cls, **options: Any) -> dict[str, Any]:
        """Return options that mean the same in another process: with all filled in that environment
        variables and the working folder decide.
        """
        return options

    @classmethod
    def data_version(cls, split: str | None = None, **options: Any) -> dict[str, str]:
        """Return what a score depends on: versions of the simulator, a hash of the split's data."""
        return {}

    @classmethod
    def attaches_pictures(cls, **options: Any) -> bool:
        """Tell whether its observations have pictures attached, with these options.

        Where they do, a model's server is asked before the first episode whether it takes any.
        """
        return False

    @classmethod
    def generate(cls, out: Path, count: int, seed: int, **options: Any) -> list[Path]:
        """Write `count` new tasks below `out`, the same ones for the same seed.

        Raises:
            ConfigError: this environment has no generator, or an option is wrong.
        """
        raise ConfigError(f"{cls.__name__} cannot generate tasks")

    @classmethod
    def describe_tasks(cls, out: Path, **options: Any) -> Mapping[str, Any]:
        """Show how the tasks that `generate` wrote below `out` are spread; options as there.

        Returns plain data: `columns` (name, tasks); `tables` (name, rows), whose rows have name,
        unit (`share` or `number`), values by column, and summary (about the whole table);
        `notes`, sentences.

        Raises:
            ConfigError: this environment has no statistics, or an option is wrong.
            DataError: there are no such tasks.
        """
        raise ConfigError(f"{cls.__name__} has no statistics of its tasks")

    @abstractmethod
    def reset(self, task: Task, seed: int | None = None) -> Observation:
        """Start the task from its beginning; `seed` overrides the task's own.

        Raises:
            DataError: the task's data is missing or corrupt.
        """

    @abstractmethod
    def step(self, command: str) -> StepResult:
        """Send one command to the simulator."""

    def command_templates(self) -> list[str]:
        """List the forms of command that the simulator knows, where it says so.

        A controller that serves several dialects of a simulator chooses by them.
        """
        return []

    def valid_commands(self) -> list[str]:
        """List what has an effect now, sorted; needs `capabilities.valid_commands`."""
        raise NotImplementedError(f"{type(self).__name__} does not list valid commands")

    def plan(self) -> list[str]:
        """List commands that solve the task from its beginning; needs `capabilities.plan`."""
        raise NotImplementedError(f"{type(self).__name__} has no planner")

    def snapshot(self) -> bytes:
        """Return the state of the running task, for `restore`; needs `capabilities.snapshot`."""
        raise NotImplementedError(f"{type(self).__name__} cannot be copied while it runs")

    def restore(self, snapshot: bytes) -> None:
        """Go back to a state that `snapshot` returned; needs `capabilities.snapshot`."""
        raise NotImplementedError(f"{type(self).__name__} cannot be copied while it runs")

    @abstractmethod
    def close(self) -> None:
        """Release everything; calling it again does nothing."""
