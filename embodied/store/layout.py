"""The files of a run folder: names, protocol and configuration, and the writer's lock.

protocol.yaml            the RunProtocol; a folder that has it is a run
config.yaml              what the run was started with, so that it can be started again
episodes/00000.jsonl …   the shards: one trajectory a line. They are the truth
index.jsonl              one summary a line, rebuilt from the shards whenever it does not fit them
pictures/HASH.png …      the pictures of the episodes, named after the SHA-256 of their bytes
throughput/00000.json …  what each invocation, one process's work on the run, has measured
.lock                    held by the process that writes
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import yaml
from filelock import FileLock, Timeout
from pydantic import ValidationError

from embodied.errors import ConfigError, RunError
from embodied.protocol import RunProtocol
from embodied.store.migrations import PROTOCOLS, migrate
from embodied.trajectory import SCHEMA_VERSION

YAML_BYTES = 1024 * 1024
"""A protocol or configuration larger than this is not read."""

YAML_DEPTH = 50
"""Nor one with more lists and mappings inside each other than this."""

PROTOCOL = "protocol.yaml"
_CONFIG = "config.yaml"
_INDEX = "index.jsonl"
_LOCK = ".lock"
_UNFINISHED = ".unfinished"
_NUMBER = re.compile(r"\d{5}")
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


class _WithoutAliases(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


class NumberedFiles(NamedTuple):
    """Files with numbers for names, in a folder of a run. Links raise `RunError`."""

    folder: str
    suffix: str

    def path(self, run: Path, number: int) -> Path:
        """Return the path of one of them."""
        return no_link(run / self.folder / f"{number:05d}{self.suffix}")

    def numbers(self, run: Path) -> list[int]:
        """List the numbers of those that are there, in order."""
        folder = no_link(run / self.folder)
        if not folder.is_dir():
            return []
        names = (path.stem for path in folder.iterdir() if path.suffix == self.suffix)
        return sorted(int(name) for name in names if _NUMBER.fullmatch(name))


SHARDS = NumberedFiles("episodes", ".jsonl")
INVOCATIONS = NumberedFiles("throughput", ".json")
"""What each invocation has measured."""

PICTURES = "pictures"

_CONTENTS = (
    *(_CONFIG, SHARDS.folder, _INDEX, INVOCATIONS.folder, PICTURES),
    *(name + _UNFINISHED for name in (_CONFIG, _INDEX, PROTOCOL)),
    PROTOCOL,
)
"""All that a run's folder holds beside the lock. Without the last one it is no run."""


def index_path(folder: Path) -> Path:
    """Return the path of a run's index."""
    return folder / _INDEX


def is_run(folder: Path) -> bool:
    """Tell whether the folder holds a run."""
    return (folder / PROTOCOL).is_file()


def existing_run(folder: Path) -> Path:
    """Return the folder; raise `RunError` where it holds no run."""
    if not is_run(folder):
        raise RunError(f"{folder} is not a run: it has no {PROTOCOL}")
    return folder


