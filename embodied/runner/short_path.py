"""Short ways to folders: the address of a Unix socket holds about a hundred bytes."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embodied.errors import ConfigError

_PLACES = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - mkdtemp makes a private folder there


@contextmanager
def short_path(folder: Path, longest: int) -> Iterator[Path]:
    """Give a path to a folder, which is made if it is not there, of at most `longest` bytes.

    That is its own where it is short enough, else a link in a private folder, which goes at the
    end.

    Raises:
        ConfigError: the folder cannot be made, or there is no place for the link.
    """
    if len(os.fsencode(folder)) <= longest:
        yield folder
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"the folder {folder} cannot be made: {error.strerror}; set TMPDIR to a folder that is "
            "there and can be written"
        ) from error
    private = _private_folder(folder)
    try:
        link = private / folder.name
        link.symlink_to(folder)
        yield link
    finally:
        shutil.rmtree(private, ignore_errors=True)


def _private_folder(folder: Path) -> Path:
    for place in _PLACES:
        try:
            return Path(tempfile.mkdtemp(prefix="embodied-ray-", dir=place))
        except OSError:
            continue
    raise ConfigError(
        f"the path {folder} is too long for sockets, and nothing can be written to "
        f"{', '.join(_PLACES)}; set TMPDIR to a folder with a short path"
    )
