"""How large the turns of an episode may be, so that its record can be stored."""

from __future__ import annotations

from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from embodied._util.jsonable import cut_to_size
from embodied.store.jsonl import LINE_BYTES, writable
from embodied.trajectory import Turn

EPISODE_BYTES = LINE_BYTES // 4 * 3
"""What the turns of an episode may take as JSON."""
_LEAST_BYTES = 8_192
"""What any turn may take."""
_ITEM_BYTES = 100


class TurnSizes:
    """Keeps the turns of an episode small enough: each may take a quarter of what is left.

    Args:
        size: of all turns, in bytes of JSON.
    """

    def __init__(self, size: int = EPISODE_BYTES) -> None:
        self._left = size

    def fit(self, turn: Turn) -> Turn:
        """Return a turn, cut if it is too large; its attachments and tokens go first."""
        most = max(self._left // 4, _LEAST_BYTES)
        size, text_bytes = _size(turn), most // 4
        while size > most:
            turn, size = _cut(turn, text_bytes), _size(turn)
            text_bytes //= 4
        self._left -= size
        return turn


def _size(turn: Turn) -> int:
    try:
        return len(to_json(turn, fallback=repr))
    except PydanticSerializationError:
        return len(to_json(writable(turn.model_dump()), fallback=repr))


def _cut(turn: Turn, text_bytes: int) -> Turn:
    """Shorten the texts and lists of a turn."""
    small = turn.model_copy(update={"attachments": [], "tokens": None, "cut": True})
    cut = Turn.model_validate(_shortened(small.model_dump(), text_bytes))
    return cut.model_copy(update={"pictures": turn.pictures})


def _shortened(value: Any, text_bytes: int) -> Any:
    match value:
        case str():
            return cut_to_size(value, text_bytes)
        case list():
            items = value[: text_bytes // _ITEM_BYTES]
            return [_shortened(item, text_bytes) for item in items]
        case dict():
            return {key: _shortened(item, text_bytes) for key, item in value.items()}
    return value
