"""Measures what our adapters cost against the simulators' own Python APIs, in one run.

    python benchmarks/environments.py [--only scienceworld babyai] [--rounds 3]

Both sides play the same tasks with the same commands, in turns, so that a busy machine is unkind to
both. A first round is played and not counted: it loads libraries, and Java and Numba compile what
they run often. Times are of the wall, since three of the simulators are other processes; their sums
are compared. ALFWorld has a benchmark of its own, `benchmarks/alfworld_engine.py`.

- scienceworld: gold paths. The package's step lists thousands of valid actions each time.
- textworld: walkthroughs of generated games, with text, score, won and lost on both sides.
- babyai: random commands. The package gives a picture of cells, ours says it in words.
- miniwob: clicks and typing, without screenshots on both sides.
- robosuite: a step is one control step. The package's reset is that of `hard_reset`, its default,
  with the steps in which ours lets objects come to rest.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import re
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table

from embodied import Environment, Task, list_tasks, make_environment
from embodied.plugins.registry import environment_class

T = TypeVar("T")
Rounds = Iterator[None]


class Stopwatch:
    """Sums the seconds of both sides."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._seconds: defaultdict[tuple[str, str], float] = defaultdict(float)
        self._times: defaultdict[tuple[str, str], float] = defaultdict(float)

    def time(
        self, what: str, side: str, work: Callable[[], T], times: Callable[[T], int] = lambda _: 1
    ) -> T:
        """Do something whose result counts as so many resets or steps."""
        started = time.perf_counter()
        result = work()
        self._seconds[what, side] += time.perf_counter() - started
        self._times[what, side] += times(result)
        return result

    def mean(self, what: str, side: str) -> float:
        """Time one reset or step."""
        return self._seconds[what, side] / self._times[what, side]


def _scienceworld(watch: Stopwatch) -> Rounds:
    from scienceworld import ScienceWorldEnv

    ours = make_environment("scienceworld")
    theirs = ScienceWorldEnv("", envStepLimit=100_000)
    chosen = {"boil": 21, "chemistry-mix": 25, "find-animal": 230, "power-component": 16}

    def reset(name: str, number: int) -> None:
        theirs.load(name, number, "easy")
        theirs.reset()

    while True:
        for name, number in chosen.items():
            id = f"{name}/variation-{number}"
            task = Task(environment="scienceworld", id=id, split="", kind=name, instruction="")
            watch.time("reset", "ours", lambda task=task: ours.reset(task))
            watch.time("reset", "theirs", lambda n=name, v=number: reset(n, v))
            for command in ours.plan():
                watch.time("step", "ours", lambda c=command: ours.step(c))
                watch.time("step", "theirs", lambda c=command: theirs.step(c))
        yield


def _textworld(watch: Stopwatch) -> Rounds:
    import textworld

    infos = textworld.EnvInfos(won=True, lost=True, score=True)

    def start(path: Path) -> Any:
        own = textworld.start(str(path), infos)
        own.reset()
        return own

    with tempfile.TemporaryDirectory() as folder:
        environment_class("textworld").generate(Path(folder), 5, 0)
        ours = make_environment("textworld", data=folder)
        tasks = list_tasks("textworld", data=folder)
        while True:
            for task in tasks:
                path = Path(folder) / f"{task.id}.z8"
                watch.time("reset", "ours", lambda task=task: ours.reset(task))
                own = watch.time("reset", "theirs", lambda path=path: start(path))
                for command in ours.plan():
                    watch.time("step", "ours", lambda c=command: ours.step(c))
                    watch.time("step", "theirs", lambda own=own, c=command: own.step(c))
                own.close()
            yield


def _babyai(watch: Stopwatch) -> Rounds:
    import gymnasium
    import minigrid  # noqa: F401 - registers its environments
    from embodied_envs.babyai.environment import COMMANDS

    ours = make_environment("babyai")
    levels = ("GoToLocal-v0", "PutNextLocal-v0", "KeyCorridor-v0", "GoToSeq-v0", "BossLevel-v0")
    with contextlib.redirect_stdout(io.StringIO()):
        made = {level: gymnasium.make(f"BabyAI-{level}") for level in levels}
    while True:
        for level in levels:
            theirs = made[level]
            for task in list_tasks("babyai", levels=level, episodes_per_level=10):
                watch.time("reset", "ours", lambda task=task: ours.reset(task))
                watch.time("reset", "theirs", lambda e=theirs, t=task: e.reset(seed=t.seed))
                numbers = random.Random(task.seed).choices(range(6), (2, 2, 6, 1, 1, 1), k=50)
                for number in numbers:
                    result = watch.time("step", "ours", lambda n=number: ours.step(COMMANDS[n]))
                    watch.time("step", "theirs", lambda e=theirs, n=number: e.step(n))
                    if result.terminated or result.truncated:
                        break
        yield


