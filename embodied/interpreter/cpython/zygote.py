"""The host's side of the zygote: a process that forks the confined processes of sessions."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import BaseModel, ValidationError

from embodied.errors import ConfigError, InfrastructureError
from embodied.interpreter.confined import confinement
from embodied.interpreter.confined.folder import remove
from embodied.interpreter.cpython.framed_socket import FramedSocket

_PROGRAM = Path(confinement.__file__).parent
_START_SECONDS = 180.0
_ANSWER_SECONDS = 30.0
_ANSWER_BYTES = 65_536
_OWN_PACKAGES = ("embodied", "embodied_envs", "embodied_controllers")
"""What sessions may not read: who could read the experts would need no plan."""


@dataclass(frozen=True)
class SessionProcess:
    """The process of a session."""

    number: int
    """Its process id."""
    socket: FramedSocket
    generation: int
    """Which zygote it comes from."""


@dataclass(frozen=True)
class Ending:
    """How the process of a session ended."""

    out_of_memory: bool
    """It had more memory than it may, and was killed for that before anybody asked."""


class _Reply(BaseModel, extra="forbid", strict=True):
    ready: bool = False
    child: int | None = None
    ended: bool = False
    out_of_memory: bool = False
    problem: str | None = None


class Zygote:
    """Starts the zygote when it is first needed, and again if it has died. Threads may share it.

    Args:
        allow_unconfined: go on where the system cannot confine processes.

    Raises:
        ConfigError: this system cannot confine them, or a package is missing.
    """

    def __init__(self, *, allow_unconfined: bool = False) -> None:
        _check(allow_unconfined)
        self._allow_unconfined = allow_unconfined
        self._lock = threading.Lock()
        self._closed = False
        self._generation = 0
        self._folders = 0
        self._base: Path | None = None
        self._running: _Running | None = None

    def new_folder(self) -> int:
        """Return the number of a new folder; it is made, and empty, when a process needs it."""
        with self._lock:
            self._folders += 1
            return self._folders

    def remove_folder(self, folder: int) -> None:
        """Remove a session's folder, in which no process lives any more."""
        with self._lock:
            self._answer({"remove": folder})

    def fork(self, folder: int, memory_bytes: int) -> SessionProcess:
        """Start the process of a session. Its first frame says whether it could be confined.

        Args:
            folder: the number of its working folder.
            memory_bytes: what it may use beyond its libraries.

        Raises:
            InfrastructureError: the zygote fails, again and again.
        """
        with self._lock:
            with contextlib.suppress(OSError, EOFError, ValidationError):
                return self._fork(folder, memory_bytes)
            try:
                return self._fork(folder, memory_bytes)
            except (OSError, EOFError, ValidationError) as error:
                message = f"the full interpreter's processes cannot be started: {error!r}"
                raise InfrastructureError(message) from error

    def pause(self, process: SessionProcess) -> None:
        """Let a session's process stand still until `resume`, whatever it would do."""
        self._ask(process, {"signal": signal.SIGSTOP, "to": process.number})

    def resume(self, process: SessionProcess) -> None:
        """Let it go on."""
        self._ask(process, {"signal": signal.SIGCONT, "to": process.number})

    def end(self, process: SessionProcess) -> Ending | None:
        """Kill a session's process, with all that it started.

        Returns:
            Why it may have ended before; None where the zygote has died, and with it all its
            sessions.
        """
        process.socket.close()
        reply = self._ask(process, {"end": process.number})
        return Ending(reply.out_of_memory) if reply is not None and reply.ended else None

    def close(self) -> None:
        """End the zygote and all sessions' processes; calling it again does nothing."""
        with self._lock:
            self._closed = True
            self._drop()
            if self._base is not None:
                remove(self._base)
                self._base = None

    def _ask(self, process: SessionProcess, request: dict[str, Any]) -> _Reply | None:
        with self._lock:
            if process.generation != self._generation:
                return None
            return self._answer(request)

    def _answer(self, request: dict[str, Any]) -> _Reply | None:
        """Ask the running zygote; None: there is none, or none any more."""
        try:
            return None if self._running is None else self._running.ask(request)
        except (OSError, EOFError, ValidationError):
            self._drop()
            return None

    def _ready_base(self) -> Path:
        if self._closed:
            raise RuntimeError("the interpreter is closed")
        if self._base is None:
            self._base = Path(tempfile.mkdtemp(prefix="embodied-"))
            self._base.chmod(0o711)
        return self._base

    def _fork(self, folder: int, memory_bytes: int) -> SessionProcess:
        base = self._ready_base()
        if self._running is None:
            self._generation += 1
            self._running = _Running(base, required=not self._allow_unconfined)
        ours, theirs = socket.socketpair()
        with theirs, contextlib.ExitStack() as undo:
            undo.callback(ours.close)
            undo.callback(self._drop)
            request = {"folder": folder, "memory_bytes": memory_bytes}
            reply = self._running.ask(request, theirs)
            if reply.child is None:
                raise OSError(reply.problem or "no process")
            undo.pop_all()
        return SessionProcess(reply.child, FramedSocket(ours), self._generation)

    def _drop(self) -> None:
        if self._running is not None:
            self._running.close()
            self._running = None


