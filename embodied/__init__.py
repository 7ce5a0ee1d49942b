"""An LLM controls a robot by writing Python; `embodied` runs thousands of such episodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embodied.action_formats import ActionFormat, CallFormat, CodeFormat
from embodied.controller import Controller, action
from embodied.environment import (
    Attachment,
    Capabilities,
    Environment,
    Observation,
    Requirement,
    StepResult,
)
from embodied.episode import run_episode
from embodied.errors import (
    ConfigError,
    ContextOverflow,
    DataError,
    EmbodiedError,
    InfrastructureError,
    RunError,
)
from embodied.interpreter import make_interpreter
from embodied.limits import EpisodeLimits, Limits
from embodied.plugins.registry import list_tasks, make_controller, make_environment
from embodied.policy import Policy, Reply
from embodied.prompting import Prompt
from embodied.protocol import Protocol
from embodied.store import RunReader, open_run
from embodied.task import Task
from embodied.trajectory import Message, Outcome, Trajectory, Usage

if TYPE_CHECKING:
    from embodied.gymnasium.environment import to_gymnasium as to_gymnasium
    from embodied.gymnasium.wrap import wrap_gymnasium as wrap_gymnasium

__all__ = [
    "ActionFormat",
    "Attachment",
    "CallFormat",
    "Capabilities",
    "CodeFormat",
    "ConfigError",
    "ContextOverflow",
    "Controller",
    "DataError",
    "EmbodiedError",
    "Environment",
    "EpisodeLimits",
    "InfrastructureError",
    "Limits",
    "Message",
    "Observation",
    "Outcome",
    "Policy",
    "Prompt",
    "Protocol",
    "Reply",
    "Requirement",
    "RunError",
    "RunReader",
    "StepResult",
    "Task",
    "Trajectory",
    "Usage",
    "action",
    "list_tasks",
    "make_controller",
    "make_environment",
    "make_interpreter",
    "open_run",
    "run_episode",
]


def __getattr__(name: str) -> Any:
    """What needs the extra `gymnasium`, which is imported when it is first used.

    None of it is in `__all__`: `from embodied import *` works without the extra.
    """
    if name == "to_gymnasium":
        from embodied.gymnasium.environment import to_gymnasium

        return to_gymnasium
    if name == "wrap_gymnasium":
        from embodied.gymnasium.wrap import wrap_gymnasium

        return wrap_gymnasium
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
