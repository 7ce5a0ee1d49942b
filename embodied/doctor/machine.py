"""The machine itself: Python, processors, memory, disk."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
from pathlib import Path

import psutil
from packaging.specifiers import SpecifierSet

from embodied.doctor import DISTRIBUTION, Check

_GIB = 1024**3
_LEAST_MEMORY = 1 * _GIB
_LEAST_DISK = 1 * _GIB
_LEAST_SHARED = 256 * 1024**2
_SHARED = Path("/dev/shm")  # noqa: S108 - it is looked at only


def check_machine() -> list[Check]:
    """See whether a run of some workers has room here."""
    processors = _check("processors", str(os.cpu_count() or 1), True, "")
    return [_python(), processors, _memory(), _disk()]


def check_shared_memory(subject: str) -> list[Check]:
    """See whether Ray's objects fit where it keeps them on Linux."""
    if not _SHARED.is_dir():
        return []
    size = shutil.disk_usage(_SHARED).total
    advice = (
        f"Ray needs {_size(_LEAST_SHARED)} and is slow with less; in a container: "
        "docker run --shm-size=1g"
    )
    return [_check(str(_SHARED), _size(size), size >= _LEAST_SHARED, advice, subject)]


def _python() -> Check:
    wanted = importlib.metadata.metadata(DISTRIBUTION)["Requires-Python"]
    version = platform.python_version()
    fits = SpecifierSet(wanted).contains(version, prereleases=True)
    return _check("Python", version, fits, f"use a Python {wanted}")


def _memory() -> Check:
    memory = psutil.virtual_memory()
    found = f"{_size(memory.available)} free of {_size(memory.total)}"
    advice = "a worker takes 0.3 GB and more; end other programs, or use fewer runner.workers"
    return _check("memory", found, memory.available >= _LEAST_MEMORY, advice)


def _disk() -> Check:
    free = shutil.disk_usage(Path.cwd()).free
    advice = "a run writes 10 to 50 kB an episode; make room, or choose another folder with --out"
    return _check("disk, this folder", f"{_size(free)} free", free >= _LEAST_DISK, advice)


def _check(name: str, found: str, fits: bool, advice: str, subject: str = "machine") -> Check:
    return Check(subject, name, "ok" if fits else "problem", found, advice)


def _size(count: int) -> str:
    return f"{count / _GIB:.1f} GiB"
