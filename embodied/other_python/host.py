"""Runs one environment for a process of another Python, which speaks to it over two pipes.

This program is run by the simulator's own Python, from 3.8 on, on the standard library alone. Where
`embodied` is not installed there, the names that an environment needs of it stand in for it.

A message is its length in four bytes and JSON of that length; bytes are Base64 within. A request is
`{"call": NAME, "arguments": [...], "options": {...}}`, an answer `{"value": ...}` or
`{"error": MESSAGE, "kind": NAME, "traceback": TEXT}`.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import hashlib
import importlib.util
import json
import os
import pathlib
import platform
import signal
import struct
import sys
import traceback
import types
from typing import IO, Any, Callable, Dict, List, Optional, Tuple

MAX_BYTES = 256 * 1024**2
_SIZE = struct.Struct(">I")
_CLASS_CALLS = (
    "list_tasks",
    "requirements",
    "resolve_options",
    "data_version",
    "generate",
    "describe_tasks",
)
_CALLS = ("reset", "step", "snapshot", "restore")
"""Of an environment, with arguments or results that are no plain data."""


def read(stream: IO[bytes]) -> Any:
    """Read one message; None at the end of the stream.

    Raises:
        ValueError: it is none.
    """
    head = _exactly(stream, _SIZE.size)
    if head is None:
        return None
    (size,) = _SIZE.unpack(head)
    if size > MAX_BYTES:
        raise ValueError(f"a message of {size:,} bytes is longer than {MAX_BYTES:,}")
    body = _exactly(stream, size)
    return None if body is None else json.loads(body)


def write(stream: IO[bytes], message: Any) -> None:
    """Write one message.

    Raises:
        ValueError, TypeError: JSON cannot hold it, or it is too long.
    """
    body = json.dumps(message, allow_nan=False).encode()
    if len(body) > MAX_BYTES:
        raise ValueError(f"a message of {len(body):,} bytes is longer than {MAX_BYTES:,}")
    stream.write(_SIZE.pack(len(body)) + body)
    stream.flush()


def _exactly(stream: IO[bytes], size: int) -> Optional[bytes]:
    parts: List[bytes] = []
    while size > 0:
        part = stream.read(size)
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def main() -> None:
    """Serve the environment that the command line names until the other process is gone."""
    name, life = sys.argv[1], int(sys.argv[2])
    _end_with_parent(life)
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - as short as can be
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)  # what simulators print is no answer
    del sys.path[0]  # this folder
    host = Host(name)
    while True:
        request = read(requests)
        if request is None:
            return
        write(answers, host.answer(request))


def _end_with_parent(life: int) -> None:
    """Have a process wait that kills this one and all that it started when the parent is gone."""
    if os.fork():
        os.close(life)
        return
    for descriptor in (0, 1, 2):
        with contextlib.suppress(OSError):
            os.close(descriptor)
    os.read(life, 1)
    os.killpg(0, signal.SIGKILL)


class Host:
    """Answers requests with the class of a name and, once it is made, its one environment."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._kind: Any = None
        self._file: Dict[str, str] = {}
        self._environment: Any = None

    def answer(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Do what a request asks; errors are answers too."""
        try:
            value = self._do(request["call"], request["arguments"], request["options"])
            answer = {"value": value}
            json.dumps(answer, allow_nan=False)
            return answer
        except BaseException as error:
            return {
                "error": str(error) or type(error).__name__,
                "kind": type(error).__name__,
                "traceback": traceback.format_exc()[-20_000:],
            }

    def _do(self, call: str, arguments: List[Any], options: Dict[str, Any]) -> Any:
        if self._kind is None:
            self._kind, self._file = _load(self._name)
        if call == "describe_class":
            return _described(self._kind)
        if call == "make":
            self._environment = self._kind(**options)
            return dataclasses.asdict(self._environment.capabilities)
        if call in _CLASS_CALLS:
            result = getattr(self._kind, call)(*_prepared(call, arguments), **options)
            own = {"python": platform.python_version(), **self._file}
            return plain({**result, **own} if call == "data_version" else result)
        if call in _CALLS:
            return getattr(self, call)(*arguments)
        return plain(getattr(self._environment, call)())

    def reset(self, task: Dict[str, Any], seed: Optional[int]) -> Any:
        """Start a task."""
        return _seen(self._environment.reset(sys.modules["embodied"].Task(**task), seed))

    def step(self, command: str) -> Any:
        """Take a step."""
        result = self._environment.step(command)
        ends = [float(result.reward), bool(result.terminated), bool(result.truncated)]
        return [_seen(result.observation), *ends, plain(dict(result.info))]

    def snapshot(self) -> str:
        """Return the state of the task."""
        return base64.b64encode(self._environment.snapshot()).decode()

    def restore(self, snapshot: str) -> None:
        """Go back to a state."""
        self._environment.restore(base64.b64decode(snapshot))


def plain(value: Any) -> Any:
    """Turn what an environment returns into plain data."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    for method in ("model_dump", "tolist"):  # of pydantic's models, of NumPy's arrays and numbers
        if hasattr(value, method):
            value = getattr(value, method)()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, pathlib.Path):
        return str(value)
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise TypeError(f"an environment in another Python may not return a {type(value).__name__}")


