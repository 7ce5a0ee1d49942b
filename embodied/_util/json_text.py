"""JSON texts within JSON texts."""

from __future__ import annotations

from pydantic_core import from_json

_LEVELS = 8


def unwrapped(text: str) -> str:
    r"""Take JSON out of the texts that it stands in: `"{\"a\": 1}"` becomes `{"a": 1}`.

    Models write the arguments of a call so, and some servers encode them once more. A text that
    stands for no object, list or nothing at all stays as it is.
    """
    for _ in range(_LEVELS):
        if not text.lstrip().startswith('"'):
            break
        try:
            inner = from_json(text)
        except ValueError:
            break
        if not isinstance(inner, str) or inner.strip()[:1] not in ("", "{", "[", '"'):
            break
        text = inner
    return text
