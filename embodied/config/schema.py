"""What a user may configure of a run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveFloat,
    SerializeAsAny,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import InitErrorDetails, PydanticCustomError

from embodied._util.mappings import merged
from embodied._util.suggestion import suggestion
from embodied.config.packaged import examples_path
from embodied.config.python_object import OBJECT_PREFIX, PythonObject
from embodied.errors import ConfigError
from embodied.feedback import FeedbackConfig
from embodied.llm.config import LLMConfig
from embodied.plugins.plugin_file import is_file, short_name
from embodied.plugins.registry import load, names
from embodied.protocol import Protocol

_POOLS = "embodied.pools"
_PROMPTS = "embodied.prompts"
ApprovalVerdict = Literal["ask", "allow", "deny"]
_PLUGGED = {"conversation": _PROMPTS, "action": "embodied.action_formats"}
"""Settings of the protocol that name plugins, with their entry-point groups."""


def _several(value: object) -> object:
    return (value,) if isinstance(value, str | int | Path) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_several)]
Paths = Annotated[tuple[Path, ...], BeforeValidator(_several)]


class Settings(BaseModel):
    """Base of all settings: unknown keys are errors; a number will do for a name."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        coerce_numbers_to_str=True,
        arbitrary_types_allowed=True,
    )


def _known(group: str, name: str) -> str:
    """Return the name of a plugin, unless nothing is registered so."""
    if not is_file(name) and name not in (known := names(group)):
        message = f"there is no {name!r:.80}{suggestion(name, known)}"
        raise PydanticCustomError("unknown_name", "{message}", {"message": message})
    return name


class EnvironmentConfig(Settings):
    """Which simulator, and how it is set up."""

    name: str = "alfworld"
    """The environment: as registered, `path/to/file.py:Class`, or an address: `mcp:` with the URL
    or the command of an MCP server, `inspect-robots:NAME`."""
    python: Path | None = None
    """The interpreter that the simulator runs in, where it needs another one than this: a process
    of that Python for each environment. Options, and what the simulator says, are plain data then;
    the robot stays here."""
    physical: bool | None = None
    """Whether it moves something real: two episodes never run at a time then, and none is played
    again by itself. Without it, the environment says so; what a URL leads to counts as real."""
    options: dict[str, Any] = {}
    """Keyword arguments of the environment, e.g. `backend` and `data` of alfworld."""

    @field_validator("python")
    @classmethod
    def _is_there(cls, value: Path | None) -> Path | None:
        if value is None:
            return None
        if (found := shutil.which(value.expanduser())) is None:
            raise ValueError(f"there is no interpreter {str(value)!r}")
        return Path(os.path.abspath(found))  # noqa: PTH100 - a link may mean another environment

    @property
    def plugin(self) -> str:
        """The name by which the environment is found, with the interpreter where it has one."""
        return self.name if self.python is None else f"other-python:{self.python}::{self.name}"


class GenerateConfig(Settings):
    """Tasks to write before the run, where they are not there yet.

    They have a folder of their own, which notes in `generated.yaml` what it was made with. A run
    that asks for other tasks than the folder was made for is refused: it would play a mixture.
    """

    out: Path
    """Folder to write to: a new or empty one, or one that was generated with the same settings.
    Give the same one to the environment, e.g. as its option `data`."""
    count: int = Field(24, gt=0)
    """Number of tasks. Another number needs another folder."""
    seed: int = 0
    """The same seed gives the same tasks. Another seed needs another folder."""
    options: dict[str, Any] = {}
    """Options of the environment's generator, e.g. `split`."""


class TaskConfig(Settings):
    """Which tasks of the split are run, and how often."""

    limit: int | None = Field(None, gt=0)
    """No more than this many tasks, the first ones in the stable order; null: all."""
    sample: int | None = Field(None, gt=0)
    """As many tasks, chosen at random by the run's `seed` and spread evenly over their types, in
    place of `limit`; null: no random choice."""
    kinds: Names = ()
    """Only tasks of these types; empty: all types."""
    ids: Names = ()
    """Only these tasks; empty: all."""
    samples: int = Field(1, gt=0)
    """Episodes of each task."""

    @model_validator(mode="after")
    def _limit_or_sample(self) -> TaskConfig:
        if self.limit is not None and self.sample is not None:
            raise ValueError("limit and sample cannot both be given: leave out one of them")
        return self


