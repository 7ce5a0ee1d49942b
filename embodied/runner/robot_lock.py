"""A real robot is used by one episode of this machine at a time."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

from embodied.config.schema import EnvironmentConfig
from embodied.errors import ConfigError
from embodied.plugins.plugin_file import absolute_name
from embodied.plugins.registry import environment_class, with_options

_SECONDS = 1.0
_URL = "://"


def is_physical(settings: EnvironmentConfig) -> bool:
    """Tell whether an environment moves something real."""
    if settings.physical is not None:
        return settings.physical
    return environment_class(settings.plugin).capabilities.physical


def lock_robot(settings: EnvironmentConfig) -> FileLock | None:
    """Take the robot that an environment moves, until the lock is released; None: it is not real.

    What a URL leads to is one robot, whatever is to be done with it; elsewhere the options say
    which one it is.

    Raises:
        ConfigError: somebody else has it.
    """
    if not is_physical(settings):
        return None
    name, options = settings.plugin, {}
    if _URL not in name:
        kind = environment_class(name)
        options = with_options(name, kind.resolve_options, **settings.options)
    which = json.dumps([absolute_name(name), options], sort_keys=True, default=str)
    file = f"embodied-robot-{hashlib.sha256(which.encode()).hexdigest()[:16]}.lock"
    lock = FileLock(Path(tempfile.gettempdir()) / file, timeout=_SECONDS, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise ConfigError(
            f"the robot of {name} is in use by another run or by `embodied mcp`; wait for its end, "
            "or end it"
        ) from None
    return lock
