"""A robot for any embodiment of inspect-robots: one function, whose arguments are its action."""

from __future__ import annotations

import inspect
import json
import keyword
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from embodied.controller import Controller, action

if TYPE_CHECKING:
    from inspect_robots.embodiment import EmbodimentInfo


def make_robot(info: EmbodimentInfo) -> type[Controller]:
    """Make a controller with the one action `act`, which takes one control step."""
    names = _names(info)
    bounds = [_bounds(info, number) for number in range(info.action_space.dim)]
    members = {
        "act": action(_act(names, bounds, _documentation(info, names, bounds))),
        "command_call": classmethod(_command_call(names)),
        "introduction": (info.docs or "").strip(),
    }
    return type("Robot", (Controller,), members)


def _command_call(names: list[str]) -> Callable[..., tuple[str, dict[str, Any]]]:
    def command_call(cls: type[Controller], command: str) -> tuple[str, dict[str, Any]]:
        return "act", dict(zip(names, json.loads(command), strict=True))

    return command_call


def _act(names: list[str], bounds: list[dict[str, Any]], documentation: str) -> Any:
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature([own, *(inspect.Parameter(name, kind) for name in names)])

    def act(*args: Any, **kwargs: Any) -> dict[str, Any]:
        robot, *numbers = signature.bind(*args, **kwargs).arguments.values()
        if not all(map(math.isfinite, numbers)):
            raise ValueError("the numbers of an action must be finite")
        robot.send(json.dumps([float(number) for number in numbers]))
        state: dict[str, Any] = robot.last_result.info["state"]
        return state

    act.__signature__ = signature  # type: ignore[attr-defined]
    act.__annotations__ = {
        name: Annotated[float, Field(**bound)] if bound else float
        for name, bound in zip(names, bounds, strict=True)
    }
    act.__annotations__["return"] = dict[str, Any]
    act.__doc__ = documentation
    return act


def _names(info: EmbodimentInfo) -> list[str]:
    """Name the numbers of an action as the embodiment does, where these are names of Python."""
    semantics = info.action_space.semantics
    labels = list(semantics.dim_labels or ()) if semantics is not None else []
    usable = all(label.isidentifier() and not keyword.iskeyword(label) for label in labels)
    if labels and usable and len(set(labels)) == len(labels) and "self" not in labels:
        return labels
    return [f"action_{number}" for number in range(info.action_space.dim)]


def _bounds(info: EmbodimentInfo, number: int) -> dict[str, Any]:
    box = info.action_space
    sides = {"ge": box.low, "le": box.high}
    found = {key: float(side.flat[number]) for key, side in sides.items() if side is not None}
    return {key: value for key, value in found.items() if math.isfinite(value)}


def _documentation(info: EmbodimentInfo, names: list[str], bounds: list[dict[str, Any]]) -> str:
    semantics = info.action_space.semantics
    said = ["Take one control step."]
    if semantics is not None:
        said.append(f"Control mode: {semantics.control_mode}, in the frame {semantics.frame}.")
        said.append(f"Rotation: {semantics.rotation_repr}. Gripper: {semantics.gripper}.")
    if info.control_hz is not None:
        said.append(f"A step is 1/{info.control_hz:g} s.")
    keys = sorted(info.observation_space.state_keys)
    said.append(f"Returns what is measured then, by name: {', '.join(keys) or 'nothing'}.")
    ranges = [
        f"    {name}: from {bound['ge']:g} to {bound['le']:g}."
        for name, bound in zip(names, bounds, strict=True)
        if len(bound) == 2
    ]
    parts = [" ".join(said)] + (["\n".join(["Args:", *ranges])] if ranges else [])
    zeros = ", ".join("0.0" for _ in names)
    return "\n\n".join([*parts, f"Example: act({zeros})"])
