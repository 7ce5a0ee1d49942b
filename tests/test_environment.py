"""Options of environments: one definition gives checks, defaults and help."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field, field_validator

from embodied import ConfigError, EnvironmentOptions


class Warehouse:
    class Options(EnvironmentOptions):
        """How the warehouse is built."""

        bays: int = Field(6, ge=1)
        """How many bays it has."""
        colours: tuple[str, ...] = ("red",)

        @field_validator("colours")
        @classmethod
        def _check_colours(cls, colours: tuple[str, ...]) -> tuple[str, ...]:
            if "pink" in colours:
                raise ConfigError("nothing is pink")
            if not colours:
                raise ValueError("colours must name one")
            return colours

    class GeneratorOptions(EnvironmentOptions, title="the generator"):
        racks: int = 1


def test_defaults_and_help() -> None:
    options = Warehouse.Options.parse({"colours": ["blue"]})
    assert (options.bays, options.colours) == (6, ("blue",))
    assert Warehouse.Options.model_fields["bays"].description == "How many bays it has."


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"bay": 1}, "Warehouse has no option 'bay'; did you mean 'bays'?"),
        ({"size": 1}, "Warehouse has no option 'size'; there are: bays, colours"),
        (
            {"bays": 0},
            "Warehouse's option 'bays': Input should be greater than or equal to 1, not 0",
        ),
        (
            {"colours": [1]},
            "Warehouse's option 'colours.0': Input should be a valid string, not 1",
        ),
        ({"colours": []}, "Warehouse's option colours must name one"),
        ({"colours": ["pink"]}, "nothing is pink"),
    ],
)
def test_mistakes(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Warehouse.Options.parse(options)
    assert str(caught.value) == said


def test_a_title_is_what_errors_say() -> None:
    with pytest.raises(ConfigError, match=r"^the generator has no option 'rack'"):
        Warehouse.GeneratorOptions.parse({"rack": 2})
