"""The index of a folder of ALFWorld games: what there is, without opening thousands of files.

It is kept in the user's cache folder and read again only for files whose size or time of change
differ from what it holds.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from platformdirs import user_cache_path
from pydantic import BaseModel, ValidationError

from embodied.environment import Requirement
from embodied.errors import ConfigError, DataError
from embodied_envs.alfworld.game_file import parse_game
from embodied_envs.unplayable import unplayable_note

GAMES = "json_2.1.1"
"""The folder of games below the data folder; the name is that of ALFRED's release."""

GAME_FILE = "game.tw-pddl"
_DEFAULT = Path.home() / ".cache" / "alfworld"
_INSTRUCTION = re.compile(r"Your task is to: (.*?)\.?\"")


class Problem(StrEnum):
    """Why a trial cannot be played, and what becomes of it."""

    MISSING = f"without {GAME_FILE}, left out"
    UNSOLVABLE = "marked as unsolvable, left out"
    UNMARKED = "without the mark `solvable`, left out"
    DAMAGED = "cut or damaged, listed all the same"


class GameEntry(BaseModel):
    """One game file."""

    id: str
    """`<task>/<trial>`, the path below the split's folder."""
    size: int
    changed: int
    """Time of the last change, nanoseconds."""
    sha256: str
    instruction: str
    """Empty where the file is damaged; playing it says what is wrong."""
    problem: Problem | None
    """Why it cannot be played, as far as its file says."""

    @property
    def kind(self) -> str:
        """The task type, which begins the task's name."""
        return self.id.partition("-")[0]

    @property
    def floor_plan(self) -> str | None:
        """The floor plan, whose number ends the task's name: `FloorPlan308`; None: it has none."""
        number = self.id.partition("/")[0].rpartition("-")[2]
        return f"FloorPlan{number}" if number.isdecimal() else None


@dataclass(frozen=True)
class Split:
    """What the folder of a split holds."""

    folder: Path
    games: Sequence[GameEntry]
    """Those that are listed as tasks, sorted by id."""
    trials: int
    """All of them, with those that cannot be played."""
    problems: Sequence[tuple[str, Problem]]
    """Ids of the trials that cannot be played, and why."""

    def note(self) -> str:
        """Count and name the trials that cannot be played; empty where there is none."""
        order = list(Problem)
        problems = sorted(self.problems, key=lambda each: order.index(each[1]))
        return unplayable_note("trials", self.trials, self.folder, problems)


class _Cached(BaseModel):
    folder: str
    entries: list[GameEntry]


def data_folder(data: str | os.PathLike[str] | None = None) -> Path:
    """Find the folder of `json_2.1.1`: the argument, else `$ALFWORLD_DATA`, else alfworld's own.

    Raises:
        DataError: there is no such folder.
    """
    chosen = data or os.environ.get("ALFWORLD_DATA") or _DEFAULT
    folder = Path(chosen).expanduser().resolve()
    if not (folder / GAMES).is_dir():
        raise DataError(
            f"there are no ALFWorld games in {folder} (no folder {GAMES}). Set ALFWORLD_DATA to a "
            "folder that has them; download the official ones with `alfworld-download`, or make "
            "new ones with `embodied generate alfworld --count 100 --out games`"
        )
    return folder


def requirements() -> list[Requirement]:
    """Look at the folder of games, where one is set or there, and count what cannot be played."""
    given = Path(os.environ.get("ALFWORLD_DATA") or _DEFAULT)
    # alfworld sets the variable to its own folder when it is imported.
    if given == _DEFAULT and not (given / GAMES).is_dir():
        return []
    name = str(given) if given == _DEFAULT else "$ALFWORLD_DATA"
    try:
        folder = data_folder(given)
        notes = {path.name: read_split(folder, path.name).note() for path in _splits(folder)}
    except DataError as error:
        return [Requirement(name, problem=str(error))]
    splits = sorted({path.parents[2].name for path in (folder / GAMES).glob(f"*/*/*/{GAME_FILE}")})
    empty = f"{folder / GAMES} holds no game (SPLIT/TASK/TRIAL/{GAME_FILE})"
    found = f"{folder}: {', '.join(splits)}" if splits else ""
    return [
        Requirement(name, found, problem=None if splits else empty),
        *(Requirement(split, note) for split, note in notes.items() if note),
    ]


def _splits(data: Path) -> list[Path]:
    return sorted(path for path in (data / GAMES).iterdir() if path.is_dir())


