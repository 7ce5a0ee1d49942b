"""A real robot is used by one episode of this machine at a time."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from embodied.errors import ConfigError

_SECONDS = 1.0


def lock_robot(environment: str, options: Mapping[str, Any]) -> FileLock:
    """Take the robot that an environment with such options moves, until the lock is released.

    Raises:
        ConfigError: another run has it.
    """
    which = json.dumps([environment, dict(options)], sort_keys=True, default=str)
    name = f"embodied-robot-{hashlib.sha256(which.encode()).hexdigest()[:16]}.lock"
    lock = FileLock(Path(tempfile.gettempdir()) / name, timeout=_SECONDS, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise ConfigError(
            f"the robot of {environment} is in use by another run; wait for its end, or end it"
        ) from None
    return lock
