"""Tries code in a process of its own: what is broken, such as a driver, may end it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

_MOST_CHARACTERS = 300


def probe(
    code: str, *words: str, seconds: float, environment: Mapping[str, str] = {}
) -> str | None:
    """Run Python code with a command line of `words` in another process, for `seconds` at most.

    `environment` adds variables to those of this process. Returns why it failed, which is the last
    line that it wrote to standard error; None: it did not.
    """
    try:
        done = subprocess.run(  # noqa: S603 - this interpreter
            [sys.executable, "-c", code, *words],
            env=os.environ | dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"takes more than {seconds:g} s"
    if done.returncode == 0:
        return None
    said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    return said[-1][:_MOST_CHARACTERS]