class PolicyConfig(Settings):
    """Who plays."""

    name: str = "expert"
    """A registered policy (`expert`, `oracle`, `llm`, `human`, `replay`, ...) or
    `path/to/file.py:NAME`, a class or function. `llm` is set up in the section `llm`."""
    options: dict[str, Any] = {}
    """Keyword arguments of the policy's class."""
    recordings: Paths = ()
    """Files of recorded episodes, for the policy `replay`; sample n of a task is in file n."""
    implementation: SkipJsonSchema[PythonObject | None] = Field(None, exclude=True, repr=False)
    """The policy itself, where it was given as an object of Python; its name is recorded."""

    @field_validator("name")
    @classmethod
    def _is_known(cls, value: str) -> str:
        return value if value.startswith(OBJECT_PREFIX) else _known("embodied.policies", value)

    @property
    def short_name(self) -> str:
        """The name without the folders of its file, as records have it."""
        return short_name(self.name)


class RunnerConfig(Settings):
    """Where and how episodes run. Nothing here but `approval` changes a score."""

    kind: str = "ray"
    """`ray`: a pool of worker processes; `local`: this process, one worker, for debugging; another
    registered pool or `path/to/file.py:Class`, which may have settings of its own."""
    workers: int = Field(2, gt=0)
    """Worker processes."""
    episodes_per_worker: Annotated[int, Field(gt=0)] | Literal["auto"] = "auto"
    """Episodes that a worker holds at a time, where its environment allows more than one. `auto`:
    16 at first, then as many as keep the LLM server full, up to 1024 and to the memory that a
    worker may have. This is measured by the figures that the server gives of itself (`/metrics`);
    where it gives none, it stays with 16."""
    retries: int = Field(3, ge=0)
    """How often an episode is started again after an infrastructure error."""
    worker_memory_bytes: int = Field(2 * 1024**3, gt=0)
    """A worker whose resident memory is above this takes no more episodes and is replaced."""
    episode_seconds: float = Field(3600.0, gt=0)
    """Wall time after which an episode counts as hung: its worker is replaced, it is retried. The
    wait for an LLM server that is gone, `llm.outage_seconds`, comes on top of it, and so does the
    wait for its rate limit."""
    start_seconds: float = Field(180.0, gt=0)
    """Wall time that a worker may take to start, and that a run waits for room in the Ray cluster
    while it has no worker at all. With one, it goes on and takes more as room appears."""
    cpus_per_worker: float = Field(1.0, ge=0)
    """CPUs that Ray reserves for a worker."""
    resources_per_worker: dict[str, PositiveFloat] = {}
    """What else Ray reserves for a worker, by the names that `ray start --resources` gave, e.g.
    `{simulator: 1}`: workers are placed only on nodes that have it."""
    ray_address: str | None = None
    """A Ray cluster to join, from one of its nodes: `auto`, or HOST:PORT of its head; null: start
    one here."""
    approval: str = "ask"
    """Who approves calls that a robot wants approved, those of `@action(confirm=True)`: `ask`, you
    at this terminal; `allow`, all are made; `deny`, none is. `path/to/file.py:rule` names a
    function that is given every call, as an `embodied.approval.PendingCall`, and returns `allow`,
    `ask` or `deny`, or `deny: ` and a reason, which the policy reads."""
    allow_unconfined: bool = False
    """Run the interpreter `full` even where the system cannot confine it (anything but Linux): the
    code that a model writes then has this user's rights."""

    @field_validator("kind")
    @classmethod
    def _is_known(cls, value: str) -> str:
        return _known(_POOLS, value)

    @field_validator("approval")
    @classmethod
    def _approves(cls, value: str) -> str:
        known = get_args(ApprovalVerdict)
        if value not in known and not is_file(value):
            hint = suggestion(value, known)
            raise ValueError(f"there is no {value!r:.80}{hint}, and path/to/file.py:rule")
        return value

    @field_validator("ray_address")
    @classmethod
    def _no_client(cls, value: str | None) -> str | None:
        if value is not None and value.startswith("ray://"):
            raise ValueError(
                "a run does not go through Ray Client, which ends with its connection; start it on "
                "a node of the cluster with the address `auto`, or submit it with `ray job submit`"
            )
        return value

    @field_validator("resources_per_worker")
    @classmethod
    def _custom_resources(cls, value: dict[str, float]) -> dict[str, float]:
        if reserved := sorted(value.keys() & {"CPU", "GPU", "memory", "object_store_memory"}):
            raise ValueError(f"{reserved[0]} is no custom resource; see cpus_per_worker")
        return value


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
    """A prompt's name (`default`, `mint`, `m3`), which stands for its settings, or a mapping of
    changes with that name under `preset`. A name given later, e.g. `--protocol mint`, takes the
    place of all that was there."""
    feedback: FeedbackConfig | None = None
    """Who comments on each turn; null: nobody."""
    seed: int = 0
    """Start of all randomness of the run."""
    runner: SerializeAsAny[RunnerConfig] = RunnerConfig()
    """Where and how."""
    out: Path = Path("runs/latest")
    """The run's folder."""

    @field_validator("protocol", mode="before")
    @classmethod
    def _with_preset(cls, value: object) -> object:
        if isinstance(value, str):
            value = {"preset": value}
        if not isinstance(value, Mapping):
            return value
        if isinstance(value.get("examples"), str | Path):
            value = {**value, "examples": examples_path(Path(value["examples"]))}
        if "preset" not in value:
            return value
        name, known = str(value["preset"]), names(_PROMPTS)
        if name not in known and not is_file(name):
            raise ValueError(f"there is no protocol {value['preset']!r}{suggestion(name, known)}")
        preset = {"conversation": name, **load(_PROMPTS, name).preset}
        return merged(preset, {key: val for key, val in value.items() if key != "preset"})

    @field_validator("protocol")
    @classmethod
    def _plugins_exist(cls, value: Protocol) -> Protocol:
        unknown = []
        for setting, group in _PLUGGED.items():
            try:
                _known(group, given := getattr(value, setting))
            except PydanticCustomError as error:
                unknown.append(InitErrorDetails(type=error, loc=(setting,), input=given))
        if unknown:
            raise ValidationError.from_exception_data("Protocol", unknown)
        return value

    @field_validator("policy", mode="before")
    @classmethod
    def _policy_by_name(cls, value: object) -> object:
        if isinstance(value, str):
            return {"name": value}
        if callable(value):
            given = PythonObject(value)
            return {"name": given.name, "implementation": given}
        return value

    @field_validator("runner", mode="wrap")
    @classmethod
    def _settings_of_pool(
        cls, value: object, validate: ValidatorFunctionWrapHandler
    ) -> RunnerConfig:
        """Check by the settings of the pool; leave out those that only another pool has.

        They are of no use there, and a run may be resumed on another pool.
        """
        kind = value.get("kind") if isinstance(value, Mapping) else None
        if not isinstance(value, Mapping) or not isinstance(kind, str):
            return validate(value)  # type: ignore[no-any-return]
        if not is_file(kind) and kind not in names(_POOLS):
            return validate({"kind": kind})  # type: ignore[no-any-return]
        own: type[RunnerConfig] | None = getattr(load(_POOLS, kind), "Settings", None)
        if own is None:
            raise ValueError("kind must be a class over embodied.runner.backend.Pool")
        foreign = value.keys() - own.model_fields.keys()
        if foreign:
            pools = [load(_POOLS, name).Settings for name in names(_POOLS)]
            foreign &= {key for settings in pools for key in settings.model_fields}
        return own.model_validate({key: value[key] for key in value if key not in foreign})

    def llm_section(self) -> LLMConfig:
        """Return the section `llm` of a run that needs one; ConfigError where it is missing."""
        if self.llm is None:
            raise ConfigError(
                f"the policy {self.policy.short_name} needs a model: --llm.model NAME and "
                "--llm.base_url URL of its server"
            )
        return self.llm
