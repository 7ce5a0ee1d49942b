"""Looks whether this machine has what a run needs, and says what to do where it has not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DISTRIBUTION = "embodied-codeact"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at, what was found, and what to do."""

    subject: str
    """What it belongs to: an extra, an environment, `machine`, `embodied` or `llm`."""
    name: str
    status: Literal["ok", "not installed", "problem"]
    found: str = ""
    """What is there, e.g. a version."""
    advice: str = ""
    """What to do where it is not ok."""
