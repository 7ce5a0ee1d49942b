"""The index of a folder of ALFWorld games: what there is, without opening thousands of files.

It is kept in the user's cache folder and read again only for files whose size or time of change
differ from what it holds.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from platformdirs import user_cache_path
from pydantic import BaseModel, ValidationError

from embodied.environment import Requirement
from embodied.errors import ConfigError, DataError

GAMES = "json_2.1.1"
"""The folder of games below the data folder; the name is that of ALFRED's release."""

GAME_FILE = "game.tw-pddl"
_DEFAULT = Path.home() / ".cache" / "alfworld"
_INSTRUCTION = re.compile(r"Your task is to: (.*?)\.?\"")


class GameEntry(BaseModel):
    """One game file."""

    id: str
    """`<task>/<trial>`, the path below the split's folder."""
    size: int
    changed: int
    """Time of the last change, nanoseconds."""
    sha256: str
    instruction: str
    """Empty where the file could not be read; playing it says what is wrong."""
    solvable: bool

    @property
    def kind(self) -> str:
        """The task type, which begins the task's name."""
        return self.id.partition("-")[0]


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
    """Look at what `$ALFWORLD_DATA` names, where it is set."""
    given = os.environ.get("ALFWORLD_DATA")
    if not given or Path(given) == _DEFAULT:  # alfworld sets it so, when it is imported
        return []
    try:
        folder = data_folder(given)
    except DataError as error:
        return [Requirement("$ALFWORLD_DATA", problem=str(error))]
    splits = {path.parents[2].name for path in (folder / GAMES).glob(f"*/*/*/{GAME_FILE}")}
    empty = f"{folder / GAMES} holds no game (SPLIT/TASK/TRIAL/{GAME_FILE})"
    found = f"{folder}: {', '.join(sorted(splits))}" if splits else ""
    return [Requirement("$ALFWORLD_DATA", found, problem=None if splits else empty)]


def split_folder(data: Path, split: str) -> Path:
    """Return the folder of a split.

    Raises:
        ConfigError: the data has no such split.
    """
    known = sorted(path.name for path in (data / GAMES).iterdir() if path.is_dir())
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


def entries(data: Path, split: str) -> list[GameEntry]:
    """List the solvable games of a split, sorted by id.

    ALFWorld itself leaves out games with movable receptacles or sliced objects
    (`AlfredTWEnv.collect_game_files`), and so does this.
    """
    folder = split_folder(data, split)
    cache = _cache_file(folder)
    known = {entry.id: entry for entry in _read_cache(cache, folder)}
    found = [_entry(path, task_id, known.get(task_id)) for task_id, path in _walk(folder)]
    if found != list(known.values()):
        _write_cache(cache, _Cached(folder=str(folder), entries=found))
    return [entry for entry in found if entry.solvable]


def content_hash(found: list[GameEntry]) -> str:
    """Hash a list of games: their ids and their content."""
    digest = hashlib.sha256()
    for entry in found:
        digest.update(f"{entry.id} {entry.sha256}\n".encode())
    return digest.hexdigest()


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    for task in sorted(path.name for path in folder.iterdir()):
        if "movable" in task or "Sliced" in task or not (folder / task).is_dir():
            continue
        for trial in sorted(path.name for path in (folder / task).iterdir()):
            path = folder / task / trial / GAME_FILE
            if path.is_file():
                yield f"{task}/{trial}", path


def _entry(path: Path, task_id: str, known: GameEntry | None) -> GameEntry:
    status = path.stat()
    if known and (known.size, known.changed) == (status.st_size, status.st_mtime_ns):
        return known
    content = path.read_bytes()
    instruction, solvable = _facts(content)
    return GameEntry(
        id=task_id,
        size=status.st_size,
        changed=status.st_mtime_ns,
        sha256=hashlib.sha256(content).hexdigest(),
        instruction=instruction,
        solvable=solvable,
    )


def _facts(content: bytes) -> tuple[str, bool]:
    """Read instruction and solvability; a corrupt file counts as solvable, so as to be run."""
    try:
        game = json.loads(content)
        match = _INSTRUCTION.search(game["grammar"])
        return match.group(1) if match else "", bool(game.get("solvable", False))
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", True


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
