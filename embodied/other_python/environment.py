"""An environment that runs in a process of another Python."""

from __future__ import annotations

import base64
import contextlib
import functools
import os
import shutil
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, Self

from pydantic import TypeAdapter, ValidationError

from embodied._util.closeable import Closeable
from embodied.controller import Controller
from embodied.environment import (
    Attachment,
    Capabilities,
    Observation,
    Requirement,
    StepResult,
)
from embodied.errors import ConfigError, DataError, InfrastructureError
from embodied.other_python import host
from embodied.plugins.address import AddressedEnvironment
from embodied.plugins.plugin_file import absolute_name, is_file, short_name
from embodied.task import Task

_SEPARATOR = "::"
_CLOSE_SECONDS = 10.0
_ERRORS = {error.__name__: error for error in (ConfigError, DataError)}
_Seen = tuple[str, list[tuple[str, str, str]]]
_TASKS = TypeAdapter(list[Task])
_TEXTS = TypeAdapter(list[str])
_DICT = TypeAdapter(dict[str, Any])
_STRINGS = TypeAdapter(dict[str, str])
_REQUIREMENTS = TypeAdapter(list[Requirement])
_OBSERVATION = TypeAdapter(_Seen)
_STEP = TypeAdapter(tuple[_Seen, float, bool, bool, dict[str, Any]])
_TEXT = TypeAdapter(str)
_CAPABILITIES = TypeAdapter(Capabilities)


class HostProcess(Closeable):
    """A process of another Python with one environment.

    It ends when this process does, however that ends, with all that it has started.

    Args:
        python: the interpreter.
        name: of the environment, as it is known there.

    Raises:
        ConfigError: there is no such interpreter.
    """

    def __init__(self, python: str, name: str) -> None:
        self._python = python
        life, self._life = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603
                [python, host.__file__, name, str(life)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=(life,),
                start_new_session=True,
            )
        except OSError as error:
            os.close(self._life)
            raise ConfigError(f"environment.python: {python} cannot be run: {error}") from None
        finally:
            os.close(life)
        self._lock = threading.Lock()
        self._closed = False

    def ask(self, kind: TypeAdapter[Any], call: str, *arguments: Any, **options: Any) -> Any:
        """Have a call made there, and return what it returned.

        Args:
            kind: what the answer must be.
            call: name of the method.
            arguments: plain data.
            options: of the environment, plain data.

        Raises:
            ConfigError, DataError: as the call raised it there.
            InfrastructureError: it raised something else, or the process is gone.
        """
        assert self._process.stdin and self._process.stdout  # noqa: S101 - both are pipes
        request = {"call": call, "arguments": arguments, "options": options}
        try:
            with self._lock:
                host.write(self._process.stdin, request)
                answer = host.read(self._process.stdout)
        except (OSError, ValueError, RecursionError) as error:
            raise self._failed(call, str(error)) from error
        except TypeError as error:
            raise ConfigError(
                f"options of an environment in another Python are plain data: {error}"
            ) from None
        if answer is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
            raise self._failed(call, f"its process ended with code {self._process.returncode}")
        if isinstance(answer, dict) and "error" in answer:
            self._raise(call, answer)
        try:
            return kind.validate_python(answer["value"])
        except (ValidationError, KeyError, TypeError) as error:
            raise self._failed(call, f"it returned something else: {error}") from None

    def close(self) -> None:
        """End the process, and all that it has started."""
        if self._closed:
            return
        self._closed = True
        assert self._process.stdin and self._process.stdout  # noqa: S101 - both are pipes
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_CLOSE_SECONDS)
        os.close(self._life)
        self._process.wait()
        self._process.stdout.close()

    def _raise(self, call: str, answer: Mapping[str, Any]) -> NoReturn:
        said, kind = str(answer["error"]), str(answer.get("kind"))
        if kind in _ERRORS:
            raise _ERRORS[kind](said)
        if kind == InfrastructureError.__name__:
            raise InfrastructureError(said)
        raise self._failed(call, f"{kind}: {said}") from _Traceback(str(answer.get("traceback")))

    def _failed(self, call: str, why: str) -> InfrastructureError:
        return InfrastructureError(f"{call}() in {self._python} failed: {why}")


class _Traceback(Exception):  # noqa: N818 - the text of one
    """Where an error was raised in the other process."""