def _miniwob(watch: Stopwatch) -> Rounds:
    os.environ.setdefault("MINIWOB_CHROME_BINARY", "/usr/bin/chromium")
    os.environ.setdefault("MINIWOB_CHROMEDRIVER", "/usr/bin/chromedriver")
    import gymnasium
    import miniwob

    gymnasium.register_envs(miniwob)
    kinds = {
        "click-checkboxes-large": ("checkbox", "input_checkbox"),
        "enter-text": ("input", "input_text"),
    }
    ours, made = make_environment("miniwob"), {}
    for kind in kinds:
        made[kind] = gymnasium.make(f"miniwob/{kind}-v1")
        made[kind].reset(seed=0, options={"record_screenshots": False})
    while True:
        for kind, seed in _in_blocks(kinds, ours, "miniwob"):
            (word, tag), theirs = kinds[kind], made[kind]
            task = _task("miniwob", kind, seed)
            seen = watch.time("reset", "ours", lambda task=task: ours.reset(task))
            _, info = watch.time("reset", "theirs", lambda e=theirs, s=seed: e.reset(seed=s))
            named = re.findall(rf"\[(\d+)\] {word}", seen.text)[:4]
            elements = [e for e in info["root_dom"].subtree_elements if e.tag == tag][:4]
            for ref, element in zip(named, elements, strict=True):
                command = f'type {ref} "hello"' if tag == "input_text" else f"click {ref}"
                doing = "FOCUS_ELEMENT_AND_TYPE_TEXT" if tag == "input_text" else "CLICK_ELEMENT"
                text = {"text": "hello"} if tag == "input_text" else {}
                act = theirs.unwrapped.create_action(doing, ref=element.ref, **text)
                watch.time("step", "ours", lambda c=command: ours.step(c))
                watch.time("step", "theirs", lambda e=theirs, a=act: e.step(a))
        yield


def _robosuite(watch: Stopwatch) -> Rounds:
    import numpy as np
    from embodied_envs.robosuite import installation

    ours, own = make_environment("robosuite"), {}
    settling = 10
    for kind in ("Lift", "Stack", "PickPlaceCan"):
        own[kind] = installation.load().make(
            kind,
            robots="Panda",
            has_renderer=False,
            has_offscreen_renderer=False,
            use_camera_obs=False,
            control_freq=20,
            reward_shaping=False,
            ignore_done=True,
            seed=0,
        )

    def reset(simulation: Any) -> None:
        simulation.reset()
        steps(simulation, settling)

    def steps(simulation: Any, count: int) -> int:
        for _ in range(count):
            simulation.step(np.zeros(simulation.action_dim))
            simulation._check_success()
        return count

    while True:
        for kind, seed in _in_blocks(own, ours, "robosuite"):
            theirs = own[kind]
            task = _task("robosuite", kind, seed)
            watch.time("reset", "ours", lambda task=task: ours.reset(task))
            watch.time("reset", "theirs", lambda e=theirs: reset(e))
            before = settling
            for command in ("move_to 0 0 1.0", "wait", "move_to 0.05 0.05 1.05", "wait"):
                done = watch.time(
                    "step",
                    "ours",
                    lambda c=command: ours.step(c),
                    lambda result, b=before: result.info["control_steps"] - b,
                )
                count = done.info["control_steps"] - before
                watch.time(
                    "step", "theirs", lambda e=theirs, n=count: steps(e, n), lambda count: count
                )
                before += count
        yield


ENVIRONMENTS: dict[str, Callable[[Stopwatch], Rounds]] = {
    "scienceworld": _scienceworld,
    "textworld": _textworld,
    "babyai": _babyai,
    "miniwob": _miniwob,
    "robosuite": _robosuite,
}


def _task(environment: str, kind: str, seed: int) -> Task:
    id = f"{kind}/seed-{seed}"
    return Task(environment=environment, id=id, split="", kind=kind, instruction="", seed=seed)


def _in_blocks(kinds: Iterable[str], ours: Environment, name: str) -> Iterator[tuple[str, int]]:
    """Yield some seeds of each kind, after a first reset that is not counted: the package's
    environments are made for one kind; ours turns to it then.
    """
    for kind in kinds:
        ours.reset(_task(name, kind, 0))
        yield from ((kind, seed) for seed in range(1, 6))


def main() -> None:
    """Measure and print."""
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=ENVIRONMENTS, default=list(ENVIRONMENTS))
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    table = Table(title="Mean of a reset and of a step; how often ours goes into theirs")
    for heading in ("", "", "ours", "the package's", "ratio"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name in options.only:
        watch = Stopwatch()
        rounds = ENVIRONMENTS[name](watch)
        next(rounds)
        watch.forget()
        for _ in range(options.rounds):
            next(rounds)
        for what in ("reset", "step"):
            ours, theirs = watch.mean(what, "ours"), watch.mean(what, "theirs")
            table.add_row(
                name,
                what,
                f"{1000 * ours:.3f} ms",
                f"{1000 * theirs:.3f} ms",
                f"{theirs / ours:.2f}",
            )
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
