"""Options of environments: one definition gives checks, defaults and help."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from pydantic import Field, field_validator

from embodied import ConfigError, EnvironmentOptions, Observation, StepResult


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


@pytest.mark.parametrize(
    ("info", "metrics"),
    [
        ({}, {}),
        ({"metrics": None}, {}),
        ({"metrics": 3}, {}),
        ({"metrics": {"a": 1, "b": 0.5, "c": True}}, {"a": 1.0, "b": 0.5, "c": 1.0}),
        ({"metrics": {"a": np.float32(0.5), "b": np.int64(2), "c": np.True_}},
         {"a": 0.5, "b": 2.0, "c": 1.0}),
        ({"metrics": {"a": np.array(0.5), "b": np.array([1, 2])}}, {"a": 0.5}),
        ({"metrics": {"arm": {"path": 2, "force": {"peak": 9}}}},
         {"arm.path": 2.0, "arm.force.peak": 9.0}),
        ({"metrics": {"a": "1", "b": None, "c": [1], "d": 1j, 5: Fraction(1, 2)}}, {"5": 0.5}),
        ({"metrics": {"a": float("nan"), "b": float("-inf"), "c": 10**400}}, {}),
    ],
)  # fmt: skip
def test_metrics_are_the_finite_numbers(info: Any, metrics: dict[str, float]) -> None:
    result = StepResult(Observation("x"), 0.0, False, False, {"success": False, **info})
    assert result.metrics == metrics
    assert all(type(value) is float for value in result.metrics.values())
