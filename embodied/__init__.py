"""An LLM controls a robot by writing Python; `embodied` runs thousands of such episodes.

What stands here is imported when it is first used.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embodied.action_formats import ActionFormat, CallFormat, CodeFormat
    from embodied.controller import Controller, action
    from embodied.environment import (
        Attachment,
        Capabilities,
        Environment,
        EnvironmentOptions,
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
    from embodied.gymnasium.environment import to_gymnasium as to_gymnasium
    from embodied.gymnasium.wrap import wrap_gymnasium as wrap_gymnasium
    from embodied.interpreter import make_interpreter
    from embodied.limits import EpisodeLimits, Limits
    from embodied.plugins.registry import list_tasks, make_controller, make_environment
    from embodied.policy import Policy, PolicyContext, Reply
    from embodied.prompting import Prompt
    from embodied.protocol import Protocol
    from embodied.runs import Run, open_run, resume, run, run_async
    from embodied.store import RunReader
    from embodied.task import Task
    from embodied.trajectory import Message, Outcome, Trajectory, Usage

_NAMES = {
    "action_formats": "ActionFormat CallFormat CodeFormat",
    "controller": "Controller action",
    "environment": "Attachment Capabilities Environment EnvironmentOptions Observation Requirement "
    "StepResult",
    "episode": "run_episode",
    "errors": "ConfigError ContextOverflow DataError EmbodiedError InfrastructureError RunError",
    "gymnasium.environment": "to_gymnasium",
    "gymnasium.wrap": "wrap_gymnasium",
    "interpreter": "make_interpreter",
    "limits": "EpisodeLimits Limits",
    "plugins.registry": "list_tasks make_controller make_environment",
    "policy": "Policy PolicyContext Reply",
    "prompting": "Prompt",
    "protocol": "Protocol",
    "runs": "Run open_run resume run run_async",
    "store": "RunReader",
    "task": "Task",
    "trajectory": "Message Outcome Trajectory Usage",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}

# Without what needs an extra, so that `from embodied import *` works without it.
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
    "EnvironmentOptions",
    "EpisodeLimits",
    "InfrastructureError",
    "Limits",
    "Message",
    "Observation",
    "Outcome",
    "Policy",
    "PolicyContext",
    "Prompt",
    "Protocol",
    "Reply",
    "Requirement",
    "Run",
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
    "resume",
    "run",
    "run_async",
    "run_episode",
]


if not TYPE_CHECKING:  # a type checker would take any name for an attribute

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            module = importlib.import_module(f"{__name__}.{_MODULES[name]}")
            globals()[name] = getattr(module, name)
            return globals()[name]
        if not name.startswith("__") and importlib.util.find_spec(f"{__name__}.{name}"):
            return importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted([*globals(), *_MODULES])
