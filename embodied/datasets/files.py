"""Files of rows, JSON lines or Parquet, written and read a row at a time."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, BinaryIO, TypeAlias

from pydantic_core import from_json, to_json

from embodied.datasets.columns import ColumnType, import_pyarrow, to_arrow
from embodied.errors import ConfigError, DataError
from embodied.store.jsonl import LINE_BYTES, read_line

Row: TypeAlias = dict[str, Any]

_BATCH_BYTES = 16 * 1024 * 1024
"""What of a Parquet file is gathered in memory before it is written."""


class _Writer(ABC):
    @abstractmethod
    def write(self, row: Row) -> None:
        """Append a row."""

    @abstractmethod
    def close(self) -> None:
        """Finish the file."""


class _JsonLines(_Writer):
    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def write(self, row: Row) -> None:
        self._file.write(to_json(row) + b"\n")

    def close(self) -> None:
        self._file.close()


class _Parquet(_Writer):
    def __init__(self, path: Path, columns: Mapping[str, ColumnType]) -> None:
        self._arrow = import_pyarrow()
        self._schema = to_arrow(columns)
        self._writer = self._arrow.parquet.ParquetWriter(path, self._schema, compression="zstd")
        self._rows: list[Row] = []
        self._bytes = 0

    def write(self, row: Row) -> None:
        self._rows.append(row)
        self._bytes += len(to_json(row))
        if self._bytes >= _BATCH_BYTES:
            self._flush()

    def _flush(self) -> None:
        self._writer.write_table(self._arrow.Table.from_pylist(self._rows, schema=self._schema))
        self._rows, self._bytes = [], 0

    def close(self) -> None:
        self._flush()
        self._writer.close()


def write_rows(
    path: Path, rows: Iterable[Row], columns: Mapping[str, ColumnType], *, parquet: bool
) -> int:
    """Write rows to a file and count them; one without rows is not kept.

    Raises:
        ConfigError: pyarrow is not installed.
    """
    writer = _Parquet(path, columns) if parquet else _JsonLines(path)
    number = 0
    try:
        for row in rows:
            writer.write(row)
            number += 1
    finally:
        writer.close()
    if not number:
        path.unlink()
    return number


def read_lines(path: Path) -> Iterator[tuple[int, Row]]:
    """Read the objects of a file of JSON lines, each with the byte position of its line.

    Raises:
        DataError: the file cannot be read, or a line is no object.
    """
    try:
        with path.open("rb") as file:
            for number, (offset, line) in enumerate(_lines(file), start=1):
                if line is None or line.strip():
                    yield offset, _object(line, f"{path}, line {number}")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def read_line_at(file: BinaryIO, offset: int) -> Row:
    """Read the object of the line that begins at a byte position."""
    file.seek(offset)
    return _object(read_line(file), f"{file.name}, byte {offset}")


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    offset = 0
    while line := read_line(file):
        yield offset, line
        offset = file.tell()
    if line is None:
        yield offset, None


def _object(line: bytes | None, where: str) -> Row:
    if line is None:
        raise DataError(f"{where} is longer than {LINE_BYTES} bytes")
    try:
        value = from_json(line)
    except ValueError as error:
        raise DataError(f"{where} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise DataError(f"{where} holds no object, but {value!r:.80}")
    return value


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Fill a folder that appears under its name only when all of it is there.

    Raises:
        ConfigError: it is there and not empty, or cannot be written.
    """
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise ConfigError(f"{folder} is there already; choose another folder, or remove it")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error.strerror or error}") from error
    try:
        yield unfinished
        unfinished.chmod(0o755)
        unfinished.replace(folder)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
