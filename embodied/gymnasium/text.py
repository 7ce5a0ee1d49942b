"""Observations of Gymnasium environments as text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from embodied.gymnasium.commands import to_plain

_SHOWN_NUMBERS = 100
_DIGITS = 4


def describe(observation: Any) -> str:
    """Render an observation for reading: texts as they are, mappings a line each, numbers with
    four significant digits, large arrays by their shape only.
    """
    match observation:
        case str():
            return observation
        case Mapping():
            return "\n".join(f"{key}: {describe(value)}" for key, value in observation.items())
        case np.ndarray() if observation.size > _SHOWN_NUMBERS:
            return f"(an array of shape {observation.shape}, {observation.dtype})"
        case tuple() | list() if any(isinstance(item, np.ndarray) for item in observation):
            return "\n".join(map(describe, observation))
    value = to_plain(observation)
    try:
        return json.dumps(_rounded(value), ensure_ascii=False)
    except (TypeError, ValueError):
        return str(value)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    return [_rounded(item) for item in value] if isinstance(value, list) else value
