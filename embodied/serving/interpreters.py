"""Finds out what other Python environments hold."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

from embodied.errors import ConfigError

_SECONDS = 60.0
_SCRIPT = """
import importlib.metadata, json, sys
def there(name):
    try:
        return bool(importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return False
print(json.dumps([name for name in sys.argv[1:] if there(name)]))
"""


def installed(python: str, names: Sequence[str]) -> set[str]:
    """Find which of some distributions an interpreter's environment holds.

    Raises:
        ConfigError: the interpreter does not run.
    """
    try:
        done = subprocess.run(  # noqa: S603
            [python, "-c", _SCRIPT, *names],
            capture_output=True,
            check=True,
            timeout=_SECONDS,
        )
        return set(json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise ConfigError(f"--python {python}: no Python interpreter that runs: {error}") from None