def split_folder(data: Path, split: str) -> Path:
    """Return the folder of a split.

    Raises:
        ConfigError: the data has no such split.
    """
    known = [path.name for path in _splits(data)]
    if split not in known:
        raise ConfigError(
            f"there is no split {split!r} in {data / GAMES}; there are: {', '.join(known)}"
        )
    return data / GAMES / split


def game_file(data: Path, split: str, task_id: str) -> Path:
    """Return the game file of a task.

    Raises:
        DataError: there is none.
    """
    folder = split_folder(data, split)
    path = folder / task_id / GAME_FILE
    if not _is_task_id(task_id) or not path.is_file():
        raise DataError(f"there is no game {task_id!r} in {folder}")
    return path


def _is_task_id(text: str) -> bool:
    """Return whether a text is `<task>/<trial>`, which leads only below the split's folder."""
    parts = text.split("/")
    return len(parts) == 2 and not {"", ".", ".."} & set(parts) and "\\" not in text


def read_split(data: Path, split: str) -> Split:
    """Read what a split holds: the games that are listed as tasks, and what cannot be played.

    Games with movable receptacles or sliced objects are no trials of it: ALFWorld itself leaves
    them out (`AlfredTWEnv.collect_game_files`), as it does what has no solution. A damaged game is
    listed, so that its episodes are lost rather than the benchmark smaller.

    Raises:
        ConfigError: the data has no such split.
        DataError: a folder cannot be read.
    """
    folder = split_folder(data, split)
    cache = _cache_file(folder)
    known = {entry.id: entry for entry in _read_cache(cache, folder)}
    try:
        trials = list(_trials(folder))
        found = [_entry(p, id_, known.get(id_)) for id_, p in trials if p.is_file()]
    except OSError as error:
        raise DataError(f"the games in {folder} cannot be read: {error}") from error
    if found != list(known.values()):
        _write_cache(cache, _Cached(folder=str(folder), entries=found))
    listed = [entry for entry in found if entry.problem in (None, Problem.DAMAGED)]
    with_game = {entry.id for entry in found}
    missing = [(id_, Problem.MISSING) for id_, _ in trials if id_ not in with_game]
    problems = [(entry.id, entry.problem) for entry in found if entry.problem]
    return Split(folder, listed, len(trials), [*missing, *problems])


def content_hash(found: Sequence[GameEntry]) -> str:
    """Hash a list of games: their ids and their content."""
    digest = hashlib.sha256()
    for entry in found:
        digest.update(f"{entry.id} {entry.sha256}\n".encode())
    return digest.hexdigest()


def _trials(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield id and game file of each trial, sorted; the file may be missing."""
    for task in sorted(path.name for path in folder.iterdir()):
        if "movable" in task or "Sliced" in task or not (folder / task).is_dir():
            continue
        for trial in sorted(path.name for path in (folder / task).iterdir()):
            if not trial.startswith(".") and (folder / task / trial).is_dir():
                yield f"{task}/{trial}", folder / task / trial / GAME_FILE


def _entry(path: Path, task_id: str, known: GameEntry | None) -> GameEntry:
    status = path.stat()
    if known and (known.size, known.changed) == (status.st_size, status.st_mtime_ns):
        return known
    content = path.read_bytes()
    instruction, problem = _facts(content, path)
    return GameEntry(
        id=task_id,
        size=status.st_size,
        changed=status.st_mtime_ns,
        sha256=hashlib.sha256(content).hexdigest(),
        instruction=instruction,
        problem=problem,
    )


def _facts(content: bytes, path: Path) -> tuple[str, Problem | None]:
    """Read a game's instruction, and why it cannot be played."""
    try:
        texts, solvable = parse_game(content, path)
    except DataError:
        return "", Problem.DAMAGED
    match = _INSTRUCTION.search(texts.grammar)
    problems = {True: None, False: Problem.UNSOLVABLE, None: Problem.UNMARKED}
    return match.group(1) if match else "", problems[solvable]


def _cache_file(folder: Path) -> Path:
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return user_cache_path("embodied") / "alfworld" / f"{name}.json"


def _read_cache(cache: Path, folder: Path) -> list[GameEntry]:
    try:
        cached = _Cached.model_validate_json(cache.read_bytes())
    except (OSError, ValidationError):
        return []
    return cached.entries if cached.folder == str(folder) else []


def _write_cache(cache: Path, content: _Cached) -> None:
    """Try to write the cache: without it the next listing is slower, not different."""
    partial = cache.with_suffix(f".{os.getpid()}")
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(content.model_dump_json())
        partial.replace(cache)
    except OSError:
        partial.unlink(missing_ok=True)