def _check(allow_unconfined: bool) -> None:
    if importlib.util.find_spec("cloudpickle") is None:
        raise ConfigError(
            "the full interpreter needs packages that are not installed; install them with: "
            "pip install 'embodied-codeact[full]'"
        )
    problem = confinement.problem()
    if not hasattr(os, "fork"):
        raise ConfigError(f"the full interpreter cannot run here: {problem}")
    if problem is not None and not allow_unconfined:
        raise unconfinable(problem)


def unconfinable(problem: str) -> ConfigError:
    """Make the error for where code cannot be confined; `problem` says why."""
    return ConfigError(
        f"the full interpreter cannot confine code here: {problem}. Use the interpreter "
        "`restricted`, or accept that code runs with your rights: --allow-unconfined, in a "
        "configuration runner.allow_unconfined"
    )


class _Running:
    """A running zygote."""

    def __init__(self, base: Path, *, required: bool) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            settings = {
                "control": theirs.fileno(),
                "host": os.getpid(),
                "base": str(base),
                "sites": _sites(),
                "hidden": _OWN_PACKAGES,
                "required": required,
            }
            self._process = subprocess.Popen(  # noqa: S603 - this Python, our program
                [sys.executable, "-s", "-S", "-P", "-B", str(_PROGRAM), json.dumps(settings)],
                env=_environment(base),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        try:
            problem = self._receive(_START_SECONDS).problem
            if problem is not None:
                raise unconfinable(problem)
        except BaseException:
            self.close()
            raise

    def ask(self, request: dict[str, Any], handed: socket.socket | None = None) -> _Reply:
        """Make one request, which may hand over a socket for a new process.

        Raises:
            OSError, EOFError, ValidationError: the zygote does not answer as it should.
        """
        self._control.settimeout(_ANSWER_SECONDS)
        descriptors = [] if handed is None else [handed.fileno()]
        socket.send_fds(self._control, [json.dumps(request).encode()], descriptors)
        return self._receive(_ANSWER_SECONDS)

    def close(self) -> None:
        """Let the zygote end its sessions and itself; kill it if it does not."""
        with self._control, contextlib.suppress(OSError):
            self._control.sendall(json.dumps({"stop": True}).encode())
        with self._process:
            try:
                self._process.wait(timeout=_ANSWER_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def _receive(self, seconds: float) -> _Reply:
        self._control.settimeout(seconds)
        answer = self._control.recv(_ANSWER_BYTES)
        if not answer:
            raise EOFError("the zygote has ended")
        return _Reply.model_validate_json(answer)


def _sites() -> list[str]:
    """Folders of installed packages, as this process sees them."""
    names = ("site-packages", "dist-packages")
    return [path for path in sys.path if Path(path).name in names and Path(path).is_dir()]


def _environment(base: Path) -> dict[str, str]:
    """One thread, no surprises. Sessions do not see it."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    threads = ("OPENBLAS", "OMP", "MKL", "NUMEXPR", "BLIS", "VECLIB_MAXIMUM")
    return kept | {
        **{f"{name}_NUM_THREADS": "1" for name in threads},
        "JOBLIB_MULTIPROCESSING": "0",
        "JE_ARROW_MALLOC_CONF": "background_thread:false",  # of pyarrow; what forks has no threads
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": str(_cache(base)),
    }


def _cache(base: Path) -> Path:
    """Where matplotlib keeps its list of fonts; or else `base`."""
    cache = platformdirs.user_cache_path("embodied") / "matplotlib"
    with contextlib.suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True)
    return cache if os.access(cache, os.W_OK) else base
