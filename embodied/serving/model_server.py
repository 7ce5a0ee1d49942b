"""Starts a server, restarts it when it dies, and stops it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import platformdirs

from embodied.errors import ConfigError, InfrastructureError
from embodied.llm.backoff import backoff
from embodied.serving.address import Address, NotServingError
from embodied.serving.engine import EngineCommand, EngineProcess, own_command
from embodied.serving.llamacpp import llamacpp
from embodied.serving.vllm import vllm

START_SECONDS = 1800.0
"""How long a start may take: a large model may have to be fetched first."""
_MAX_FAILED_STARTS = 3
"""Starts in a row that may fail."""
_POLL_SECONDS = 0.2
_ENGINES = {"vllm": vllm, "llamacpp": llamacpp}
_LOG = logging.getLogger(__name__)


class ModelServer:
    """Serves a model by OpenAI's API: a context manager inside which the server answers.

    A server that dies is restarted at the same address. Whatever way this process ends, all
    processes of the server end with it.

    Args:
        model: its name on the hub, or a path. A command of your own may know it by itself.
        engine: `vllm`, or `llamacpp` for GGUF files.
        host: address to listen at.
        port: port to listen at; 0: any free one.
        python: interpreter of the environment that has the engine; None: the running one.
        command: instead of an engine, a command that serves at {host} and {port}.
        arguments: further options of the engine's.
        start_seconds: longest wait for the first answer of each start.
        log: a file that the engine's output is added to; None: one among the user's logs.
        verbose: let the engine write to standard error, not to a file.

    Raises:
        ConfigError: something is missing or the port is taken; nothing has been started.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        engine: str = "vllm",
        host: str = "127.0.0.1",
        port: int = 0,
        python: str | None = None,
        command: str | None = None,
        arguments: Sequence[str] = (),
        start_seconds: float = START_SECONDS,
        log: Path | None = None,
        verbose: bool = False,
    ) -> None:
        self._address = Address.free(host, port)
        self._engine = _engine(engine, model, self._address, python, command, arguments)
        self._start_seconds = start_seconds
        self.log = None if verbose else _log_file(log, self._address.port)
        """Where the engine writes; None: to standard error."""
        self.model = ""
        """The model's name as the server lists it, once it has answered."""
        self._answered = threading.Event()
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._failure: Exception | None = None

    @property
    def base_url(self) -> str:
        """The API's address, from this machine."""
        return self._address.base_url

    def wait(self) -> None:
        """Wait until the server is stopped or given up.

        Raises:
            InfrastructureError: it was given up; says why, with the last lines that it wrote.
        """
        self._ended.wait()
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> Self:
        threading.Thread(target=self._keep, daemon=True).start()
        try:
            self._answered.wait()
            if self._failure is not None:
                raise self._failure
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._ended.wait()

    def _keep(self) -> None:
        try:
            self._keep_serving()
        except Exception as error:
            self._failure = error
        finally:
            self._ended.set()
            self._answered.set()

    def _keep_serving(self) -> None:
        failures = 0
        while True:
            with EngineProcess(self._engine, self.log) as process:
                failures = 0 if self._serve(process) else failures + 1
                if self._stopping.is_set():
                    return
                died = f"{self._engine.name} died (exit code {process.exit_code})"
                if failures == _MAX_FAILED_STARTS:
                    what = f"{died} {_MAX_FAILED_STARTS} times before it answered"
                    raise self._given_up(what, process)
            _LOG.warning("%s; it is started again", died)
            if self._stopping.wait(backoff(failures + 1)):
                return

    def _serve(self, process: EngineProcess) -> bool:
        """Watch the engine until it ends; return whether it ever answered."""
        models = self._first_answer(process)
        if not models:
            return False
        if self._answered.is_set():
            _LOG.warning("%s is back", self._engine.name)
        self.model = models[0]
        self._answered.set()
        while self._keeps_running(process):
            pass
        return True

    def _first_answer(self, process: EngineProcess) -> list[str]:
        """Wait for the list of models; empty where the engine ended before it answered."""
        deadline = time.monotonic() + self._start_seconds
        while self._keeps_running(process):
            try:
                return self._address.models()
            except NotServingError as state:
                if time.monotonic() > deadline:
                    late = f"did not answer within {self._start_seconds:g} s ({state})"
                    raise self._given_up(f"{self._engine.name} {late}", process) from None
        return []

    def _keeps_running(self, process: EngineProcess) -> bool:
        """Wait a short while; return whether the engine still runs and is wanted."""
        stopped = self._stopping.wait(_POLL_SECONDS)
        return not stopped and process.exit_code is None

    def _given_up(self, what: str, process: EngineProcess) -> InfrastructureError:
        end = f"; the end of its log {self.log}:\n{process.tail()}" if self.log else ""
        hint = f"\n{self._engine.hint}" if self._engine.hint else ""
        return InfrastructureError(f"{what}{end}{hint}")


def _engine(
    name: str,
    model: str | None,
    address: Address,
    python: str | None,
    command: str | None,
    arguments: Sequence[str],
) -> EngineCommand:
    if command is not None:
        return own_command(command, model, address, arguments)
    if name not in _ENGINES:
        raise ConfigError(f"there is no engine {name!r}; choose one of {', '.join(_ENGINES)}")
    if model is None:
        raise ConfigError("name the model to serve with --model")
    return _ENGINES[name](model, address, python, arguments)


def _log_file(path: Path | None, port: int) -> Path:
    """Make sure that the log can be written; without a path, choose one."""
    if path is None:
        now = time.strftime("%Y%m%d-%H%M%S")
        path = platformdirs.user_log_path("embodied") / f"serve-{now}-{port}.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        raise ConfigError(f"cannot write the log {path}: {error.strerror}") from None
    return path
