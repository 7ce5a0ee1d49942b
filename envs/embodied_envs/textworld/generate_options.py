"""The options of the generator, from Python or as a user types them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from embodied.errors import ConfigError

Challenge = Literal["simple", "cooking", "coin_collector", "treasure_hunter", "custom"]


class GeneratorOptions(BaseModel):
    """What the games are like. Names and ranges are those of `tw-make`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    challenges: tuple[Challenge, ...] = get_args(Challenge)
    """The kinds of game, which take turns. A list of names, or names with commas between."""
    level: int = Field(5, ge=1, le=100)
    """How hard `coin_collector` (to 100) and `treasure_hunter` (to 30) are."""
    rewards: Literal["dense", "balanced", "sparse"] = "dense"
    """How often `simple` gives points."""
    goal: Literal["detailed", "brief", "none"] = "detailed"
    """What `simple` says of its goal."""
    recipe: int = Field(2, ge=1, le=5)
    """Ingredients of the recipe of `cooking`."""
    take: int = Field(1, ge=0, le=5)
    """Ingredients that must be found, no more than the recipe has."""
    go: Literal[1, 6, 9, 12] = 6
    """Rooms of `cooking`."""
    open: bool = True
    """Whether containers and doors of `cooking` must be opened."""
    cook: bool = True
    """Whether ingredients must be cooked."""
    cut: bool = True
    """Whether ingredients must be cut."""
    drop: bool = False
    """Whether the player of `cooking` can carry only a few things."""
    rooms: int = Field(5, ge=1, le=50)
    """Rooms of `custom`."""
    objects: int = Field(10, ge=1, le=100)
    """Objects of `custom`, at least."""
    quest_length: int = Field(5, ge=1, le=30)
    """Actions that the quest of `custom` needs."""

    @field_validator("challenges", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(","))
        return value

    @field_validator("challenges")
    @classmethod
    def _some(cls, value: tuple[Challenge, ...]) -> tuple[Challenge, ...]:
        if not value:
            raise ValueError("name at least one")
        return value

    def settings(self, challenge: Challenge) -> dict[str, Any]:
        """Those options that one kind of game has."""
        match challenge:
            case "simple":
                names = {"rewards", "goal"}
            case "cooking":
                names = {"recipe", "take", "go", "open", "cook", "cut", "drop"}
            case "custom":
                names = {"rooms", "objects", "quest_length"}
            case _:
                names = {"level"}
        return self.model_dump(include=names)


def read_options(options: Mapping[str, object]) -> GeneratorOptions:
    """The generator's options from names and values that a user gave.

    Raises:
        ConfigError: there is no such option, or a value is outside its range.
    """
    try:
        read = GeneratorOptions.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        known = ", ".join(GeneratorOptions.model_fields)
        raise ConfigError(
            f"the generator's option {name!r}: {first['msg']}; the options are: {known}"
        ) from None
    if "treasure_hunter" in read.challenges and read.level > 30:
        raise ConfigError("the generator's option 'level': treasure_hunter has levels 1 to 30")
    if "cooking" in read.challenges and read.take > read.recipe:
        raise ConfigError("the generator's option 'take': no more than the recipe's ingredients")
    return read
