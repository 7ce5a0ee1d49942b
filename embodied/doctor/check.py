"""One thing that was looked at."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Status = Literal["ok", "not installed", "problem"]


class Check(BaseModel):
    """What was looked at, what was found, and what to do."""

    model_config = ConfigDict(frozen=True)

    subject: str
    """What it belongs to: an extra, an environment, `machine`, `embodied` or `llm`."""
    name: str
    status: Status
    found: str = ""
    """What is there, e.g. a version."""
    advice: str = ""
    """What to do where it is not ok."""