def _prepared(call: str, arguments: List[Any]) -> List[Any]:
    if call in ("generate", "describe_tasks"):
        return [pathlib.Path(arguments[0]), *arguments[1:]]
    return arguments


def _described(kind: Any) -> Dict[str, Any]:
    return {
        "default_split": kind.default_split,
        "unavailable": kind.unavailable,
        "capabilities": dataclasses.asdict(kind.capabilities),
        "location_options": sorted(kind.location_options),
        "default_controller": kind.default_controller,
        "default_limits": dict(kind.default_limits),
    }


def _seen(observation: Any) -> List[Any]:
    files = [
        [each.name, each.media_type, base64.b64encode(each.data).decode()]
        for each in observation.attachments
    ]
    return [observation.text.encode("utf-8", "replace").decode(), files]


def _load(name: str) -> Tuple[Any, Dict[str, str]]:
    """Load the environment of a name, and hash its file."""
    path, _, attribute = name.rpartition(":")
    digest = {}
    if path.endswith(".py"):
        digest["environment_file"] = hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
    if importlib.util.find_spec("embodied") is not None:
        import embodied  # noqa: F401 - `reset` finds it
        from embodied.plugins.registry import environment_class

        return environment_class(name), digest
    if not digest:
        raise LookupError(
            f"embodied is not installed for {sys.executable}, so {name!r} must be "
            "path/to/file.py:Class"
        )
    sys.modules["embodied"] = stand_in()
    spec = importlib.util.spec_from_file_location("embodied_file", path)
    assert spec is not None and spec.loader is not None  # noqa: S101 - it ends with .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    kind: Any = module
    for part in attribute.split("."):
        kind = getattr(kind, part)
    return kind, digest


def stand_in() -> types.ModuleType:
    """Make a module `embodied` with what an environment needs of it."""
    module = types.ModuleType("embodied")
    errors = (ConfigError, DataError, InfrastructureError)
    records = (Attachment, Observation, StepResult, Capabilities, Requirement, Task)
    named: List[Any] = [*errors, *records, Environment, Controller, action]
    for value in named:
        setattr(module, value.__name__, value)

    def missing(name: str) -> Any:
        raise AttributeError(
            f"embodied is not installed for {sys.executable}, and {name!r} is not among what "
            "environments need of it; install it there, or leave it out"
        )

    module.__getattr__ = missing  # type: ignore[method-assign]
    return module


class ConfigError(Exception):
    """As `embodied.ConfigError`."""


class DataError(Exception):
    """As `embodied.DataError`."""


class InfrastructureError(Exception):
    """As `embodied.InfrastructureError`."""


@dataclasses.dataclass(frozen=True)
class Attachment:
    """As `embodied.environment.Attachment`."""

    name: str
    media_type: str
    data: bytes


@dataclasses.dataclass(frozen=True)
class Observation:
    """As `embodied.Observation`."""

    text: str
    attachments: Tuple[Attachment, ...] = ()


@dataclasses.dataclass(frozen=True)
class StepResult:
    """As `embodied.StepResult`."""

    observation: Observation
    reward: float
    terminated: bool
    truncated: bool
    info: Dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Capabilities:
    """As `embodied.Capabilities`."""

    valid_commands: bool = False
    snapshot: bool = False
    plan: bool = False
    max_per_process: Optional[int] = None
    io_bound: bool = True
    scored: bool = True


@dataclasses.dataclass(frozen=True)
class Requirement:
    """As `embodied.environment.Requirement`."""

    name: str
    found: str = ""
    problem: Optional[str] = None


@dataclasses.dataclass(frozen=True)
class Task:
    """As `embodied.Task`."""

    environment: str
    id: str
    split: str
    kind: str
    instruction: str
    seed: Optional[int] = None
    data: Dict[str, Any] = dataclasses.field(default_factory=dict)


class Environment:
    """As `embodied.Environment`."""

    unavailable: Optional[str] = None
    default_split: Optional[str] = None
    capabilities = Capabilities()
    location_options = frozenset()  # type: ignore[var-annotated]
    default_controller: Optional[str] = None
    default_limits: Dict[str, Optional[int]] = {}

    @classmethod
    def requirements(cls) -> List[Requirement]:
        """Look up what it needs outside of Python."""
        return []

    @classmethod
    def resolve_options(cls, **options: Any) -> Dict[str, Any]:
        """Return options that mean the same in another process."""
        return options

    @classmethod
    def data_version(cls, split: Any = None, **options: Any) -> Dict[str, str]:
        """Return what a score depends on."""
        return {}

    @classmethod
    def generate(cls, out: pathlib.Path, count: int, seed: int, **options: Any) -> Any:
        """Refuse to write tasks."""
        raise ConfigError(f"{cls.__name__} cannot generate tasks")

    @classmethod
    def describe_tasks(cls, out: pathlib.Path, **options: Any) -> Any:
        """Refuse to describe tasks."""
        raise ConfigError(f"{cls.__name__} has no statistics of its tasks")

    def command_templates(self) -> List[str]:
        """List the forms of command that the simulator knows."""
        return []


class Controller:
    """As `embodied.Controller`, for files that hold the robot too; it is not used here."""


def action(method: Callable[..., Any]) -> Callable[..., Any]:
    """As `embodied.action`, for files that hold the robot too; it is not used here."""
    return method


if __name__ == "__main__":
    main()
