"""Separates the reasoning of a model from its answer.

Servers with a reasoning parser send it apart (vLLM: `reasoning`, before 0.12 and elsewhere
`reasoning_content`); the others leave it at the start of the content, in `<think>` tags. Thoughts
are recorded, but neither sent back nor read for actions: models are trained to see conversations
without the thoughts of earlier turns.
"""

from __future__ import annotations

_OPEN, _CLOSE = "<think>", "</think>"


def split_thoughts(content: str) -> tuple[str | None, str]:
    """Split content into the thoughts that begin it, if any, and what is said after them.

    Where thoughts were cut, all is thought. The opening tag may be missing, since chat templates
    (DeepSeek-R1's, Qwen's) write it at the end of the prompt.
    """
    start = content.lstrip()
    opened = start.startswith(_OPEN)
    before, closed, after = start.partition(_CLOSE)
    if opened:
        return before.removeprefix(_OPEN).strip(), after.lstrip()
    if closed and _OPEN not in before:
        return before.strip(), after.lstrip()
    return None, content
