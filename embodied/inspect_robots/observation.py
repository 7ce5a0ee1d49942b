"""Observations of inspect-robots as texts and pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from embodied.environment import Observation
from embodied.image import Image

if TYPE_CHECKING:
    from inspect_robots.types import Observation as Seen

_DIGITS = 4


def observation_of(seen: Seen, instruction: str = "") -> Observation:
    """Write what is measured a line each, and attach the pictures of the cameras."""
    lines = [f"{key}: {json.dumps(_rounded(value))}" for key, value in state_of(seen).items()]
    text = "\n".join([*([instruction] if instruction else []), *lines])
    pictures = (Image.from_array(picture, name) for name, picture in seen.images.items())
    return Observation(text or "(nothing is measured)", tuple(pictures))


def state_of(seen: Seen) -> dict[str, Any]:
    """Return what is measured as plain data."""
    state: Mapping[str, Any] = seen.state
    return {str(key): np.asarray(value).tolist() for key, value in state.items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    return [_rounded(item) for item in value] if isinstance(value, list) else value