class PythonEnvironment(AddressedEnvironment):
    """An environment in another Python: its class methods and itself are asked over a pipe.

    Options and what `info` holds are plain data there.
    """

    def __init__(self, **options: Any) -> None:
        self.options = options
        self._host = HostProcess(*_parts(self.address))
        try:
            self.capabilities = self._host.ask(_CAPABILITIES, "make", **options)
        except BaseException:
            self._host.close()
            raise

    @classmethod
    @functools.cache
    def at(cls, scheme: str, address: str) -> type[Self]:
        """Ask for what its class says, once in a process."""
        _, name = _parts(address)
        try:
            said = _class_host(address).ask(_DICT, "describe_class")
        except InfrastructureError as error:
            raise ConfigError(f"the environment {name!r} cannot be loaded: {error}") from error
        said["capabilities"] = Capabilities(**said["capabilities"])
        said["location_options"] = frozenset(said["location_options"])
        beside = said["default_controller"]
        if beside is not None and beside.startswith(":") and is_file(name):
            file, _, own = name.rpartition(":")
            attribute = beside.removeprefix(":")
            said["default_controller"] = (
                f"{file}:{own if attribute.startswith('.') else ''}{attribute}"
            )
        return cls._class_of(scheme, address, **said)

    @classmethod
    def robot(cls, **options: Any) -> type[Controller]:
        """Refuse: robots are of this Python."""
        raise ConfigError(f"{cls.address} is no controller; name one with --protocol.controller")

    @classmethod
    def absolute_name(cls, scheme: str, address: str) -> str:
        """Make the paths of the interpreter and of the file absolute."""
        python, name = _parts(address)
        found = shutil.which(python)
        if found is None:
            raise ConfigError(f"there is no interpreter {python!r}")
        return f"{scheme}:{os.path.abspath(found)}{_SEPARATOR}{absolute_name(name)}"  # noqa: PTH100

    @classmethod
    def short_name(cls, scheme: str, address: str) -> str:
        """Record the environment's own name."""
        return short_name(_parts(address)[1])

    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        tasks: list[Task] = cls._ask(_TASKS, "list_tasks", split, **options)
        return tasks

    @classmethod
    def requirements(cls) -> list[Requirement]:
        found: list[Requirement] = cls._ask(_REQUIREMENTS, "requirements")
        return found

    @classmethod
    def resolve_options(cls, **options: Any) -> dict[str, Any]:
        resolved: dict[str, Any] = cls._ask(_DICT, "resolve_options", **options)
        return resolved

    @classmethod
    def data_version(cls, split: str | None = None, **options: Any) -> dict[str, str]:
        data: dict[str, str] = cls._ask(_STRINGS, "data_version", split, **options)
        return data

    @classmethod
    def generate(cls, out: Path, count: int, seed: int, **options: Any) -> list[Path]:
        written = cls._ask(_TEXTS, "generate", str(out), count, seed, **options)
        return list(map(Path, written))

    @classmethod
    def describe_tasks(cls, out: Path, **options: Any) -> Mapping[str, Any]:
        described: dict[str, Any] = cls._ask(_DICT, "describe_tasks", str(out), **options)
        return described

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        return _observation(self._host.ask(_OBSERVATION, "reset", task.model_dump(), seed))

    def step(self, command: str) -> StepResult:
        seen, *rest = self._host.ask(_STEP, "step", command)
        return StepResult(_observation(seen), *rest)

    def command_templates(self) -> list[str]:
        templates: list[str] = self._host.ask(_TEXTS, "command_templates")
        return templates

    def valid_commands(self) -> list[str]:
        commands: list[str] = self._host.ask(_TEXTS, "valid_commands")
        return commands

    def plan(self) -> list[str]:
        commands: list[str] = self._host.ask(_TEXTS, "plan")
        return commands

    def snapshot(self) -> bytes:
        return base64.b64decode(self._host.ask(_TEXT, "snapshot"))

    def restore(self, snapshot: bytes) -> None:
        self._host.ask(_ANY, "restore", base64.b64encode(snapshot).decode())

    def close(self) -> None:
        """Close the environment there, and end its process."""
        with contextlib.suppress(InfrastructureError), self._host:
            self._host.ask(_ANY, "close")

    @classmethod
    def _ask(cls, kind: TypeAdapter[Any], call: str, *arguments: Any, **options: Any) -> Any:
        return _class_host(cls.address).ask(kind, call, *arguments, **options)


_ANY: TypeAdapter[Any] = TypeAdapter(Any)


def _parts(address: str) -> tuple[str, str]:
    python, separator, name = address.partition(_SEPARATOR)
    if not separator:
        raise ConfigError(
            f"other-python:{address} names no environment; write "
            f"other-python:INTERPRETER{_SEPARATOR}NAME"
        )
    return python, name


@functools.cache
def _class_host(address: str) -> HostProcess:
    """Start the process that answers for a class; it is kept, as importing simulators is slow."""
    return HostProcess(*_parts(address))


def _observation(seen: Any) -> Observation:
    text, files = seen
    attachments = (Attachment(name, kind, base64.b64decode(data)) for name, kind, data in files)
    return Observation(text, tuple(attachments))
