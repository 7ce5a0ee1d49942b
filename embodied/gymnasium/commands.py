"""How text commands become the actions of a Gymnasium environment."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import Space, spaces

from embodied.errors import ConfigError


class Commands:
    """The commands of an action space.

    A discrete action is named by a word, where there are names for them. The actions of a `Text`
    space are commands as they are. Any other action is written as JSON: `3`, `[0.5, -1]`,
    `{"turn": 0.1}`.

    Args:
        space: the action space.
        names: of the actions of a `Discrete` space, in their order; empty: they have none.

    Raises:
        ConfigError: the names do not fit the space, or it is of a kind that has no JSON.
    """

    def __init__(self, space: Space[Any], names: Sequence[str] = ()) -> None:
        self._space = copy.deepcopy(space)  # samples of it change nothing for the environment
        self._names = {name: number for number, name in enumerate(names)}
        if names and not (isinstance(space, spaces.Discrete) and space.n == len(self._names)):
            raise ConfigError(f"{len(self._names)} names of actions do not fit the space {space}")
        element(self._space, to_plain(self._space.sample()))

    def action(self, command: str) -> Any:
        """Return the action that a command means.

        Raises:
            ValueError: it means none; the message says what would.
        """
        if isinstance(self._space, spaces.Discrete) and self._names:
            if command not in self._names:
                raise ValueError(f"There is no action {command!r:.80}; {self.describe()}")
            return self._space.start + self._names[command]
        try:
            textual = isinstance(self._space, spaces.Text)
            action = element(self._space, command if textual else json.loads(command))
        except (AttributeError, TypeError, ValueError, KeyError, OverflowError, RecursionError):
            action = None
        if action is None or not self._space.contains(action):
            raise ValueError(f"{command!r:.80} is no action here; {self.describe()}")
        return action

    def describe(self) -> str:
        """Say what actions there are."""
        if self._names:
            return f"the actions are: {', '.join(self._names)}."
        if isinstance(self._space, spaces.Text):
            return f"an action is {self.kind()}."
        return f"an action is {self.kind()}, such as {self.example()}."

    def kind(self) -> str:
        """Say what an action without a name is."""
        match self._space:
            case spaces.Discrete(start=start, n=n):
                return f"an integer from {start} to {start + n - 1}"
            case spaces.Text(min_length=least, max_length=most):
                return f"a text of {least} to {most} characters that it knows"
        return f"JSON that fits {self._space}"

    def example(self) -> str:
        """Return one command, always the same."""
        if self._names:
            return next(iter(self._names))
        self._space.seed(0)
        sample = to_plain(self._space.sample())
        return sample if isinstance(sample, str) else json.dumps(sample)


def element(space: Space[Any], value: Any) -> Any:
    """Make the element of a space that plain data stands for; it may lie outside of the bounds.

    Raises:
        AttributeError, TypeError, ValueError, KeyError, OverflowError: the data has another shape.
        ConfigError: the space is of a kind that has no plain data.
    """
    match space:
        case spaces.Dict():
            if value.keys() != space.keys():
                raise KeyError(f"the keys are {', '.join(space.keys())}")
            return {key: element(part, value[key]) for key, part in space.items()}
        case spaces.Tuple():
            return tuple(
                element(part, item) for part, item in zip(space.spaces, value, strict=True)
            )
        case spaces.Discrete():
            if type(value) is not int:
                raise TypeError("a discrete action is an integer")
            return value
        case spaces.Box() | spaces.MultiDiscrete() | spaces.MultiBinary():
            return _array(value, space)
        case spaces.Text():
            return value
    raise ConfigError(
        f"actions of the space {space} cannot be written as text; wrap the environment so that it "
        "has a Discrete, MultiDiscrete, MultiBinary, Box, Text, Tuple or Dict space"
    )


def to_plain(value: Any) -> Any:
    """Turn an element of a space into plain data."""
    match value:
        case np.ndarray() | np.generic():
            return value.tolist()
        case Mapping():
            return {str(key): to_plain(item) for key, item in value.items()}
        case tuple() | list():
            return [to_plain(item) for item in value]
    return value


def _array(value: Any, space: Space[Any]) -> Any:
    given = np.asarray(value)
    if given.dtype.kind not in "iufb":
        raise TypeError("numbers are needed")
    with np.errstate(over="ignore", invalid="ignore"):
        array = given.astype(space.dtype)
    if not np.isfinite(array).all():
        raise ValueError("they must be finite")
    if array.dtype.kind != "f" and (array != given).any():
        raise ValueError(f"they must fit {array.dtype}")
    return array
