"""The pictures that an action leaves: open figures, and picture files in its folder."""

from __future__ import annotations

import io
import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .frames import FILE_BYTES, FILES

_SUFFIXES = (".png", ".jpg", ".jpeg", ".gif")


class Pictures:
    """Finds what is new after each action."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, int]] = {}
        self._number = 0

    def collect(self) -> tuple[list[tuple[str, bytes]], list[str]]:
        """Names and contents of new pictures, and notes on those that are left out.

        Open figures are closed.
        """
        kept: list[tuple[str, bytes]] = []
        notes: list[str] = []
        room = FILE_BYTES
        for name, data in itertools.chain(self._files(), self._figures()):
            if isinstance(data, str):
                notes.append(f"[{name} could not be drawn: {data}]")
            elif len(kept) >= FILES or len(data) > room:
                notes.append(f"[{name} was left out: at most {FILES} files, {FILE_BYTES} bytes]")
            elif data not in (other for _, other in kept):
                kept.append((name, data))
                room -= len(data)
        return kept, notes[:FILES]

    def _figures(self) -> Iterator[tuple[str, bytes | str]]:
        pyplot: Any = sys.modules.get("matplotlib.pyplot")
        if pyplot is None or not pyplot.get_fignums():
            return
        for number in pyplot.get_fignums()[: FILES + 1]:
            self._number += 1
            name = f"figure-{self._number}.png"
            data = io.BytesIO()
            try:
                pyplot.figure(number).savefig(data, format="png")
            except Exception as error:
                yield name, f"{type(error).__name__}: {error}"[:500]
            else:
                yield name, data.getvalue()
        pyplot.close("all")

    def _files(self) -> Iterator[tuple[str, bytes]]:
        with os.scandir() as entries:
            found = sorted(
                (entry.name, entry.stat())
                for entry in entries
                if entry.name.lower().endswith(_SUFFIXES) and entry.is_file()
            )
        for name, status in found[:100]:
            stamp = (status.st_mtime_ns, status.st_size)
            if self._seen.get(name) != stamp:
                self._seen[name] = stamp
                with Path(name).open("rb") as file:
                    yield name, file.read(FILE_BYTES + 1)
