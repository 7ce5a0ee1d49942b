"""The rules that come along. Each docstring says what its rule keeps; the funnel shows it."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from embodied.datasets.selection import Rule
from embodied.datasets.sources import Candidate
from embodied.datasets.turns import failed_action, recoveries
from embodied.errors import ConfigError
from embodied.store import RunReader
from embodied.trajectory import Outcome, Trajectory

_FEWEST_TURNS = 3
_NUMBER = re.compile(r"[0-9]{1,9}")


def success(trajectory: Trajectory) -> bool:
    """Keep episodes that reached the goal."""
    return trajectory.outcome is Outcome.SUCCESS


def recovered(trajectory: Trajectory) -> bool:
    """Keep successes in which a later turn mends an error or an unreadable message."""
    return success(trajectory) and recoveries(trajectory.turns) > 0


def several_turns(trajectory: Trajectory) -> bool:
    """Keep episodes of more than two turns."""
    return len(trajectory.turns) >= _FEWEST_TURNS


def some_readable(trajectory: Trajectory) -> bool:
    """Keep episodes in which a message before the last could be read."""
    return not all(turn.format_error for turn in trajectory.turns[:-1])


def some_worked(trajectory: Trajectory) -> bool:
    """Keep episodes in which a turn before the last is neither an answer nor a failed action."""
    return not all(
        turn.answer is not None or (turn.action is not None and failed_action(turn))
        for turn in trajectory.turns[:-1]
    )


CODEACT = (success, several_turns, some_readable, some_worked)
"""How CodeActInstruct was selected (arXiv 2402.01030), as its published notebooks did it."""


class Hard(Rule):
    """Keep episodes of tasks that a given run solves in fewer than n of its samples.

    The argument is the run's folder, with `:n` where n is not 1. Tasks that the run has no scored
    episode of are not kept.
    """

    def __init__(self, argument: str = "", *, seed: int = 0) -> None:
        super().__init__(argument, seed=seed)
        folder, _, number = argument.rpartition(":")
        if not (folder and _NUMBER.fullmatch(number)):
            folder, number = argument, "1"
        if not folder or int(number) < 1:
            raise ConfigError("the rule hard needs a run and a number from 1 on: hard=runs/base:2")
        self._run, self._fewer_than = RunReader(Path(folder)), int(number)

    def keep(self, candidates: Sequence[Candidate]) -> Iterator[Candidate]:
        solved: Counter[tuple[str, str, str]] = Counter()
        for trajectory in self._run.trajectories():
            if trajectory.outcome not in (Outcome.UNSCORED, Outcome.INFRASTRUCTURE_ERROR):
                task = trajectory.task
                solved[task.environment, task.split, task.id] += success(trajectory)
        for each in candidates:
            if each.task in solved and solved[each.task] < self._fewer_than:
                yield each


class Shortest(Rule):
    """Keep one episode of each task: a success where there is one, of the fewest turns, then calls,
    then characters.
    """

    def keep(self, candidates: Sequence[Candidate]) -> Iterator[Candidate]:
        for same in _grouped(candidates, lambda each: each.task):
            yield min(same, key=lambda e: (not e.success, e.turns, e.calls, e.characters))


class Dedupe(Rule):
    """Keep one of the episodes that made the same calls and answers in the same task, a success
    where there is one.
    """

    def keep(self, candidates: Sequence[Candidate]) -> Iterator[Candidate]:
        for same in _grouped(candidates, lambda each: (each.task, each.calls_sha256)):
            yield min(same, key=lambda each: not each.success)


class Limit(Rule):
    """Keep at most so many episodes of each task, or of each kind of task, drawn by the seed.

    The argument is `task:NUMBER` or `kind:NUMBER`.
    """

    def __init__(self, argument: str = "", *, seed: int = 0) -> None:
        super().__init__(argument, seed=seed)
        unit, _, number = argument.partition(":")
        keys: dict[str, Callable[[Candidate], Hashable]] = {
            "task": lambda each: each.task,
            "kind": lambda each: (each.environment, each.kind),
        }
        if unit not in keys or not _NUMBER.fullmatch(number) or int(number) < 1:
            raise ConfigError(
                f"the rule limit needs task:NUMBER or kind:NUMBER, e.g. limit=task:4, "
                f"not {argument!r}"
            )
        self._key, self._most = keys[unit], int(number)

    def keep(self, candidates: Sequence[Candidate]) -> Iterator[Candidate]:
        for same in _grouped(candidates, self._key):
            yield from sorted(same, key=self._drawn)[: self._most]

    def _drawn(self, each: Candidate) -> bytes:
        """Order episodes by a hash: the choice is the same with any release of Python."""
        text = f"{self.seed}:{each.source}:{each.place.episode_id}"
        return hashlib.sha256(text.encode()).digest()


def _grouped(
    candidates: Iterable[Candidate], key: Callable[[Candidate], Any]
) -> Iterable[list[Candidate]]:
    groups: dict[Any, list[Candidate]] = {}
    for each in candidates:
        groups.setdefault(key(each), []).append(each)
    return groups.values()
