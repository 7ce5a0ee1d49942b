"""What a tool answered, cleaned and bounded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from embodied.environment import Attachment


@dataclass(frozen=True)
class ToolAnswer:
    """What a tool answered."""

    text: str
    data: Any = None
    """The structured result, as plain data; None where there is none."""
    failed: bool = False
    """Whether the server calls it an error."""
    attachments: tuple[Attachment, ...] = ()
