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
from contextlib import suppress
from pathlib import Path
from typing import Any

from . import confinement, folder, wire, worker
from .preload import preload

_POLL_SECONDS = 1.0
_REQUEST_BYTES = 65_536
_SYSTEM_LIBRARIES = ("/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/", "/usr/local/lib/")
_DATA = ("/etc/ld.so.cache", "/usr/share/zoneinfo")


def main() -> None:
    """Serve until the host is gone. Its settings are the last argument, in JSON."""
    settings = json.loads(sys.argv[-1])
    sys.path.extend(settings["sites"])
    preload()
    gc.collect()
    gc.freeze()
    Zygote(settings).serve()


class Zygote:
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
        self._readable = readable(settings["sites"], settings["hidden"])
        self._user = user(self._readable, settings["base"])

    def serve(self) -> None:
        """Answer requests until the host is gone."""
        self._reply({"ready": True})
        while self._host_lives():
            if not select.select([self._control], [], [], _POLL_SECONDS)[0]:
                continue
            message, descriptors, _, _ = socket.recv_fds(self._control, _REQUEST_BYTES, 1)
            if not message:
                break
            self._obey(json.loads(message), descriptors)
        self._end_all()

    def _host_lives(self) -> bool:
        return os.getppid() == self._settings["host"]

    def _obey(self, request: dict[str, Any], descriptors: list[int]) -> None:
        if "end" in request:
            self._reply({"status": self._end(request["end"])})
            return
        try:
            child = self._fork(request, descriptors[0])
        except OSError as error:
            self._reply({"problem": str(error)})
        else:
            self._reply({"child": child})
        finally:
            os.close(descriptors[0])

    def _reply(self, answer: dict[str, Any]) -> None:
        self._control.sendall(json.dumps(answer).encode())

    def _fork(self, request: dict[str, Any], descriptor: int) -> int:
        world = confinement.World(
            folder=request["folder"],
            readable=self._readable,
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
        """Kill a session's process with all that it started, and say how it ended."""
        if child not in self._children:
            return None
        self._children.remove(child)
        for kill in (os.killpg, os.kill):
            with suppress(OSError):
                kill(child, signal.SIGKILL)
        return os.waitpid(child, 0)[1]

    def _end_all(self) -> None:
        for child in list(self._children):
            self._end(child)
        for entry in Path(self._settings["base"]).glob("*"):
            folder.remove(str(entry))
        folder.remove(self._settings["base"])


def _live(world: confinement.World, descriptor: int, zygote: int) -> None:
    """The life of a session's process. It never returns."""
    try:
        try:
            confinement.confine(world, descriptor)
        except OSError as error:
            wire.write_frame(descriptor, wire.READY, str(error).encode())
            return
        if os.getppid() == zygote:
            worker.Worker(descriptor).serve()
    except (EOFError, OSError):
        return
    finally:
        os._exit(0)


def readable(sites: list[str], hidden: list[str]) -> list[str]:
    """What sessions may read: the standard library, installed packages, the system's libraries.

    Folders of installed packages are listed one by one, so that the hidden ones stay out.
    """
    standard = [path for path in sys.path if path not in sites and Path(path).is_dir()]
    packages = [
        str(entry) for site in sites for entry in Path(site).iterdir() if entry.name not in hidden
    ]
    return [*standard, *packages, *_library_folders(), *_DATA]


def _library_folders() -> list[str]:
    """Folders of the shared libraries that are loaded, where more may have to be loaded from."""
    homes = (*_SYSTEM_LIBRARIES, f"{sys.base_prefix}/lib/")
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return []
    mapped = {line.split(maxsplit=5)[-1] for line in lines if ".so" in line}
    return sorted({str(Path(path).parent) for path in mapped if path.startswith(homes)})


def user(paths: list[str], base: str) -> int | None:
    """Nobody, if this is the superuser and nobody can read what sessions must read."""
    if os.geteuid() != 0:
        return None
    child = os.fork()
    if child == 0:
        _exit_as_nobody([*paths, base])
    status = os.waitpid(child, 0)[1]
    return confinement.NOBODY if status == 0 else None


def _exit_as_nobody(paths: list[str]) -> None:
    code = 1
    try:
        os.setgroups([])
        os.setresgid(*[confinement.NOBODY] * 3)
        os.setresuid(*[confinement.NOBODY] * 3)
        wanted = [path for path in paths if path.startswith((sys.base_prefix, sys.prefix))]
        code = 0 if all(os.access(path, os.R_OK) for path in [*wanted, paths[-1]]) else 1
    finally:
        os._exit(code)
