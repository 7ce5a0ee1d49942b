"""What sessions may read: the Python installation, as far as imports need it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_SYSTEM_LIBRARIES = ("/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/", "/usr/local/lib/")
_DATA = ("/etc/ld.so.cache", "/usr/share/zoneinfo")


@dataclass(frozen=True)
class Installation:
    """Where Python and its packages are."""

    folders: tuple[str, ...]
    """The standard library and the folders of installed packages."""
    parts: tuple[str, ...]
    """What of these may be read: all but what is hidden."""
    others: tuple[str, ...]
    """Shared libraries and data from elsewhere."""

    @classmethod
    def of(cls, sites: Sequence[str], hidden: Sequence[str]) -> Installation:
        """Of the running Python.

        Args:
            sites: folders of installed packages.
            hidden: names in these folders that stay out.
        """
        standard = [path for path in sys.path if path not in sites and Path(path).is_dir()]
        nested = {Path(site).name for site in sites} | {"site-packages", "dist-packages"}
        parts = (*_entries(standard, nested), *_entries(sites, set(hidden)))
        others = (*_system_library_folders(), *_own_libraries(), *_DATA)
        return cls((*standard, *sites), parts, others)


def _entries(folders: Sequence[str], left_out: set[str]) -> Iterator[str]:
    for folder in folders:
        yield from (entry.path for entry in os.scandir(folder) if entry.name not in left_out)


def _system_library_folders() -> list[str]:
    """Folders of system libraries that are loaded, as more may have to be loaded from there."""
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return []
    loaded = [line.split(maxsplit=5)[-1] for line in lines if ".so" in line]
    return sorted({str(Path(lib).parent) for lib in loaded if lib.startswith(_SYSTEM_LIBRARIES)})


def _own_libraries() -> Iterator[str]:
    """Shared libraries that came with this Python, where it has a folder of its own."""
    if sys.base_prefix == "/usr":
        return
    for entry in os.scandir(Path(sys.base_prefix, "lib")):
        if entry.is_file() and ".so" in entry.name:
            yield entry.path
