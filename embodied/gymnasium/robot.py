"""A robot for any Gymnasium environment: one function, derived from the action space."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from gymnasium import Space, spaces

from embodied.controller import Controller, action
from embodied.gymnasium.commands import Commands


def make_robot(space: Space[Any] | None, names: Sequence[str] = ()) -> type[Controller]:
    """Make a controller with the one action `act`, for a space or the names of its actions."""
    if space is None:
        named: Any = Literal[tuple(names)]
        return _robot(named, f'act("{names[0]}")', textual=True)
    commands = Commands(space)
    textual = isinstance(space, spaces.Text)
    example = commands.example()
    written = repr(example) if textual else repr(json.loads(example))
    said = f"Take an action: {commands.kind()}."
    return _robot(_type(space), f"act({written})", textual=textual, said=said)


def _robot(
    kind: Any, example: str, *, textual: bool, said: str = "Take an action."
) -> type[Controller]:
    def act(self: Controller, action: Any) -> str:
        return self.send(action if textual else _json(action))

    def command_call(cls: type[Controller], command: str) -> tuple[str, dict[str, Any]]:
        return "act", {"action": command if textual else json.loads(command)}

    act.__annotations__ = {"action": kind, "return": str}
    act.__doc__ = f"{said} Returns what is seen then.\n\nExample: {example}"
    members = {"act": action(act), "command_call": classmethod(command_call)}
    return type("Robot", (Controller,), {**members, "__doc__": "Takes actions of the space."})


def _json(action: Any) -> str:
    try:
        return json.dumps(action)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"this cannot be written as JSON: {error}") from None


def _type(space: Space[Any]) -> Any:
    match space:
        case spaces.Discrete():
            return int
        case spaces.Text():
            return str
        case spaces.Box() | spaces.MultiDiscrete() | spaces.MultiBinary():
            number: Any = float if space.dtype is not None and space.dtype.kind == "f" else int
            for _ in space.shape or ():
                number = list[number]
            return number
        case spaces.Dict():
            return dict[str, Any]
    return list[Any]
