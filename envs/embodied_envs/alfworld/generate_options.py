"""The options of the generator, from Python or as a user types them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from embodied.environment import EnvironmentOptions
from embodied_envs.alfworld.rules import KINDS, Dialect

Split = Literal["train", "valid_seen", "valid_unseen"]
SPLITS: tuple[Split, ...] = ("train", "valid_seen", "valid_unseen")

MIN_RECEPTACLES = 4
"""A goal needs up to three receptacles, and there should be one more to look into."""


def _names(value: object) -> object:
    return [name.strip() for name in value.split(",")] if isinstance(value, str) else value


class GeneratorOptions(EnvironmentOptions, title="the generator"):
    """What the games are like."""

    split: Split = "train"
    """`valid_seen` has the floor plans of `train`; `valid_unseen` has 12 others."""
    dialect: Dialect = "move"
    """`move` (`move X to Y`, alfworld 0.4 and later) or `put` (`put X in/on Y`, before)."""
    kinds: Annotated[tuple[str, ...], BeforeValidator(_names)] = KINDS
    """The task kinds, which take turns by index. A list of names, or names with commas between."""
    receptacles: int | None = Field(None, ge=MIN_RECEPTACLES, strict=True)
    """How many receptacles a room has. None, or more than its floor plan has: all (6 to 55)."""
    distractors: int | None = Field(None, ge=0, strict=True)
    """How many portable things there are besides those of the target's type, fewer where the room
    cannot hold them. None: each type of the floor plan, in one to three copies."""
    hidden: float = Field(0.3, ge=0, le=1, strict=True)
    """The probability that a target starts behind a closed door, in rooms where it can."""

    @field_validator("kinds")
    @classmethod
    def _check_kinds(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [kind for kind in kinds if kind not in KINDS]
        if unknown or not kinds:
            got = repr(unknown[0]) if unknown else "none"
            raise ValueError(f"kinds must be one of {', '.join(KINDS)}, or several; not {got}")
        if len(set(kinds)) < len(kinds):
            raise ValueError(f"kinds must not repeat: {', '.join(kinds)}")
        return kinds
