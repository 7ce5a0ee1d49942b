"""The pictures of a run: each once, in a file that is named after the hash of its bytes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from embodied.errors import RunError
from embodied.store.layout import PICTURES, no_link, open_file, sync_folder
from embodied.trajectory import PicturePart, Trajectory

_MOST_BYTES = 32 * 1024 * 1024
"""A larger file is not read: none is written."""
_UNFINISHED = ".unfinished"


def file_name(picture: PicturePart) -> str:
    """Name the file of a picture."""
    return f"{picture.sha256}.{picture.media_type.removeprefix('image/')}"


def at_hand(trajectory: Trajectory) -> dict[str, bytes]:
    """Collect the bytes of the pictures of an episode, where they are at hand, by their files."""
    pictures = trajectory.pictures
    return {file_name(each): each.data for each in pictures if each.data is not None}


def write_pictures(run: Path, pictures: Mapping[str, bytes]) -> None:
    """Write the pictures that are not there yet; each is there whole or not at all.

    Raises:
        OSError: the disk is full or broken.
        RunError: a link is in the way.
    """
    folder = no_link(run / PICTURES)
    missing = [name for name, data in pictures.items() if not _is_there(folder / name, data)]
    if not missing:
        return
    if not folder.is_dir():
        folder.mkdir()
        sync_folder(run)
    for name in missing:
        unfinished = no_link(folder / f"{name}{_UNFINISHED}")
        with unfinished.open("wb") as file:
            file.write(pictures[name])
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(folder / name)
    sync_folder(folder)


def read_picture(run: Path, picture: PicturePart) -> bytes:
    """Read the bytes of a picture.

    Raises:
        RunError: its file is missing, no plain file, or holds something else.
    """
    path = no_link(run / PICTURES) / file_name(picture)
    try:
        with open_file(path) as file:
            data = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        raise RunError(f"{path} is missing: the picture {picture.name!r:.80}") from None
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > _MOST_BYTES:
        raise RunError(f"{path} is larger than {_MOST_BYTES} bytes, and no picture of a run")
    if hashlib.sha256(data).hexdigest() != picture.sha256:
        raise RunError(f"{path} is damaged: its content is not what its name says")
    return data


def _is_there(path: Path, data: bytes) -> bool:
    try:
        with open_file(path) as file:
            return file.read(len(data) + 1) == data
    except FileNotFoundError:
        return False
