"""The zygote: has imported everything, and forks a confined process for each session.

It obeys its host over a socket, one request at a time, and ends with it: when the socket closes or
when it has another parent, it kills all sessions and removes their folders. It looks after what
sessions take: their folders are bounded, and one that has more memory than it may is killed.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import action_runner, confinement, folder, frames, mounts, supervision
from .installation import Installation
from .memory import MemoryWatch
from .preload import preload

_POLL_SECONDS = 1.0
_LOOK_SECONDS = 0.05
"""How often the memory of running sessions is looked at."""
_LIBRARY_BYTES = 48 * 1024 * 1024
"""What a session may change of the memory that it shares with the zygote, and use for itself."""
_REQUEST_BYTES = 65_536


def main() -> None:
    """Serve until the host is gone. Its settings are the last argument, in JSON."""
    settings = json.loads(sys.argv[-1])
    sys.path.extend(settings["sites"])
    mounted = mounts.separate()
    preload()
    gc.collect()
    gc.freeze()
    ForkServer(settings, mounted=mounted).serve()


@dataclass
class _Child:
    """The process of a session."""

    memory: MemoryWatch | None
    supervisor: supervision.Supervisor | None
    runs: bool = True
    out_of_memory: bool = False

    def answer(self, events: int) -> None:
        """Answer what its supervisor is asked; where nobody can ask any more, it has ended."""
        if self.supervisor is not None and events & select.POLLIN:
            self.supervisor.answer()
        else:
            self.runs = False


class ForkServer:
    """Forks, and ends what it has forked.

    Args:
        settings: `control`, the descriptor of the socket; `host`, the host's process; `base`, the
            folder of all sessions' folders; `sites`, folders of installed packages; `hidden`, what
            in them sessions may not read; `required`, whether confinement is.
        mounted: sessions can have file systems of their own.
    """

    def __init__(self, settings: dict[str, Any], *, mounted: bool) -> None:
        self._settings = settings
        self._control = socket.socket(fileno=settings["control"])
        self._children: dict[int, _Child] = {}
        self._installation = Installation.of(settings["sites"], settings["hidden"])
        self._base = Path(settings["base"])
        self._user = _become_nobody([*self._installation.folders, settings["base"]])
        self._folders = folder.Folders(self._base, self._user, mounted=mounted)
        self._rules: int | None = None
        self._next_look = 0.0

    def serve(self) -> None:
        """Answer requests until the host wants no more, or is gone."""
        readable = [*self._installation.parts, *self._installation.others]
        folders, required = self._installation.folders, self._settings["required"]
        try:
            self._rules = confinement.shared_rules(readable, folders, self._base, required=required)
        except OSError as error:
            self._reply({"problem": str(error)})
            return
        self._reply({"ready": True})
        while os.getppid() == self._settings["host"] and self._obeys_next():
            self._look()
        for child in list(self._children):
            self._end(child)
        self._folders.close()
        folder.remove(self._base)

    def _obeys_next(self) -> bool:
        """Wait for what comes next, and deal with it; whether more may come."""
        running = [child for child in self._children.values() if child.runs]
        supervised = {child.supervisor.listener: child for child in running if child.supervisor}
        seconds = _LOOK_SECONDS if running else _POLL_SECONDS
        poll = select.poll()
        for descriptor in (self._control.fileno(), *supervised):
            poll.register(descriptor, select.POLLIN)
        ready = dict(poll.poll(seconds * 1000))
        for descriptor in ready.keys() & supervised.keys():
            supervised[descriptor].answer(ready[descriptor])
        return self._control.fileno() not in ready or self._obeys()

    def _obeys(self) -> bool:
        """Do what the host asks for; False: it asks for nothing any more."""
        try:
            message, descriptors, _, _ = socket.recv_fds(self._control, _REQUEST_BYTES, 1)
        except OSError:
            return False
        request = json.loads(message or '{"stop": true}')
        if "end" in request:
            self._reply(self._end(request["end"]))
        elif "signal" in request:
            self._signal(request["signal"], request["to"])
            self._reply({})
        elif "remove" in request:
            self._folders.remove(request["remove"])
            self._reply({})
        elif "folder" in request:
            try:
                self._reply({"child": self._fork(request, descriptors[0])})
            except OSError as error:
                self._reply({"problem": str(error)})
            finally:
                os.close(descriptors[0])
        return "stop" not in request

    def _look(self) -> None:
        """Kill each running session that has more memory than it may."""
        if time.monotonic() < self._next_look:
            return
        for number, child in self._children.items():
            if child.runs and child.memory is not None and child.memory.is_over():
                child.out_of_memory = True
                self._signal(signal.SIGKILL, number)
        self._next_look = time.monotonic() + _LOOK_SECONDS

    def _reply(self, answer: dict[str, Any]) -> None:
        with suppress(OSError):
            self._control.sendall(json.dumps(answer).encode())

    def _fork(self, request: dict[str, Any], descriptor: int) -> int:
        path = self._folders.path(request["folder"])
        room = self._folders.room(request["folder"]) if sys.platform == "linux" else None
        ours, theirs = socket.socketpair()
        with ours, theirs:
            world = confinement.World(
                folder=str(path),
                readable=[*self._installation.folders, *self._installation.others],
                memory_bytes=request["memory_bytes"],
                user=self._user,
                rules=self._rules,
                supervisor=theirs if room is not None else None,
                required=self._settings["required"],
            )
            zygote = os.getpid()
            child = os.fork()
            if child == 0:
                _live(world, descriptor, zygote)
            theirs.close()
            memory = _watch(child, request["memory_bytes"] + _LIBRARY_BYTES)
            supervisor = None if room is None else supervision.taken_over(ours, room)
        self._children[child] = _Child(memory, supervisor)
        return child

    def _end(self, number: int) -> dict[str, Any]:
        child = self._children.get(number)
        if child is None:
            return {}
        self._signal(signal.SIGKILL, number)
        del self._children[number]
        if child.supervisor is not None:
            child.supervisor.close()
        os.waitpid(number, 0)
        return {"ended": True, "out_of_memory": child.out_of_memory}

    def _signal(self, number: int, child: int) -> None:
        """Send a signal to a session's process and all that it started."""
        if child not in self._children:
            return
        self._children[child].runs = number == signal.SIGCONT
        for send in (os.killpg, os.kill):
            with suppress(OSError):
                send(child, number)


def _live(world: confinement.World, descriptor: int, zygote: int) -> None:
    """Live as a session's process; never return."""
    try:
        host = socket.socket(fileno=descriptor)
        try:
            confinement.confine(world, descriptor)
        except OSError as error:
            frames.write_frame(host, frames.READY, str(error).encode())
            return
        if os.getppid() == zygote:
            action_runner.ActionRunner(host).serve()
    except (EOFError, OSError):
        return
    finally:
        os._exit(0)


def _watch(child: int, most: int) -> MemoryWatch | None:
    """Watch the memory of a process, where the system tells."""
    try:
        return MemoryWatch(child, most)
    except OSError:
        return None


def _become_nobody(paths: Sequence[str]) -> int | None:
    """Who sessions become, if this is the superuser and nobody else can do with these paths."""
    if os.geteuid() != 0:
        return None
    paths = [path for path in paths if Path(path).exists()]
    child = os.fork()
    if child == 0:
        code = 1
        try:
            confinement.become(confinement.NOBODY)
            code = 0 if all(os.access(path, os.X_OK) for path in paths) else 1
        finally:
            os._exit(code)
    return confinement.NOBODY if os.waitpid(child, 0)[1] == 0 else None