def prepare_folder(folder: Path) -> None:
    """Make the folder of a new run, which no other user may enter, or accept the one that is there.

    Raises:
        RunError: it is a file, holds something other than a run, or cannot be made.
    """
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file; a run needs a folder")
    with writing(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = {path.name for path in folder.iterdir()}
    if PROTOCOL not in names and names - {_LOCK, PROTOCOL + _UNFINISHED}:
        raise RunError(f"{folder} is neither empty nor a run; choose another folder")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the run for writing, or raise `RunError` where another writer holds it.

    The operating system lets go of it when the process ends.
    """
    lock = FileLock(no_link(folder / _LOCK), timeout=0, thread_local=False)
    with writing(folder):
        try:
            lock.acquire()
        except Timeout:
            raise RunError(
                f"{folder} is in use: another process is writing to it; "
                "stop that one or wait for its end"
            ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn each OSError of writing into a `RunError`, which says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK_FULL:
            raise RunError(f"cannot write to {folder}: {error.strerror or error}") from error
        again = f"run `embodied resume {folder}`" if is_run(folder) else "start the run again"
        raise RunError(
            f"the disk is full: cannot write to {folder}; free space and {again}"
        ) from error


def open_file(path: Path) -> BinaryIO:
    """Open a file of a run for reading.

    Raises:
        FileNotFoundError: it is not there.
        RunError: it is not a plain file, or may not be read.
    """
    try:
        if no_link(path).exists() and not path.is_file():
            raise RunError(f"{path} is not a plain file")
        return path.open("rb")
    except PermissionError as error:
        raise RunError(f"{path} may not be read: {error.strerror}") from error


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a file anew; it takes the old one's place at the end, whole or not at all."""
    unfinished = path.with_name(path.name + _UNFINISHED)
    unfinished.unlink(missing_ok=True)
    try:
        with unfinished.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make new names in a folder survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folders(folder: Path) -> None:
    """Make the folders of shards and invocations, unless they are there."""
    for files in (SHARDS, INVOCATIONS):
        inner = no_link(folder / files.folder)
        if not inner.is_dir():
            inner.mkdir()
            sync_folder(folder)


def read_protocol(folder: Path) -> RunProtocol:
    """Read the protocol of a run, of an earlier version too; raise `RunError` where that fails."""
    path = folder / PROTOCOL
    record = _read_mapping(path)
    try:
        record = migrate(record, PROTOCOLS)
        del record["schema_version"]
        return RunProtocol.model_validate(record)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise RunError(f"{path} is not a protocol: {where}: {first['msg']}") from error
    except RunError as error:
        raise RunError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{path} is not a protocol: {error}") from error


def read_config(folder: Path) -> dict[str, Any]:
    """Read the configuration of a run, or raise `RunError` where it cannot be read."""
    return _read_mapping(folder / _CONFIG)


def write_protocol(folder: Path, protocol: RunProtocol) -> None:
    """Write the protocol; from here on the folder is a run."""
    record = {"schema_version": SCHEMA_VERSION, **protocol.model_dump(mode="json")}
    _write_yaml(folder / PROTOCOL, record)


def write_config(folder: Path, config: dict[str, Any]) -> None:
    """Write the configuration; raise `ConfigError` where it holds what YAML has no words for."""
    _write_yaml(folder / _CONFIG, config)


def delete_run(folder: Path) -> None:
    """Delete what a run wrote to its folder, which remains. If interrupted, it can be repeated.

    Raises:
        RunError: the folder holds no run, or something that no run writes; another process is
            writing to it; it cannot be deleted.
    """
    names = {path.name for path in existing_run(folder).iterdir()} - {_LOCK}
    if others := sorted(names.difference(_CONTENTS)):
        raise RunError(
            f"{folder} is not deleted: it also holds {', '.join(others)}, which no run writes; "
            "move that away, or choose another folder"
        )
    with locked(folder), writing(folder):
        for name in _CONTENTS:
            path = folder / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def no_link(path: Path) -> Path:
    """Return a path of a run; raise `RunError` where it is a link, which may lead anywhere."""
    if path.is_symlink():
        raise RunError(f"{path} is a symbolic link, which a run folder may not hold")
    return path


def _write_yaml(path: Path, content: dict[str, Any]) -> None:
    try:
        text = yaml.dump(content, Dumper=_WithoutAliases, sort_keys=False, allow_unicode=True)
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{path.name} cannot be written as YAML: {error}") from error
    content_bytes = text.encode()
    if len(content_bytes) > YAML_BYTES:
        raise ConfigError(f"{path} would be larger than {YAML_BYTES} bytes, and not be read again")
    with replacing(path) as file:
        file.write(content_bytes)


def _read_mapping(path: Path) -> dict[str, Any]:
    try:
        with open_file(path) as file:
            text = file.read(YAML_BYTES + 1)
    except FileNotFoundError as error:
        raise RunError(f"{path} is missing; start the run again as it was started first") from error
    if len(text) > YAML_BYTES:
        raise RunError(f"{path} is larger than {YAML_BYTES} bytes")
    try:
        _check_yaml(path, text)
        mapping = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise RunError(f"{path} is not YAML: {error}") from error
    if not isinstance(mapping, dict):
        raise RunError(f"{path} is not a mapping")
    return mapping


def _check_yaml(path: Path, text: bytes) -> None:
    """Refuse what lets a small file take much time or memory, and a run folder has no use for."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise RunError(f"{path} uses YAML aliases, which a run folder may not hold")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > YAML_DEPTH:
            raise RunError(f"{path} is nested more than {YAML_DEPTH} deep")
