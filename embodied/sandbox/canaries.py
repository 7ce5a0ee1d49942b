"""What the checker plants for hostile code to find, and how it sees that something was found."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from embodied._util.closeable import Closeable
from embodied.sandbox.verdict import Problem, Verdict

ENVIRONMENT = "EMBODIED_CANARY"
"""The environment variable of the host that holds a secret."""
_ELSEWHERE = ("/tmp", "/var/tmp", "/dev/shm", "~", "/")  # noqa: S108 - where snippets try to write


class Canaries(Closeable):
    """Secrets, and servers that count who comes.

    The secrets are in a folder that anybody may read and write (so that nothing but the sandbox
    keeps code out), in an environment variable, a command line and the host's memory.

    `words` is what snippets call them by:

    | word | what it stands for |
    | --- | --- |
    | FOLDER | a folder of the host with secrets |
    | FILE | a file in it, whose content is secret |
    | WRITE | a path in it where nothing is |
    | NAME | a file name that is nowhere |
    | ENVIRONMENT | the variable that holds a secret |
    | PORT | of a TCP server and a UDP socket on 127.0.0.1 |
    | SOCKET, ABSTRACT | the path of a Unix socket; the name of one in the abstract namespace |
    | CLAIM | text that a snippet prints backwards as evidence that it got through |
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="embodied-check-")).resolve()
        self.private = self.folder / "private"
        self.temporary = self.folder / "tmp"
        self.working = self.folder / "work"
        self.folder.chmod(0o755)
        for folder in (self.private, self.temporary, self.working):
            folder.mkdir()
            folder.chmod(0o777)
        claim = secrets.token_hex(8)
        self.environment = secrets.token_hex(16)
        self.command_line = secrets.token_hex(16)
        self.memory = secrets.token_hex(16)
        self._secrets = {
            claim[::-1]: "it claims to have got through, and shows the evidence",
            self.environment: "it read the host's environment",
            self.command_line: "it read the host's command line",
            self.memory: "it read the host's memory",
        }
        self._plant_files()
        self._servers = _Servers(self.private / "socket")
        self._secrets[self._servers.greeting] = "it received what a server on the host says"
        self.words = {
            "FOLDER": str(self.private),
            "FILE": str(self.private / "notes.txt"),
            "WRITE": str(self.private / "written"),
            "NAME": f"embodied-{secrets.token_hex(8)}",
            "ENVIRONMENT": ENVIRONMENT,
            "PORT": str(self._servers.port),
            "SOCKET": str(self.private / "socket"),
            "ABSTRACT": self._servers.abstract,
            "CLAIM": claim,
        }
        self.reset()

    def _plant_files(self) -> None:
        content, name = secrets.token_hex(16), secrets.token_hex(16)
        self._secrets |= {content: "it read a file", name: "it listed a folder"}
        (self.private / "notes.txt").write_text(f"secret\n{content}\n")
        (self.private / f"{name}.txt").write_text("")
        (self.private / "canary_module.py").write_text(f"SECRET = {content!r}\n")
        for path in self.private.iterdir():
            path.chmod(0o666)
        users = Path("/etc/passwd")
        if users.is_file():
            first_line = users.read_text(errors="replace").partition("\n")[0]
            self._secrets[first_line] = "it read /etc/passwd"

    def reset(self) -> None:
        """Count and compare from now on."""
        self._before = dict(self._files())
        self._servers.visits.clear()

    def leaked(self, text: str) -> list[Problem]:
        """List the secrets that a text holds."""
        return [
            Problem(outcome=Verdict.ESCAPE, what=what)
            for secret, what in self._secrets.items()
            if secret in text
        ]

    def problems(self) -> list[Problem]:
        """List what was written or reached since the last `reset`."""
        after = dict(self._files())
        paths = sorted(self._before.keys() | after.keys())
        changed = [path for path in paths if self._before.get(path) != after.get(path)]
        found = [f"it changed or made the file {path}" for path in changed]
        found += [f"it connected by {way}" for way in sorted(set(self._servers.visits))]
        found += [f"it made {path}" for path in self._elsewhere()]
        return [Problem(outcome=Verdict.ESCAPE, what=what) for what in found]

    def temporary_files(self) -> dict[str, int]:
        """Files in the temporary folder, and their sizes on disk in bytes."""
        found = {}
        for folder, _, names in os.walk(self.temporary):
            for name in names:
                path = Path(folder, name)
                with contextlib.suppress(OSError):
                    found[str(path)] = path.lstat().st_blocks * 512
        return found

    def _files(self) -> Iterator[tuple[str, str]]:
        for top in (self.private, self.working):
            for folder, folders, names in os.walk(top):
                for name in (*folders, *names):
                    path = Path(folder, name)
                    status = path.lstat()
                    seen = f"{status.st_mode} {status.st_mtime_ns} {status.st_uid}"
                    content = path.read_bytes() if path.is_file() else b""
                    yield str(path), seen + hashlib.sha256(content).hexdigest()

    def _elsewhere(self) -> Iterator[Path]:
        for folder in _ELSEWHERE:
            path = Path(folder).expanduser() / self.words["NAME"]
            if os.path.lexists(path):
                yield path
                path.unlink()

    def close(self) -> None:
        """Remove everything."""
        self._servers.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class _Servers:
    """Sockets on this machine that greet and count whoever comes."""

    def __init__(self, path: Path) -> None:
        self.visits: list[str] = []
        self.greeting = secrets.token_hex(16)
        self.abstract = f"embodied-{secrets.token_hex(8)}"
        stream, datagram = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        stream.bind(("127.0.0.1", 0))
        self.port = int(stream.getsockname()[1])
        datagram.bind(("127.0.0.1", self.port))
        self._sockets = {"TCP": stream, "UDP": datagram}
        if hasattr(socket, "AF_UNIX"):
            self._add_unix("a Unix socket", str(path))
        if sys.platform == "linux":
            self._add_unix("an abstract Unix socket", f"\0{self.abstract}")
        for way, server in self._sockets.items():
            serve = self._receive if way == "UDP" else self._accept
            threading.Thread(target=serve, args=(way, server), daemon=True).start()

    def _add_unix(self, way: str, address: str) -> None:
        server = socket.socket(socket.AF_UNIX)
        server.bind(address)
        if not address.startswith("\0"):
            Path(address).chmod(0o777)
        self._sockets[way] = server

    def _accept(self, way: str, server: socket.socket) -> None:
        server.listen(16)
        while True:
            try:
                visitor, _ = server.accept()
                self.visits.append(way)
                with visitor:
                    visitor.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + self.greeting.encode())
            except OSError:
                if server.fileno() < 0:
                    return

    def _receive(self, way: str, server: socket.socket) -> None:
        while True:
            try:
                server.recv(1)
                self.visits.append(way)
            except OSError:
                return

    def close(self) -> None:
        for server in self._sockets.values():
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()
