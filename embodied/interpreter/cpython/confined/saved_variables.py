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
from collections.abc import Callable, Iterator, Mapping
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
        actions: the robot's actions, which are not dumped but found again by name.
    """

    def __init__(
        self, namespace: dict[str, Any], actions: Mapping[str, Callable[..., Any]]
    ) -> None:
        self._namespace = namespace
        self._actions = actions
        self._names = {id(function): name for name, function in actions.items()}

    def dump(self, sources: Mapping[str, str]) -> tuple[bytes, list[str]]:
        """Dump the variables that can be kept; also list the names of those that cannot."""
        variables = {k: v for k, v in self._namespace.items() if k not in _KEPT_OUT}
        try:
            with _alarm(SECONDS):
                return self._largest(variables, sources, time.monotonic() + SECONDS)
        except Exception:
            return b"", sorted(variables.keys() - self._actions.keys())

    def load(self, state: bytes) -> dict[str, str]:
        """Replace the session's names by dumped ones; the sources that were dumped with them.

        Raises:
            Exception: these bytes are no such state.
        """
        kept = {name: self._namespace[name] for name in _KEPT_OUT & self._namespace.keys()}
        content = _Loader(io.BytesIO(state), self).load()
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
        _make_dumper(file, self).dump(
            {
                "variables": variables,
                "sources": dict(sources),
                "random": random.getstate(),
                "numpy": numpy_random.get_state() if numpy_random else None,
            }
        )
        return file.getvalue()

    def reference(self, value: object) -> tuple[str, str] | None:
        """How a dump names what is not part of it."""
        if value is self._namespace:
            return ("names", "")
        name = self._names.get(id(value))
        return None if name is None else ("action", name)

    def referenced(self, reference: object) -> Any:
        """Find what a dump has named."""
        match reference:
            case ("names", _):
                return self._namespace
            case ("action", str(name)) if name in self._actions:
                return self._actions[name]
        raise pickle.UnpicklingError(f"there is no {reference!r} here")

    @property
    def namespace(self) -> dict[str, Any]:
        """The session's names."""
        return self._namespace


def _make_dumper(file: io.BytesIO, variables: SavedVariables) -> Any:
    cloudpickle: Any = importlib.import_module("cloudpickle")

    class Dumper(cloudpickle.Pickler):  # type: ignore[misc]
        def persistent_id(self, value: object) -> tuple[str, str] | None:
            return variables.reference(value)

    dumper = Dumper(file, protocol=5)
    dumper.globals_ref[id(variables.namespace)] = variables.namespace
    return dumper


class _Loader(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, variables: SavedVariables) -> None:
        super().__init__(file)
        self._variables = variables

    def persistent_load(self, reference: object) -> Any:
        return self._variables.referenced(reference)


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
