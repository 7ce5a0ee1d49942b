"""Several robots, or arms of one, over one environment."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

from embodied.controller import Controller, show
from embodied.environment import Environment, Observation, StepResult
from embodied.limits import AfterEnd


class Team(Controller):
    """Robots that share an environment and its steps; `team` makes the classes of them."""

    introduction = ""
    kinds: ClassVar[Mapping[str, type[Controller]]] = {}
    """The robots' classes, by the names that plans have for them."""

    def __init__(self, environment: Environment) -> None:
        self.members = {name: kind(environment) for name, kind in self.kinds.items()}
        for name, member in self.members.items():
            member.robot_name = name
            member.leader = self
        super().__init__(environment)

    @classmethod
    def robots(cls) -> Mapping[str, Mapping[str, str]]:
        """Return the actions of each robot."""
        return {
            robot: {action: f"{robot}_{action}" for action in kind.actions()}
            for robot, kind in cls.kinds.items()
        }

    def begin(
        self, observation: Observation, max_steps: int | None, after_end: AfterEnd = "stop"
    ) -> None:
        """Start an episode of all robots; what they send counts together."""
        super().begin(observation, max_steps, after_end)
        for member in self.members.values():
            member.begin(observation, max_steps, after_end)
            member.steps, member.handles = self.steps, self.handles

    def stop(self) -> Awaitable[None] | None:
        """Stop every robot, also where stopping another one has failed."""
        waiting: list[Awaitable[None]] = []
        failed: list[Exception] = []
        for member in self.members.values():
            try:
                stopping = member.stop()
            except Exception as error:
                failed.append(error)
            else:
                waiting += [stopping] if inspect.isawaitable(stopping) else []
        if waiting:
            return _await_all(waiting, failed)
        if failed:
            raise failed[0]
        return None

    def _step(self, command: str) -> StepResult:
        result = super()._step(command)
        for member in self.members.values():
            member.last_result = result
        return result


def team(**controllers: type[Controller]) -> type[Controller]:
    """Make one controller of several, such as `team(left=Arm, right=Arm)`.

    Its actions are those of each, with the robot's name before theirs: `left_move_to`, which code
    calls as `left.move_to(...)`. A robot finds its own name in `self.robot_name`, to send commands
    that say who is meant. Steps and limits are counted together.

    Raises:
        TypeError: two actions would have one name.
    """
    members: dict[str, Any] = {}
    for robot, kind in controllers.items():
        for action in kind.actions():
            if getattr(kind, action) is show:
                continue  # the team itself has one
            name = f"{robot}_{action}"
            if name in members:
                raise TypeError(f"two actions would be called {name}; name the robots otherwise")
            members[name] = _forwarding(robot, action, name, kind)
    said = [f"{robot}: {kind.introduction}" for robot, kind in controllers.items()]
    members |= {"kinds": controllers, "introduction": "\n\n".join(said)}
    members["thread_safe"] = all(kind.thread_safe for kind in controllers.values())
    made: type[Controller] = type("Team", (Team,), members)
    made.asynchronous = any(kind.asynchronous for kind in controllers.values())
    return made


def _forwarding(robot: str, action: str, name: str, kind: type[Controller]) -> Callable[..., Any]:
    """Make the method that calls one robot's action, with the same signature and docstring."""
    own = getattr(kind, action)

    @functools.wraps(own)
    def method(self: Team, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.members[robot], action)(*args, **kwargs)

    method.__name__ = name
    method.__qualname__ = f"Team.{name}"
    names = "|".join(map(re.escape, kind.actions()))
    documentation = kind.actions()[action].documentation
    method.__doc__ = re.sub(rf"\b({names})\(", rf"{robot}_\1(", documentation)
    return method


async def _await_all(waiting: list[Awaitable[None]], failed: list[Exception]) -> None:
    for stopping in waiting:
        try:
            await stopping
        except Exception as error:
            failed.append(error)
    if failed:
        raise failed[0]
