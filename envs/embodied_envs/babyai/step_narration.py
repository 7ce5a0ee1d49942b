"""What a step did, in one sentence."""

from __future__ import annotations

from typing import Any, NamedTuple

from embodied_envs.babyai.view import name


class StateBefore(NamedTuple):
    """What a sentence needs to know of the state before the step."""

    place: tuple[int, int]
    ahead: Any
    """The thing in front of the robot, or None."""
    called: str
    carried: Any

    @classmethod
    def of(cls, level: Any) -> StateBefore:
        """Return the state of a level now."""
        ahead = level.grid.get(*level.front_pos)
        return cls(level.agent_pos, ahead, name(ahead) if ahead else "nothing", level.carrying)


def narrate_step(command: str, before: StateBefore, level: Any) -> str:
    """Say in one sentence what a command has done to a level.

    Args:
        command: one of the robot's commands.
        before: the state before it.
        level: the state after it.
    """
    match command:
        case "turn left" | "turn right":
            return f"You turned {command[5:]}."
        case "forward":
            return _moved(before, level)
        case "pick up":
            return _picked_up(before, level)
        case "drop":
            return _dropped(before, level)
        case "toggle":
            return _toggled(before, level)
        case _:
            return "Nothing happened."


def _moved(before: StateBefore, level: Any) -> str:
    if level.agent_pos != before.place:
        return "You moved forward."
    return f"You did not move: the {before.called} is in the way."


def _picked_up(before: StateBefore, level: Any) -> str:
    if level.carrying is not before.carried:
        return f"You picked up the {before.called}."
    if before.carried:
        return f"You picked up nothing: you carry the {name(before.carried)}."
    if before.ahead is None:
        return "You picked up nothing: nothing is in front of you."
    return f"You picked up nothing: the {before.called} cannot be carried."


def _dropped(before: StateBefore, level: Any) -> str:
    if level.carrying is not before.carried:
        return f"You dropped the {name(before.carried)}."
    if before.carried is None:
        return "You dropped nothing: you carry nothing."
    return f"You dropped nothing: the {before.called} is in front of you."


def _toggled(before: StateBefore, level: Any) -> str:
    ahead = before.ahead
    if ahead is None:
        return "You toggled nothing: nothing is in front of you."
    left = level.grid.get(*level.front_pos)
    if left is not ahead:
        content = f"a {name(left)}" if left else "nothing"
        return f"You opened the {before.called}; it is gone, and {content} was in it."
    if ahead.type != "door":
        return f"You toggled nothing: the {before.called} cannot be toggled."
    if ahead.is_locked:
        return f"The {ahead.color} door is locked; only who carries the {ahead.color} key opens it."
    return f"You {'opened' if ahead.is_open else 'closed'} the {before.called}."
