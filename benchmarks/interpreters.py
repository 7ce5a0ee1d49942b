"""Measures the interpreters side by side in one run, with others that run model-written Python.

    pip install smolagents RestrictedPython asteval    # those that are missing are left out
    python benchmarks/interpreters.py [--repeat N]

Each figure is the least of some runs: on a busy machine the others measure its neighbours. All run
on one core, since on a virtual machine waking another, idle one takes longer than a call. `exec` is
plain CPython with no protection at all, for scale.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

from embodied import Controller, Environment, Observation, StepResult, Task, action
from embodied.interpreter import Interpreters, Session
from embodied.limits import Limits

CALLS = 1000
RECEPTACLES = 30
LIMITS = Limits(seconds=600, calls=100_000)

NOTHING = "x = 1"
MANY_CALLS = f"for i in range({CALLS}):\n    goto('desk 1')"
NO_CALLS = f"def nothing(name):\n    return name\nfor i in range({CALLS}):\n    nothing('desk 1')"
PLAN = f"""
def visit(place):
    text = goto(place)
    if "is closed" in text:
        text = open_receptacle(place)
    return text

seen = {{}}
for place in [f"cabinet {{number}}" for number in range(1, {RECEPTACLES + 1})]:
    text = visit(place)
    print(place, text)
    words = text.replace(",", "").replace(".", "").split()
    for number, word in enumerate(words):
        if word.isdigit():
            kind = words[number - 1]
            seen[kind] = seen.get(kind, []) + [(kind + " " + word, place)]
    if "apple" in seen:
        break
print(len(seen), [place for name, place in seen["mug"] if name.startswith("mug")][:3])
"""
ADDITIONS = "total = 0\nfor i in range(1_000_000):\n    total += i\nprint(total)"


class Nowhere(Environment):
    """Has nothing to simulate: what is measured is the way from the code to the robot."""

    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        return []

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        return Observation("")

    def step(self, command: str) -> StepResult:
        raise NotImplementedError

    def close(self) -> None:
        pass


class Robot(Controller):
    """Answers without a step."""

    @action
    def goto(self, receptacle: str) -> str:
        """Go to a receptacle."""
        return "The cabinet is closed."

    @action
    def open_receptacle(self, receptacle: str) -> str:
        """Open a receptacle."""
        return "In it, you see a mug 1, a plate 2 and a saltshaker 1."


class Subject(ABC):
    """One way to run model-written code against the robot."""

    def __init__(self) -> None:
        self.robot = Robot(Nowhere())

    @property
    def functions(self) -> dict[str, Callable[[str], str]]:
        """The robot's actions as plain functions."""
        return {"goto": self.robot.goto, "open_receptacle": self.robot.open_receptacle}

    @abstractmethod
    def fresh(self) -> Callable[[str], object]:
        """Make a new session; returns what runs code in it."""

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Release everything."""


class Ours(Subject):
    """An interpreter of this project; sessions share workers, as those of a batch do."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._shared = Interpreters()
        self._session: Session | None = None

    def fresh(self) -> Callable[[str], object]:
        self._end()
        self._session = self._shared.session(self._name, self.robot, LIMITS)
        return self._run

    def _run(self, code: str) -> object:
        assert self._session is not None
        output = self._session.run(code)
        if output.error or output.limit:
            raise RuntimeError(f"{output.error} {output.limit}")
        return output

    def _end(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def close(self) -> None:
        self._end()
        self._shared.close()


class PlainExec(Subject):
    """No interpreter at all."""

    def fresh(self) -> Callable[[str], object]:
        names: dict[str, Any] = dict(self.functions)
        return lambda code: exec(code, names)


class Smolagents(Subject):
    """smolagents' LocalPythonExecutor as it comes."""

    def fresh(self) -> Callable[[str], object]:
        from smolagents.local_python_executor import LocalPythonExecutor

        executor = LocalPythonExecutor([])
        executor.send_tools(self.functions)
        run: Callable[[str], object] = executor
        return run


class Restricted(Subject):
    """RestrictedPython with its own guards."""

    def fresh(self) -> Callable[[str], object]:
        from RestrictedPython import compile_restricted, safe_globals
        from RestrictedPython.Eval import default_guarded_getiter
        from RestrictedPython.Guards import guarded_iter_unpack_sequence
        from RestrictedPython.PrintCollector import PrintCollector

        names: dict[str, Any] = {
            **safe_globals,
            **self.functions,
            "__builtins__": {**safe_globals["__builtins__"], "enumerate": enumerate},
            "_getitem_": lambda container, key: container[key],
            "_write_": lambda value: value,
            "_getiter_": default_guarded_getiter,
            "_getattr_": getattr,
            "_iter_unpack_sequence_": guarded_iter_unpack_sequence,
            "_print_": PrintCollector,
            "_inplacevar_": lambda operator, left, right: left + right,
        }
        return lambda code: exec(compile_restricted(code, "<plan>", "exec"), names)


class Asteval(Subject):
    """asteval's Interpreter."""

    def fresh(self) -> Callable[[str], object]:
        from asteval import Interpreter

        interpreter = Interpreter(
            user_symbols=self.functions, writer=io.StringIO(), err_writer=io.StringIO()
        )
        return lambda code: interpreter(code, raise_errors=True)


SUBJECTS: dict[str, Callable[[], Subject]] = {
    "restricted": lambda: Ours("restricted"),
    "full": lambda: Ours("full"),
    "exec": PlainExec,
    "smolagents": Smolagents,
    "RestrictedPython": Restricted,
    "asteval": Asteval,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=15, help="runs of which the least counts")
    repeat: int = parser.parse_args().repeat
    table = Table(title="Model-written Python: the least time of each")
    for heading in ("", "fresh session", "one call", "plan of 60 calls", "1,000,000 additions"):
        table.add_column(heading, justify="right" if heading else "left")
    warnings.simplefilter("ignore")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    for name, make in SUBJECTS.items():
        try:
            table.add_row(name, *_figures(make(), repeat))
        except ImportError as error:
            table.add_row(name, f"not installed: {error.name}")
    Console().print(table)


def _figures(subject: Subject, repeat: int) -> Iterator[str]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.closing(subject):
        yield f"{1e3 * _least(lambda: subject.fresh()(NOTHING), repeat):.2f} ms"
        run = subject.fresh()
        run(NOTHING)
        calls = _least(lambda: run(MANY_CALLS), repeat) - _least(lambda: run(NO_CALLS), repeat)
        yield f"{1e6 * calls / CALLS:.1f} µs"
        yield f"{1e3 * _least(lambda: run(PLAN), repeat):.2f} ms"
        yield f"{1e3 * _least(lambda: run(ADDITIONS), max(2, repeat // 5)):.0f} ms"


def _least(work: Callable[[], object], repeat: int) -> float:
    """Return the least wall time of some runs, in seconds."""
    times = []
    for _ in range(repeat):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


if __name__ == "__main__":
    main()
