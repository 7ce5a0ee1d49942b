"""The options of the generator, from Python or as a user types them."""

from __future__ import annotations

from typing import Any, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from embodied.environment import EnvironmentOptions

Challenge = Literal["simple", "cooking", "coin_collector", "treasure_hunter", "custom"]


class GeneratorOptions(EnvironmentOptions, title="the generator"):
    """What the games are like. Names and ranges are those of `tw-make`."""

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
            raise ValueError("challenges: name at least one")
        return value

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if "treasure_hunter" in self.challenges and self.level > 30:
            raise ValueError("'level': treasure_hunter has levels 1 to 30")
        if "cooking" in self.challenges and self.take > self.recipe:
            raise ValueError("'take': no more than the recipe's ingredients")
        return self

    def settings(self, challenge: Challenge) -> dict[str, Any]:
        """Return the options that one kind of game has."""
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
