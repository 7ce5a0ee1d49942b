"""The variables of a session as bytes, by cloudpickle, and back."""

from __future__ import annotations

import contextlib
import importlib
import io
import pickle
import random
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

from .frames import STATE_BYTES

SECONDS = 2.0
"""What dumping may take; it goes on beside the next message of the policy."""
_KEPT_OUT = {"__builtins__", "__name__", "__doc__", "__package__", "__loader__", "__spec__"}


class TooMuchError(Exception):
    """The variables need more bytes or time than they may."""


class SavedVariables:
    """Dumps and loads the names of a session.

    Functions of the session share its names before and after.

    Args:
        namespace: the session's names.
        robot: the robot's actions and types, which are not dumped but found again by name.
    """

    def __init__(self, namespace: dict[str, Any], robot: Mapping[str, Any]) -> None:
        self._namespace = namespace
        self._robot = robot
        self._names = {id(part): name for name, part in robot.items()}

    def dump(self, sources: Mapping[str, str]) -> tuple[bytes, list[str]]:
        """Dump the variables that can be kept; also list the names of those that cannot."""
        variables = {k: v for k, v in self._namespace.items() if k not in _KEPT_OUT}
        try:
            with _alarm(SECONDS):
                return self._largest(variables, sources, time.monotonic() + SECONDS)
        except Exception:
            return b"", sorted(variables.keys() - self._robot.keys())

    def load(self, state: bytes) -> dict[str, str]:
        """Replace the session's names by dumped ones; the sources that were dumped with them.

        Raises:
            Exception: these bytes are no such state.
        """
        kept = {name: self._namespace[name] for name in _KEPT_OUT & self._namespace.keys()}
        loader: Any = pickle.Unpickler(io.BytesIO(state))  # noqa: S301 - confined, as code is
        loader.persistent_load = self._referenced
        content = loader.load()
        variables, sources = dict(content["variables"]), dict(content["sources"])
        self._namespace.clear()
        self._namespace.update(variables, **kept)
        random.setstate(content["random"])
        if "numpy.random" in sys.modules and content["numpy"] is not None:
            sys.modules["numpy.random"].set_state(content["numpy"])
        return sources

    def _largest(
        self, variables: dict[str, Any], sources: Mapping[str, str], deadline: float
    ) -> tuple[bytes, list[str]]:
        """All variables if that is possible, else those that can be dumped alone and have room."""
        try:
            return self._pickled(variables, sources, STATE_BYTES), []
        except Exception:
            if time.monotonic() > deadline:
                raise
        kept: dict[str, Any] = {}
        room = STATE_BYTES // 2
        for name, value in variables.items():
            try:
                room -= len(self._pickled({name: value}, {}, room))
            except Exception:
                if time.monotonic() > deadline:
                    raise
                continue
            kept[name] = value
        return self._pickled(kept, sources, STATE_BYTES), sorted(variables.keys() - kept.keys())

    def _pickled(self, variables: dict[str, Any], sources: Mapping[str, str], most: int) -> bytes:
        numpy_random: Any = sys.modules.get("numpy.random")
        file = _Bounded(most)
        cloudpickle: Any = importlib.import_module("cloudpickle")
        dumper = cloudpickle.Pickler(file, protocol=5)
        dumper.persistent_id = self._reference
        dumper.globals_ref[id(self._namespace)] = self._namespace
        dumper.dump(
            {
                "variables": variables,
                "sources": dict(sources),
                "random": random.getstate(),
                "numpy": numpy_random.get_state() if numpy_random else None,
            }
        )
        return file.getvalue()

    def _reference(self, value: object) -> tuple[str, str] | None:
        """How a dump names what is not part of it."""
        if value is self._namespace:
            return ("names", "")
        name = self._names.get(id(value))
        return None if name is None else ("robot", name)

    def _referenced(self, reference: object) -> Any:
        """Find what a dump has named."""
        match reference:
            case ("names", _):
                return self._namespace
            case ("robot", str(name)) if name in self._robot:
                return self._robot[name]
        raise pickle.UnpicklingError(f"there is no {reference!r} here")


class _Bounded(io.BytesIO):
    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def write(self, data: Any) -> int:
        if self.tell() + len(data) > self._most:
            raise TooMuchError
        return super().write(data)


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise in what takes longer, again and again if it catches that."""
    rings = True

    def ring(_number: int, _frame: FrameType | None) -> None:
        if rings:
            raise TooMuchError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.1)
    try:
        yield
    finally:
        rings = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
