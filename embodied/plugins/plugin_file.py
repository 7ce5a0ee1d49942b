"""Environments, controllers and experts in one Python file, named `path/to/file.py:Name`.

A file stands alone and is loaded once in a process, as modules are.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import re
import sys
import threading
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from embodied._util import parsing
from embodied.errors import PASSED_ON, ConfigError
from embodied.plugins.address import absolute_address, is_address, short_address

_MODULE_PREFIX = "embodied_file_"
_loading = threading.RLock()
"""The cache alone lets two threads load a file into two modules. A file may load others."""


@dataclass(frozen=True)
class PluginFile:
    """A file that has been loaded."""

    path: Path
    module: ModuleType
    sha256: str
    """Of what was loaded, even if the file has changed since."""

    def get(self, name: str, kind: str) -> Any:
        """Return what the file defines under a name; ConfigError where that is no `kind`."""
        found: Any = self.module
        for part in name.split("."):
            if part not in dir(found):
                values, module = vars(self.module).items(), self.module.__name__
                own = [n for n, v in values if getattr(v, "__module__", None) == module]
                raise ConfigError(
                    f"{self.path} defines no {kind} {name!r}; it defines: "
                    f"{', '.join(own) or 'nothing'}"
                )
            found = getattr(found, part)
        return found


def is_file(name: str) -> bool:
    """Tell whether a plugin's name names a file, with or without what is meant in it."""
    return (name.endswith(".py") or ".py:" in name) and not is_address(name)


def load_file(name: str, kind: str) -> tuple[PluginFile, str]:
    """Load the file that `path/to/file.py:Name` means; return it and the name in it.

    Raises:
        ConfigError: there is no such file, it cannot be loaded, or the name is missing.
    """
    path, attribute = _parts(name)
    if not attribute:
        raise ConfigError(
            f"the {kind} {name!r} names a file only; add the name of the class: {name}:CLASS"
        )
    with _loading, parsing.PARSER:
        return _loaded(_absolute(path)), attribute


def absolute_name(name: str) -> str:
    """Make the path of the file in a name absolute, so that it means the same in any folder."""
    if is_address(name):
        return absolute_address(name)
    if not is_file(name):
        return name
    path, attribute = _parts(name)
    return f"{_absolute(path)}:{attribute}" if attribute else str(_absolute(path))


def short_name(name: str) -> str:
    """Drop the folders of a name: protocols record the rest, as files may be moved."""
    if is_address(name):
        return short_address(name)
    if not is_file(name):
        return name
    path, attribute = _parts(name)
    return f"{path.name}:{attribute}"


def file_of(kind: type) -> str | None:
    """Return the file that a class was loaded from by its name; None: it is from no such file."""
    if not kind.__module__.startswith(_MODULE_PREFIX):
        return None
    return sys.modules[kind.__module__].__file__


def _parts(name: str) -> tuple[Path, str]:
    path, separator, attribute = name.rpartition(".py:")
    return (Path(f"{path}.py"), attribute) if separator else (Path(name), "")


def _absolute(path: Path) -> Path:
    # `Path.expanduser` raises for an unknown user; `Path.resolve` follows links.
    return Path(os.path.abspath(os.path.expanduser(path)))  # noqa: PTH100, PTH111


@functools.cache
def _loaded(path: Path) -> PluginFile:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"there is no file {path}") from None
    except OSError as error:
        raise ConfigError(f"the file {path} cannot be read: {error}") from None
    words = re.sub(r"\W", "_", path.stem)  # the name is the same in every process
    digest = hashlib.sha256(str(path).encode(errors="surrogateescape")).hexdigest()
    spec = importlib.util.spec_from_file_location(f"{_MODULE_PREFIX}{words}_{digest[:8]}", path)
    assert spec is not None  # noqa: S101 - it ends with .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module  # dataclasses and pickle look it up there
    try:
        exec(_compiled(path, content), vars(module))  # noqa: S102 - the user's own plugin
    except BaseException as error:
        del sys.modules[module.__name__]
        if isinstance(error, PASSED_ON):
            raise
        raise ConfigError(_explained(path, error)) from error
    return PluginFile(path, module, hashlib.sha256(content).hexdigest())


def _compiled(path: Path, content: bytes) -> Any:
    try:
        return compile(parsing.parse(content), path, "exec", dont_inherit=True)
    except SyntaxError as error:
        where = f", line {error.lineno}" if error.lineno else ""
        raise ConfigError(f"{path}{where} is not Python: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ConfigError(f"{path} is not Python: {error}") from None


def _explained(path: Path, error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        if (path.parent / f"{package}.py").exists() or (path.parent / package).is_dir():
            return (
                f"{path} imports its neighbour {package!r}, but a file that is named by its path "
                "stands alone: a run records its hash. Put all into one file, or make a package "
                "with entry points (docs/plugins.md)"
            )
        return (
            f"{path} needs the package {error.name!r}, which is not installed; install it with "
            f"{sys.executable} -m pip install"
        )
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    where = f", line {lines[-1]}" if lines else ""
    return f"{path}{where} cannot be loaded: {type(error).__name__}: {error}"
