"""One Monty worker process, and how much and how long it may say something."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from embodied.errors import InfrastructureError
from embodied.interpreter.monty import wire

_MOST_BYTES = 2 * 1024 * 1024
"""Of a message, what the host keeps; the rest is read and dropped."""
MOST_STATE_BYTES = 8 * 1024 * 1024
_CHUNK = 65_536
_LENGTH = 4
"""Bytes in front of a message, that say how long it is."""
_MOST_WORDS = 500
_GRACE_SECONDS = 1.0
_OUT_OF_MEMORY = 65
"""How a worker exits whose memory is used up."""


class WorkerDied(Exception):  # noqa: N818 - a finding, not an error
    """The process is gone, or had to be ended: its code used up time or memory."""

    def __init__(self, *, timed_out: bool = False, out_of_memory: bool = False) -> None:
        super().__init__()
        self.timed_out = timed_out
        self.out_of_memory = out_of_memory


class CodeFailed(Exception):  # noqa: N818 - a finding, not an error
    """Code of the host's own raised an exception, or a request was refused."""


class Worker:
    """A process that runs code of one session at a time.

    Each request is answered by one event. A worker that says nothing for longer than its code may
    run is ended.

    Raises:
        InfrastructureError: it does not start.
    """

    def __init__(self) -> None:
        self.sessions = 0
        """How many it has served."""
        self.closed = False
        """Whether it has ended."""
        stdin, self._in = os.pipe()
        self._out, stdout = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - Monty's own program
                [_program(), "subprocess"],
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.DEVNULL,
                env={},
            )
        except OSError as error:
            self._close()
            raise InfrastructureError(f"the interpreter did not start: {error}") from error
        finally:
            os.close(stdin)
            os.close(stdout)
        os.set_blocking(self._in, False)
        self._readable = select.poll()
        self._readable.register(self._out, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(self._in, select.POLLOUT)
        self._seconds = 60.0
        self._until = 0.0
        """When the answer that is waited for must be there, as `time.monotonic` counts."""
        self._rest = b""
        """What was read behind the last message."""
        self._print: Callable[[str], None] = _drop

    def begin(self, seconds: float, memory_bytes: int, seed: int) -> None:
        """Begin an empty session; code that is fed once may run so many seconds.

        Raises:
            InfrastructureError: the worker does not speak this protocol.
        """
        self.sessions += 1
        self._seconds = seconds + _GRACE_SECONDS
        try:
            event = self.ask(wire.configure(seconds, memory_bytes, seed))
        except WorkerDied:
            event = wire.Broken("its process ended")
        if not isinstance(event, wire.Done):
            raise InfrastructureError(f"the interpreter did not start: {event}")

    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def end(self) -> None:
        """Forget the session."""
        self._print = _drop
        with suppress(WorkerDied):
            if not isinstance(self.ask(wire.RESET), wire.Done):
                self.kill()

    def feed(
        self, code: str, printed: Callable[[str], None], functions: Sequence[str] = ()
    ) -> wire.Event:
        """Run code up to its end or to the first thing that it waits for.

        Args:
            code: the code.
            printed: takes printed text, until the code has ended.
            functions: names that stand for functions of the host.
        """
        self._print = printed
        return self.ask(wire.feed(code, functions))

    def run(self, code: str, functions: Sequence[str] = ()) -> wire.Completed:
        """Run code of the host's own, which waits for nothing but names that may not exist.

        Raises:
            MemoryError: its memory is used up.
            CodeFailed: it raised an exception, or waited for something else.
        """
        event = self.feed(code, _drop, functions)
        while isinstance(event, wire.LookedUp):
            event = self.ask(wire.UNDEFINED)
        if not isinstance(event, wire.Completed):
            raise _failure(event)
        return event

    def dump(self) -> bytes:
        """Return the state of the session.

        Raises:
            MemoryError: it is too large, or there is no memory for it.
            CodeFailed: it could not be dumped.
        """
        event = self.ask(wire.DUMP)
        if not isinstance(event, wire.Dumped):
            raise _failure(event)
        if len(event.state) > MOST_STATE_BYTES:
            raise MemoryError
        return event.state

    def load(self, state: bytes) -> None:
        """Go on from a state.

        Raises:
            MemoryError: it is too large.
            CodeFailed: there is no such state.
        """
        event = self.ask(wire.load(state))
        if not isinstance(event, wire.Done):
            raise _failure(event)

    def ask(self, request: bytes) -> wire.Event:
        """Send a request and return the event that answers it.

        Raises:
            WorkerDied: there is no answer.
        """
        self._until = time.monotonic() + self._seconds
        try:
            self._send(len(request).to_bytes(_LENGTH, "little") + request)
            while True:
                message, whole = self._receive()
                event = wire.read_event(message, whole)
                if not isinstance(event, wire.Printed):
                    return event
                self._print(event.text)
        except wire.MalformedMessage:
            self.kill()
            raise WorkerDied from None
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """End the process at once; calling it again does nothing."""
        if not self.closed:
            self.closed = True
            self._process.kill()
            self._process.wait()
            self._close()

    def _close(self) -> None:
        os.close(self._in)
        os.close(self._out)

    def _send(self, message: bytes) -> None:
        sent = 0
        while sent < len(message):
            try:
                sent += os.write(self._in, message[sent:] if sent else message)
            except BlockingIOError:
                self._wait(self._writable)
            except OSError:
                raise self._death() from None

    def _receive(self) -> tuple[bytes, bool]:
        """Return the next message, as much of it as the host keeps, and whether that is all."""
        read = self._rest or self._read()
        while len(read) <= _LENGTH:
            read += self._read()
        end = _LENGTH + int.from_bytes(read[:_LENGTH], "little")
        self._rest = read[end:]
        if end <= len(read):
            return read[_LENGTH:end], True
        most = MOST_STATE_BYTES + _CHUNK if wire.is_dump(read[_LENGTH:]) else _MOST_BYTES
        parts, left = [read[_LENGTH:]], end - len(read)
        while left > 0:
            part = self._read()
            self._rest = part[left:]
            left -= len(part)
            if most > 0:
                parts.append(part[: len(part) - len(self._rest)])
            most -= len(part)
        return b"".join(parts), most > 0

    def _read(self) -> bytes:
        self._wait(self._readable)
        part = os.read(self._out, _CHUNK)
        if not part:
            raise self._death()
        return part

    def _wait(self, ready: select.poll) -> None:
        left = self._until - time.monotonic()
        if left <= 0 or not ready.poll(1000 * left):
            raise WorkerDied(timed_out=True)

    def _death(self) -> WorkerDied:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_SECONDS)
        return WorkerDied(out_of_memory=self._process.returncode == _OUT_OF_MEMORY)


def _failure(event: wire.Event) -> CodeFailed | MemoryError:
    if isinstance(event, wire.Raised) and event.kind == "MemoryError":
        return MemoryError()
    return CodeFailed(str(event)[:_MOST_WORDS])


def _drop(text: str) -> None:
    """Take printed text that nobody reads."""


@cache
def _program() -> str:
    """Find Monty's program, where its package put it."""
    name = "pydantic-monty-runtime"
    with suppress(PackageNotFoundError):
        package = distribution(name)
        for file in package.files or ():
            if file.stem == "monty":
                return str(Path(str(package.locate_file(file))).resolve())
    raise InfrastructureError(f"the interpreter's program is missing; pip install {name}")
