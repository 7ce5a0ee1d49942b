"""Texts of a server, for models and records to read."""

from __future__ import annotations

import re

from embodied._util.jsonable import truncate

RESULT_CHARACTERS = 20_000
_HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)
"""Control characters but newline and tab, and those that hide or turn round what stands there."""


def clean(text: object, characters: int = RESULT_CHARACTERS) -> str:
    """Return the text without characters that do not show, cut where it is longer."""
    if not isinstance(text, str):
        return ""
    kept = text[: characters + 1].replace("\r\n", "\n")
    return truncate(_HIDDEN.sub("", kept).encode("utf-8", "replace").decode(), characters)
