"""The host: a process of the checker's that holds sessions, as a worker of a run does.

`python -m embodied.sandbox.host` reads orders from standard input and answers on standard output,
one JSON object a line. A crash of it is a finding, not the end of the check.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, TextIO

from pydantic import BaseModel

from embodied.sandbox.canaries import ENVIRONMENT
from embodied.sandbox.trial import Order, Sessions, Trial

_PR_SET_CHILD_SUBREAPER = 36
_WARM_UP = ["import math\nprint(math.pi)\non('left')\nhold([1])", "1 / 0", "x ="]


class Target(BaseModel):
    """An interpreter to check."""

    name: str
    sessions: str = "embodied.interpreter:Interpreters"
    """`module:callable` that makes the `Sessions`."""
    options: dict[str, Any] = {}
    """Keyword arguments of that callable."""

    def make(self) -> Sessions:
        """The sessions of this interpreter."""
        module, _, name = self.sessions.partition(":")
        sessions: Sessions = getattr(importlib.import_module(module), name)(**self.options)
        return sessions


def command(target: Target, secret: str, memory: str, file: str) -> list[str]:
    """The command that starts a host.

    Args:
        target: the interpreter.
        secret: does nothing but stand in the command line.
        memory: the secret that the host's robot keeps.
        file: a file that the host leaves open for its children to inherit.
    """
    module = [sys.executable, "-m", "embodied.sandbox.host", target.model_dump_json()]
    return [*module, "--secret", secret, "--memory", memory[::-1], "--file", file]


def main() -> None:
    """Serve orders until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("target", type=Target.model_validate_json)
    for option in ("--secret", "--memory", "--file"):
        parser.add_argument(option)
    options = parser.parse_args()
    orders, answers = _take_standard_streams()
    os.set_inheritable(os.open(options.file, os.O_RDONLY), True)
    os.set_inheritable(os.open(os.path.dirname(options.file), os.O_RDONLY), True)  # noqa: PTH120
    _adopt_orphans()
    sessions: Sessions = options.target.make()
    name, secret = options.target.name, options.memory[::-1]
    say = _speaker(answers)
    Trial(name, sessions, secret).run(Order(actions=_WARM_UP), lambda: None)
    say({"started": True})
    for line in orders:
        trial = Trial(name, sessions, secret)
        _forget_peak()

        def ready() -> None:
            say({"ready": True})
            orders.readline()

        observed = trial.run(Order.model_validate_json(line), ready)
        say({"observed": observed.model_dump(mode="json"), "peak": _peak()})
    sessions.close()


def _speaker(answers: TextIO) -> Callable[[dict[str, Any]], None]:
    def say(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    return say


def _take_standard_streams() -> tuple[TextIO, TextIO]:
    """Streams to the checker that code which finds the standard ones cannot disturb."""
    orders, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    return orders, answers


def _adopt_orphans() -> None:
    """Make processes that detach themselves children of this one, so that they are seen."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _forget_peak() -> None:
    """Let the kernel count the peak of this process's memory anew (proc(5), clear_refs)."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        return


def _peak() -> int:
    """Peak of this process's memory in bytes, 0 where it is not known."""
    try:
        with open("/proc/self/status") as file:
            line = next(line for line in file if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return 0
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
