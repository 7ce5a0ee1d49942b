"""The options of the generator, from Python or as a user types them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from embodied._util.suggestion import suggestion
from embodied.errors import ConfigError
from embodied_envs.alfworld.rules import DIALECTS, KINDS, Dialect

SPLITS = ("train", "valid_seen", "valid_unseen")
"""``valid_seen`` has the floor plans of ``train``; ``valid_unseen`` has `HELD_OUT_FLOOR_PLANS`."""

MIN_RECEPTACLES = 4
"""A goal needs up to three receptacles, and there should be one more to look into."""


@dataclass(frozen=True)
class GeneratorOptions:
    """What the games are like.

    Raises:
        ValueError: a value is outside its range.
    """

    dialect: Dialect = "move"
    """``move`` (``move X to Y``, alfworld 0.4 and later) or ``put`` (``put X in/on Y``, before)."""
    kinds: tuple[str, ...] = KINDS
    """The task kinds, which take turns by index. A list of names, or names with commas between."""
    receptacles: int | None = None
    """How many receptacles a room has, at least `MIN_RECEPTACLES`. None, or more than its floor
    plan has: all of them (6 to 55)."""
    distractors: int | None = None
    """How many portable things there are besides those of the target's type, fewer where the room
    cannot hold them. None: each type of the floor plan, in one to three copies."""
    hidden: float = 0.3
    """The probability that a target starts behind a closed door, in rooms where it can."""

    def __post_init__(self) -> None:
        check_one_of("dialect", self.dialect, DIALECTS)
        object.__setattr__(self, "kinds", _kinds(self.kinds))
        if self.receptacles is not None:
            check_at_least("receptacles", self.receptacles, MIN_RECEPTACLES)
        if self.distractors is not None:
            check_at_least("distractors", self.distractors, 0)
        object.__setattr__(self, "hidden", _probability("hidden", self.hidden))


def read_options(options: Mapping[str, object]) -> tuple[str, GeneratorOptions]:
    """The split and the generator's options from names and values that a user gave.

    Raises:
        ConfigError: there is no such option, or a value is outside its range.
    """
    known = {"split", *(field.name for field in fields(GeneratorOptions))}
    given = dict(options)
    for name in given:
        if name not in known:
            raise ConfigError(f"the generator has no option {name!r}{suggestion(name, known)}")
    try:
        split = given.pop("split", SPLITS[0])
        check_one_of("split", split, SPLITS)
        return str(split), GeneratorOptions(**given)  # type: ignore[arg-type]  # it checks them
    except ValueError as error:
        raise ConfigError(f"the generator's option {error}") from error


def check_one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    """Raise a `ValueError` that names the choices unless `value` is one of them."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}; not {value!r}")


def check_at_least(name: str, value: object, least: int) -> None:
    """Raise a `ValueError` unless `value` is an integer from `least` up."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, not {value!r}")


def _kinds(value: object) -> tuple[str, ...]:
    names = [name.strip() for name in value.split(",")] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not names:
        raise ValueError(f"kinds must name at least one of {', '.join(KINDS)}; not {value!r}")
    for name in names:
        check_one_of("kinds", name, KINDS)
    if len(set(names)) < len(names):
        raise ValueError(f"kinds must not repeat: {', '.join(names)}")
    return tuple(names)


def _probability(name: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise ValueError(f"{name} must be from 0 to 1, not {value!r}")
    return float(value)
