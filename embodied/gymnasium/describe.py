"""Observations of Gymnasium environments in words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from embodied.gymnasium.commands import to_plain

_SHOWN_NUMBERS = 100
_DIGITS = 4


def describe_observation(  # noqa: PLR0911 - one for each kind
    observation: Any, fields: Sequence[str] = ()
) -> str:
    """Render an observation for reading: texts as they are, mappings a line each, numbers with
    four significant digits, tables of integers row by row, large arrays by their shape only.

    Args:
        observation: an element of any space.
        fields: what the numbers of a flat array are, in their order.
    """
    match observation:
        case str():
            return observation
        case Mapping():
            return "\n".join(
                f"{key}: {describe_observation(value)}" for key, value in observation.items()
            )
        case np.ndarray() if fields and observation.shape == (len(fields),):
            values = map(describe_observation, observation)
            return "\n".join(f"{name}: {value}" for name, value in zip(fields, values, strict=True))
        case np.ndarray() if observation.size > _SHOWN_NUMBERS:
            return f"(an array of shape {observation.shape}, {observation.dtype})"
        case np.ndarray() if observation.ndim == 2 and observation.dtype.kind in "iu":
            return "\n" + "\n".join(" ".join(map(str, row)) for row in observation.tolist())
        case tuple() | list() if any(isinstance(item, np.ndarray) for item in observation):
            return "\n".join(map(describe_observation, observation))
    value = to_plain(observation)
    try:
        return json.dumps(_rounded(value), ensure_ascii=False)
    except (TypeError, ValueError):
        return str(value)


def grid_of(environment: gymnasium.Env[Any, Any]) -> tuple[int, int] | None:
    """Return rows and columns where an observation is the number of a cell, counted by rows.

    The toy environments of Gymnasium show their grid as `desc`, the map, or as `shape`.
    """
    space, raw = environment.observation_space, environment.unwrapped
    if not isinstance(space, spaces.Discrete) or space.start != 0:
        return None
    for shape in (np.shape(getattr(raw, "desc", ())), getattr(raw, "shape", ())):
        match shape:
            case (int(rows), int(columns)) if rows * columns == space.n:
                return rows, columns
    return None


def describe_cell(number: Any, grid: tuple[int, int]) -> str:
    """Say where the cell of a number is; rows and columns are counted from 0."""
    (rows, columns), cell = grid, int(number)
    return (
        f"row {cell // columns} of 0 to {rows - 1}, column {cell % columns} of 0 to {columns - 1}"
    )


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    return [_rounded(item) for item in value] if isinstance(value, list) else value
