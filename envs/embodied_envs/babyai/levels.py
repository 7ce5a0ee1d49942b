"""BabyAI's levels: which there are, which a split plays, and one of them as made by a seed."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from embodied._util.suggestion import suggestion
from embodied.errors import ConfigError, DataError

STANDARD = (
    "GoToObj-v0",
    "GoToRedBallGrey-v0",
    "GoToRedBall-v0",
    "GoToLocal-v0",
    "PickupLoc-v0",
    "PutNextLocal-v0",
    "UnlockPickup-v0",
    "BlockedUnlockPickup-v0",
    "GoToObjMaze-v0",
    "GoTo-v0",
    "Pickup-v0",
    "UnblockPickup-v0",
    "Open-v0",
    "Unlock-v0",
    "KeyCorridor-v0",
    "Synth-v0",
    "SynthLoc-v0",
    "GoToSeq-v0",
    "SynthSeq-v0",
    "BossLevel-v0",
)
"""The levels of the split `standard`, from easy to hard. Most are those of the BabyAI paper (arXiv
1810.08272). Its GoToImpUnlock is left out: minigrid 3.2 puts the key into the locked room for some
seeds."""

MOST_TASKS = 100_000
"""More tasks than this are refused, as each has to be made to be listed."""

_PREFIX = "BabyAI-"
_ID = re.compile(r"(?P<level>[A-Za-z0-9]{1,60}-v[0-9]{1,2})/seed-(?P<seed>[0-9]{1,18})")


class LevelSeed(NamedTuple):
    """One problem: a level, and the seed that it is drawn with."""

    level: str
    """Without the prefix `BabyAI-`, such as `GoToLocal-v0`."""
    seed: int

    @property
    def id(self) -> str:
        """The task's id."""
        return f"{self.level}/seed-{self.seed}"

    @classmethod
    def of(cls, task_id: str) -> LevelSeed:
        """Read a task's id.

        Raises:
            DataError: it is none.
        """
        match = _ID.fullmatch(task_id)
        if match is None:
            raise DataError(f"{task_id!r} is no BabyAI task; one is: GoToLocal-v0/seed-3")
        return cls(match["level"], int(match["seed"]))


@dataclass(frozen=True)
class LevelInstance:
    """What a task list says about a problem."""

    mission: str
    fingerprint: str
    """Changes with the grid, with the robot's place in it and with the mission."""


def check_installed() -> None:
    """See that minigrid can be imported.

    Raises:
        ConfigError: it cannot; says how to install it.
    """
    if importlib.util.find_spec("minigrid") is None:
        raise ConfigError(
            "the environment 'babyai' needs the package 'minigrid', which is not installed; "
            "install it with: pip install 'embodied-codeact[babyai]'"
        )


def all_levels() -> list[str]:
    """List the names of minigrid's BabyAI levels, in minigrid's order."""
    return list(_makers())


def make(problem: LevelSeed) -> Any:
    """Make a new `RoomGridLevel` of minigrid, reset, which makes no pictures.

    Raises:
        DataError: minigrid has no such level.
    """
    pattern = _unused(problem.level)
    level = object.__new__(type(pattern))
    vars(level).update(vars(pattern), check_objs_reachable=functools.partial(_reachable, level))
    level.reset(seed=problem.seed)
    return level


def release(level: Any) -> None:
    """Take a level apart that `make` returned. Its instructions refer back to it, so that it would
    else stay until the garbage collector comes.
    """
    vars(level).clear()


@functools.cache
def _unused(name: str) -> Any:
    """Make a level that is never reset, to be copied.

    Copying is cheaper than making one. A level that was reset may carry something over to its next
    episode, in some versions of minigrid.
    """
    maker = _makers().get(name)
    if maker is None:
        raise DataError(f"minigrid has no level {name!r}")
    level = maker()
    level.gen_obs = _no_picture
    return level


@functools.lru_cache(maxsize=MOST_TASKS)
def draw(problem: LevelSeed) -> LevelInstance:
    """Draw what the seed makes of the level. Takes about a millisecond the first time."""
    level = make(problem)
    mission, content = level.mission, [level.hash(64), level.mission, problem.id]
    release(level)
    return LevelInstance(mission, hashlib.sha256(repr(content).encode()).hexdigest())


def chosen(split: str, levels: Sequence[str] | None) -> list[str]:
    """Return the levels of a split, or those of them that are named.

    Raises:
        ConfigError: there is no such split, or it has no such level.
    """
    known = _split(split)
    if levels is None:
        return known
    names = list(dict.fromkeys(name.removeprefix(_PREFIX) for name in levels))
    for name in names:
        _check_level(name, known, split)
    return names


def problems(levels: Iterable[str], first_seed: int, episodes_per_level: int) -> list[LevelSeed]:
    """List the problems of some levels, level by level.

    Raises:
        ConfigError: there are too many.
    """
    names = list(levels)
    if len(names) * episodes_per_level > MOST_TASKS:
        raise ConfigError(f"babyai: no more than {MOST_TASKS} tasks can be listed at a time")
    seeds = range(first_seed, first_seed + episodes_per_level)
    return [LevelSeed(name, seed) for name in names for seed in seeds]


def _split(split: str) -> list[str]:
    if split == "standard":
        return list(STANDARD)
    if split == "all":
        return all_levels()
    raise ConfigError(f"babyai has no split {split!r}; there are: standard, all")


def _check_level(name: str, known: Sequence[str], split: str) -> None:
    if name in known:
        return
    everything = all_levels()
    if name in everything:
        raise ConfigError(
            f"the level {name} is not in babyai's split {split!r}; it is in: --split all"
        )
    raise ConfigError(f"babyai has no level {name!r}{suggestion(name, everything)}")


@functools.cache
def _makers() -> Mapping[str, Callable[[], Any]]:
    """Return what makes each level, without the wrappers that `gymnasium.make` puts around it."""
    check_installed()
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    import gymnasium
    import minigrid  # noqa: F401 - registers its levels
    from gymnasium.envs.registration import load_env_creator
    from minigrid.envs.babyai.core import roomgrid_level, verifier

    if verifier.use_done_actions:
        raise ConfigError("BABYAI_DONE_ACTIONS changes when missions succeed; unset it")
    # It prints a line for each draw that it throws away.
    vars(roomgrid_level)["print"] = _say_nothing
    return {
        name.removeprefix(_PREFIX): functools.partial(
            load_env_creator(str(spec.entry_point)), **spec.kwargs
        )
        for name, spec in gymnasium.envs.registry.items()
        if name.startswith(_PREFIX)
    }


def _reachable(level: Any, raise_exc: bool = True) -> bool:
    """Return whether the robot could reach all things if doors stood open, without moving any.

    The same as minigrid's `check_objs_reachable`, which takes a quarter of the time of a reset. The
    walls around the grid keep the search inside.
    """
    from minigrid.envs.babyai.core.roomgrid_level import RejectSampling

    cells, width = level.grid.grid, level.grid.width
    x, y = map(int, level.agent_pos)
    todo = [y * width + x]
    reached = set(todo)
    while todo:
        place = todo.pop()
        cell = cells[place]
        if cell is None or cell.type == "door":
            new = {place - 1, place + 1, place - width, place + width} - reached
            reached |= new
            todo += new
    found = {place for place, cell in enumerate(cells) if cell and cell.type != "wall"}
    if found <= reached:
        return True
    if raise_exc:
        raise RejectSampling("an object cannot be reached")
    return False


def _say_nothing(*words: object) -> None:
    pass


def _no_picture() -> None:
    """Replace `gen_obs`, the most expensive part of a step, of which nothing is used."""
