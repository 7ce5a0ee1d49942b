"""Write folders and files whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


def write_folder(folder: Path, files: Mapping[str, str], scratch: Path) -> None:
    """Make `folder` hold exactly these files, at once; nothing is written where it already does.

    They are written to a new folder in `scratch`, on the same disk, which then takes its place.

    Raises:
        OSError: they cannot be written; the message names the folder.
    """
    with _explained(folder):
        if _holds(folder, files):
            return
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=scratch) as new:
            filled, replaced = Path(new, "filled"), Path(new, "replaced")
            filled.mkdir()
            for name, content in files.items():
                _write_through(filled / name, content)
            if folder.exists():
                folder.rename(replaced)
            filled.rename(folder)


def write_file(path: Path, content: str) -> None:
    """Make `path` hold this text, at once.

    Raises:
        OSError: it cannot be written; the message names the file.
    """
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=path.parent) as new:
            filled = Path(new, path.name)
            _write_through(filled, content)
            filled.replace(path)


def _write_through(path: Path, content: str) -> None:
    """Write a file as far as the disk, so that a full one is noticed here."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _holds(folder: Path, files: Mapping[str, str]) -> bool:
    if not folder.is_dir() or {path.name for path in folder.iterdir()} != set(files):
        return False
    return all((folder / name).read_bytes() == content.encode() for name, content in files.items())


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say what could not be written when the operating system refuses."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"cannot write {path}: {error.strerror}") from error
