"""An object of the calling Python program, as a setting: sent to workers, recorded by its hash."""

from __future__ import annotations

import functools
import hashlib
import inspect
import marshal
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from embodied.errors import ConfigError

OBJECT_PREFIX = "python:"
"""How the name of such an object begins in records."""


@dataclass(frozen=True)
class PythonObject:
    """A function or class of the calling program.

    It is pickled with all that its module defines, so that a worker needs no copy of the program;
    what is installed is only named.
    """

    value: Any

    @property
    def name(self) -> str:
        """Its name in records."""
        named = self.value if hasattr(self.value, "__qualname__") else type(self.value)
        return OBJECT_PREFIX + str(named.__qualname__).replace("<locals>.", "")

    @functools.cached_property
    def source_sha256(self) -> str:
        """The hash of its source, or of its compiled code where there is no source."""
        value = self.value
        written = value if isinstance(value, type) or inspect.isroutine(value) else type(value)
        try:
            source = inspect.getsource(written).encode()
        except (OSError, TypeError):
            members = vars(written).values() if isinstance(written, type) else [written]
            codes = [member.__code__ for member in members if hasattr(member, "__code__")]
            source = b"".join(sorted(map(marshal.dumps, codes)))
        return hashlib.sha256(source).hexdigest()

    def __reduce__(self) -> tuple[Callable[[bytes], PythonObject], tuple[bytes]]:
        return _unpickled, (_pickled(self.value),)


def _pickled(value: Any) -> bytes:
    try:
        import cloudpickle
    except ImportError:
        raise ConfigError(
            "a policy given as a Python object is sent to workers with cloudpickle; install it "
            "with: pip install 'embodied-codeact[ray]', or play with runner={'kind': 'local'}"
        ) from None
    module = sys.modules.get(value.__module__)
    if module is None or module.__name__ == "__main__" or _installed(module):
        return bytes(cloudpickle.dumps(value))
    cloudpickle.register_pickle_by_value(module)
    try:
        return bytes(cloudpickle.dumps(value))
    finally:
        cloudpickle.unregister_pickle_by_value(module)


def _unpickled(pickled: bytes) -> PythonObject:
    import cloudpickle

    return PythonObject(cloudpickle.loads(pickled))


def _installed(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    if file is None:
        return True
    roots = {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}
    return any(Path(file).is_relative_to(root) for root in roots)
