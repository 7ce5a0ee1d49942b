"""One answer of a model, as the rest of the project knows it."""

from __future__ import annotations

from dataclasses import dataclass

from embodied.trajectory import TokenRecord, ToolCall, Usage


@dataclass(frozen=True)
class Completion:
    """One answer of a model."""

    content: str
    """What it says, without what it thought before."""
    usage: Usage
    """Tokens as the server counted them; zeros where it does not."""
    finish_reason: str | None
    """Why the answer ends, in the server's word: `stop`, `length`, …"""
    tool_calls: tuple[ToolCall, ...] = ()
    """The functions that it calls, where functions were offered: each with an id of its own and a
    JSON object as arguments. Calls that are not so are text at the end of `content`."""
    unusable_calls: tuple[str, ...] = ()
    """What is wrong with each of those, in words."""
    reasoning: str | None = None
    """What a thinking model thought; no part of the conversation."""
    tokens: TokenRecord | None = None
    """The tokens of prompt and answer, where the server sends them."""
    model: str | None = None
    """What the server calls the model that answered."""
    cached: bool = False
    """Whether it was kept from an earlier run; its tokens are those of then."""
    retries: tuple[str, ...] = ()
    """What each failed attempt before it met, in words."""
