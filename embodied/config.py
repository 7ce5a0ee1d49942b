"""What a user may configure of a run, and how a mistake in it is reported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from embodied.errors import ConfigError
from embodied.llm.client import LLMConfig
from embodied.protocol import PRESETS, Protocol
from embodied.registry import suggestion


class Settings(BaseModel):
    """Base of all settings: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class EnvironmentConfig(Settings):
    """Which simulator, and how it is set up."""

    name: str = "alfworld"
    """The environment, as registered."""
    options: dict[str, Any] = {}
    """Keyword arguments of the environment, e.g. `backend` and `data` of alfworld."""


class GenerateConfig(Settings):
    """Tasks to write before the run, where they are not there yet."""

    out: Path
    """Folder to write to. Give the same one to the environment, e.g. as its option `data`."""
    count: int = Field(24, gt=0)
    """Number of tasks."""
    seed: int = 0
    """The same seed gives the same tasks."""
    options: dict[str, Any] = {}
    """Options of the environment's generator, e.g. `split`."""


class TaskConfig(Settings):
    """Which tasks of the split are run, and how often."""

    limit: int | None = Field(None, gt=0)
    """No more than this many tasks, the first ones in the stable order; null: all."""
    kinds: tuple[str, ...] = ()
    """Only tasks of these types; empty: all types."""
    ids: tuple[str, ...] = ()
    """Only these tasks; empty: all."""
    samples: int = Field(1, gt=0)
    """Episodes of each task."""


class PolicyConfig(Settings):
    """Who plays."""

    name: Literal["expert", "oracle", "llm", "human", "replay"] = "expert"
    """`llm` is set up in the section `llm`."""
    recordings: tuple[Path, ...] = ()
    """Files of recorded episodes, for the policy `replay`; sample n of a task is in file n."""


class RunnerConfig(Settings):
    """Where and how episodes run. Nothing here changes a score."""

    kind: Literal["ray", "local"] = "ray"
    """`ray`: a pool of worker processes; `local`: this process, one worker, for debugging."""
    workers: int = Field(2, gt=0)
    """Worker processes."""
    episodes_per_worker: int = Field(16, gt=0)
    """Episodes that a worker holds at a time, where its environment allows more than one."""
    retries: int = Field(3, ge=0)
    """How often an episode is started again after an infrastructure error."""
    worker_memory_bytes: int = Field(2 * 1024**3, gt=0)
    """A worker whose resident memory is above this takes no more episodes and is replaced."""
    episode_seconds: float = Field(3600.0, gt=0)
    """Wall time after which an episode counts as hung: its worker is replaced, it is retried."""
    start_seconds: float = Field(180.0, gt=0)
    """Wall time that a worker may take to start."""
    cpus_per_worker: float = Field(1.0, ge=0)
    """CPUs that Ray reserves for a worker."""
    ray_address: str | None = None
    """A Ray cluster to join, e.g. `auto` or `ray://host:10001`; null: start one here."""


class RunConfig(Settings):
    """One run: tasks, policy, protocol, and where it runs."""

    environment: EnvironmentConfig = EnvironmentConfig()
    """The simulator."""
    split: str | None = None
    """The data split; null: the environment's default."""
    generate: GenerateConfig | None = None
    """Tasks to write first."""
    tasks: TaskConfig = TaskConfig()
    """Which tasks, how often."""
    policy: PolicyConfig = PolicyConfig()
    """Who plays."""
    llm: LLMConfig | None = None
    """The model and its server, for the policy `llm`."""
    protocol: Protocol = Protocol()
    """A preset's name (`default`, `mint`), or a mapping of changes with the preset's name under
    `preset`."""
    seed: int = 0
    """Start of all randomness of the run."""
    runner: RunnerConfig = RunnerConfig()
    """Where and how."""
    out: Path = Path("runs/latest")
    """The run's folder."""

    @field_validator("protocol", mode="before")
    @classmethod
    def _with_preset(cls, value: object) -> object:
        if isinstance(value, str):
            value = {"preset": value}
        if not isinstance(value, Mapping) or "preset" not in value:
            return value
        name = value["preset"]
        if name not in PRESETS:
            raise ValueError(f"there is no protocol {name!r}{suggestion(str(name), PRESETS)}")
        return merged(PRESETS[name], {key: val for key, val in value.items() if key != "preset"})


def merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `change` laid over it, mapping by mapping."""
    result = dict(base)
    for key, value in change.items():
        old = result.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        result[key] = merged(old, value) if both else value  # type: ignore[arg-type]
    return result


def assignment(text: str) -> dict[str, Any]:
    """The nested mapping that `a.b=c` stands for; the value is read as YAML.

    Raises:
        ConfigError: there is no `=`, or the value is not YAML.
    """
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        raise ConfigError(f"{text!r} is not of the form a.b=value")
    try:
        tree: Any = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: the value {value!r} is not YAML: {error}") from None
    for key in reversed(name.strip().split(".")):
        tree = {key: tree}
    return tree  # type: ignore[no-any-return]


def load_config(
    path: Path | None, changes: Iterable[Mapping[str, Any]] = (), assignments: Iterable[str] = ()
) -> RunConfig:
    """The configuration of a file (None: the defaults), changed by options and assignments.

    Raises:
        ConfigError: the file cannot be read, a key is unknown or a value is bad; the message names
            the key, the file and the nearest valid key.
    """
    tree = _read(path) if path else {}
    for change in changes:
        tree = merged(tree, change)
    for text in assignments:
        tree = merged(tree, assignment(text))
    return validated(tree, str(path) if path else "the command line")


def validated(tree: Mapping[str, Any], where: str) -> RunConfig:
    """The configuration that a mapping holds; `where` says in errors where it came from."""
    try:
        return RunConfig.model_validate(tree)
    except ValidationError as error:
        problems = "\n".join(_problem(dict(item)) for item in error.errors())
        raise ConfigError(f"{where}:\n{problems}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise ConfigError(f"there is no configuration file {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the configuration file {path} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {error}") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{path} must hold a mapping of settings, not {type(tree).__name__}")
    return tree


def _problem(error: Mapping[str, Any]) -> str:
    location = [str(part) for part in error["loc"]]
    name = ".".join(location)
    if error["type"] == "extra_forbidden":
        return f"  {name}: there is no such setting{_nearest(location)}"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"  {name}: {message} (got {error['input']!r:.80})"


def _nearest(location: list[str]) -> str:
    model: Any = RunConfig
    for part in location[:-1]:
        model = _settings_of(model.model_fields[part].annotation)
    prefix = "".join(f"{part}." for part in location[:-1])
    return suggestion(prefix + location[-1], [prefix + key for key in model.model_fields])


def _settings_of(annotation: Any) -> Any:
    choices = getattr(annotation, "__args__", (annotation,))
    return next(c for c in choices if isinstance(c, type) and issubclass(c, BaseModel))
