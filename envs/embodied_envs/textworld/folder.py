"""A folder of games: what there is, by split."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from embodied.errors import ConfigError, DataError
from embodied_envs.textworld.story import STORY, check_story
from embodied_envs.unplayable import unplayable_note

ALL = "all"
"""The split of every game of a folder."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+ -]{0,150}")
_HINT = "make some with `embodied generate textworld --count 24 --out games`, or with tw-make"


def data_folder(data: str | os.PathLike[str] | None) -> Path:
    """Return the folder of games, absolute.

    Raises:
        ConfigError: none is given.
        DataError: there is no such folder.
    """
    if data is None:
        raise ConfigError(
            f"textworld needs a folder of games: --environment.options.data FOLDER; {_HINT}"
        )
    folder = Path(data).expanduser().resolve()
    if not folder.is_dir():
        raise DataError(f"there is no folder of TextWorld games {folder}; {_HINT}")
    return folder


def games(data: Path, split: str | None) -> list[tuple[str, Path]]:
    """List id and story file of each game of a split, sorted by id.

    A folder in the data folder is a split; the split `all` has their games and those beside them.

    Raises:
        ConfigError: there is no such split.
        DataError: there is no game, or one has a name that is not plain.
    """
    folders = _folders(data)
    split = split or ALL
    if split != ALL and split not in folders:
        raise ConfigError(
            f"there is no split {split!r} in {data}; there are: {', '.join([ALL, *folders])}"
        )
    chosen = ["", *folders] if split == ALL else [split]
    found = [game for name in chosen for game in _games_in(data, name)]
    if not found:
        raise DataError(f"{data / split if split != ALL else data} {_nothing(data)}; {_HINT}")
    return sorted(found)


def note(data: Path, split: str | None, found: Sequence[tuple[str, Path]]) -> str:
    """Count and name the stories of a split that cannot be played; empty where there is none.

    Args:
        data: the folder of games.
        split: None: all.
        found: what `games` lists of it.
    """
    chosen = ["", *_folders(data)] if split in (None, ALL) else [str(split)]
    files = [path for name in chosen for path in (data / name).glob("*.ulx")]
    alone = sorted(path for path in files if not path.with_suffix(STORY).exists())
    glulx = [str(path.relative_to(data).with_suffix("")) for path in alone]
    problems = [(task_id, "in .ulx (Glulx), left out") for task_id in glulx]
    problems += [
        (id_, "damaged, listed all the same") for id_, path in found if not _is_whole(path)
    ]
    return unplayable_note("stories", len(found) + len(glulx), data, problems)


def _is_whole(path: Path) -> bool:
    try:
        check_story(path)
    except DataError:
        return False
    return True


def story_file(data: Path, task_id: str) -> Path:
    """Return the story of a task.

    Raises:
        DataError: there is none.
    """
    folder, _, name = task_id.rpartition("/")
    known = not folder or folder in _folders(data)
    path = data / folder / f"{name}{STORY}"
    if not known or not _NAME.fullmatch(name) or not _is_inside(path, data):
        raise DataError(f"there is no game {task_id!r} in {data}")
    return path


def content_hash(found: Sequence[tuple[str, Path]]) -> str:
    """Hash a list of games: their ids and their stories."""
    digest = hashlib.sha256()
    for task_id, path in found:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{task_id} {content}\n".encode())
    return digest.hexdigest()


def _folders(data: Path) -> list[str]:
    return sorted(
        path.name for path in data.iterdir() if _NAME.fullmatch(path.name) and path.is_dir()
    )


def _games_in(data: Path, folder: str) -> Iterator[tuple[str, Path]]:
    for path in (data / folder).glob(f"*{STORY}"):
        if not _is_inside(path, data):
            raise DataError(f"a story must be a file in the folder of games, no link out: {path}")
        if not _NAME.fullmatch(path.stem):
            raise DataError(
                f"a game's name has letters, digits and any of ' _.+-', and 150 characters; "
                f"rename {str(path)!r}"
            )
        yield (f"{folder}/{path.stem}" if folder else path.stem), path


def _is_inside(path: Path, data: Path) -> bool:
    return path.is_file() and path.resolve().is_relative_to(data)


def _nothing(data: Path) -> str:
    if any(data.rglob("*.ulx")):
        return (
            f"holds .ulx stories (Glulx), which TextWorld plays no more since 1.7; it plays {STORY}"
        )
    return f"holds no game ({STORY})"
