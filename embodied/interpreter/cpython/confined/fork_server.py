"""The zygote: has imported everything, and forks a confined process for each session.

It obeys its host over a socket, one request at a time, and ends with it: when the socket closes or
when it has another parent, it kills all sessions and removes their folders.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from . import action_runner, confinement, folder, frames
from .installation import Installation
from .preload import preload

_POLL_SECONDS = 1.0
_REQUEST_BYTES = 65_536


def main() -> None:
    """Serve until the host is gone. Its settings are the last argument, in JSON."""
    settings = json.loads(sys.argv[-1])
    sys.path.extend(settings["sites"])
    preload()
    gc.collect()
    gc.freeze()
    ForkServer(settings).serve()


class ForkServer:
    """Forks, and ends what it has forked.

    Args:
        settings: `control`, the descriptor of the socket; `host`, the host's process; `base`, the
            folder of all sessions' folders; `sites`, folders of installed packages; `hidden`, what
            in them sessions may not read; `required`, whether confinement is.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._control = socket.socket(fileno=settings["control"])
        self._children: set[int] = set()
        self._installation = Installation.of(settings["sites"], settings["hidden"])
        self._base = Path(settings["base"])
        self._user = _become_nobody([*self._installation.folders, settings["base"]])

    def serve(self) -> None:
        """Answer requests until the host wants no more, or is gone."""
        readable = [*self._installation.parts, *self._installation.others]
        folders, required = self._installation.folders, self._settings["required"]
        try:
            confinement.confine_zygote(readable, folders, self._base, required=required)
        except OSError as error:
            self._reply({"problem": str(error)})
            return
        self._reply({"ready": True})
        asked_to_stop = False
        while not asked_to_stop and os.getppid() == self._settings["host"]:
            if not select.select([self._control], [], [], _POLL_SECONDS)[0]:
                continue
            try:
                message, descriptors, _, _ = socket.recv_fds(self._control, _REQUEST_BYTES, 1)
            except OSError:
                break
            if not message:
                break
            request = json.loads(message)
            asked_to_stop = "stop" in request
            self._obey(request, descriptors)
        for child in list(self._children):
            self._end(child)
        if not asked_to_stop:
            for entry in (*self._base.glob("*"), self._base):
                folder.remove(entry)

    def _obey(self, request: dict[str, Any], descriptors: list[int]) -> None:
        if "end" in request:
            self._reply({"status": self._end(request["end"])})
        elif "signal" in request:
            self._signal(request["signal"], request["to"])
            self._reply({})
        elif "folder" in request:
            try:
                self._reply({"child": self._fork(request, descriptors[0])})
            except OSError as error:
                self._reply({"problem": str(error)})
            finally:
                os.close(descriptors[0])

    def _reply(self, answer: dict[str, Any]) -> None:
        with suppress(OSError):
            self._control.sendall(json.dumps(answer).encode())

    def _fork(self, request: dict[str, Any], descriptor: int) -> int:
        world = confinement.World(
            folder=request["folder"],
            readable=[*self._installation.folders, *self._installation.others],
            memory_bytes=request["memory_bytes"],
            user=self._user,
            required=self._settings["required"],
        )
        zygote = os.getpid()
        child = os.fork()
        if child == 0:
            _live(world, descriptor, zygote)
        self._children.add(child)
        return child

    def _end(self, child: int) -> int | None:
        if child not in self._children:
            return None
        self._signal(signal.SIGKILL, child)
        self._children.remove(child)
        return os.waitpid(child, 0)[1]

    def _signal(self, number: int, child: int) -> None:
        """Send a signal to a session's process and all that it started."""
        if child not in self._children:
            return
        for send in (os.killpg, os.kill):
            with suppress(OSError):
                send(child, number)


def _live(world: confinement.World, descriptor: int, zygote: int) -> None:
    """Live as a session's process; never return."""
    try:
        try:
            confinement.confine(world, descriptor)
        except OSError as error:
            frames.write_frame(descriptor, frames.READY, str(error).encode())
            return
        if os.getppid() == zygote:
            action_runner.ActionRunner(descriptor).serve()
    except (EOFError, OSError):
        return
    finally:
        os._exit(0)


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
