"""An LLM controls a robot by writing Python; `embodied` runs thousands of such episodes.

What stands here is imported when it is first used.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embodied.action_formats import ActionFormat as ActionFormat
    from embodied.action_formats import CallFormat as CallFormat
    from embodied.action_formats import CodeFormat as CodeFormat
    from embodied.controller import Controller as Controller
    from embodied.controller import action as action
    from embodied.environment import Attachment as Attachment
    from embodied.environment import Capabilities as Capabilities
    from embodied.environment import Environment as Environment
    from embodied.environment import EnvironmentOptions as EnvironmentOptions
    from embodied.environment import Observation as Observation
    from embodied.environment import Requirement as Requirement
    from embodied.environment import StepResult as StepResult
    from embodied.episode import run_episode as run_episode
    from embodied.errors import ConfigError as ConfigError
    from embodied.errors import ContextOverflow as ContextOverflow
    from embodied.errors import DataError as DataError
    from embodied.errors import EmbodiedError as EmbodiedError
    from embodied.errors import InfrastructureError as InfrastructureError
    from embodied.errors import RunError as RunError
    from embodied.gymnasium.environment import to_gymnasium as to_gymnasium
    from embodied.gymnasium.wrap import wrap_gymnasium as wrap_gymnasium
    from embodied.handle import Handle as Handle
    from embodied.image import Image as Image
    from embodied.interpreter import make_interpreter as make_interpreter
    from embodied.limits import EpisodeLimits as EpisodeLimits
    from embodied.limits import Limits as Limits
    from embodied.plugins.registry import list_tasks as list_tasks
    from embodied.plugins.registry import make_controller as make_controller
    from embodied.plugins.registry import make_environment as make_environment
    from embodied.policy import Policy as Policy
    from embodied.policy import PolicyContext as PolicyContext
    from embodied.policy import Reply as Reply
    from embodied.prompting import Prompt as Prompt
    from embodied.protocol import Protocol as Protocol
    from embodied.robot_team import team as team
    from embodied.runs import Run as Run
    from embodied.runs import open_run as open_run
    from embodied.runs import resume as resume
    from embodied.runs import run as run
    from embodied.runs import run_async as run_async
    from embodied.store import RunReader as RunReader
    from embodied.task import Task as Task
    from embodied.trajectory import Message as Message
    from embodied.trajectory import Outcome as Outcome
    from embodied.trajectory import Trajectory as Trajectory
    from embodied.trajectory import Usage as Usage

_NAMES = {
    "action_formats": "ActionFormat CallFormat CodeFormat",
    "controller": "Controller action",
    "environment": "Attachment Capabilities Environment EnvironmentOptions Observation Requirement "
    "StepResult",
    "episode": "run_episode",
    "errors": "ConfigError ContextOverflow DataError EmbodiedError InfrastructureError RunError",
    "gymnasium.environment": "to_gymnasium",
    "gymnasium.wrap": "wrap_gymnasium",
    "handle": "Handle",
    "image": "Image",
    "interpreter": "make_interpreter",
    "limits": "EpisodeLimits Limits",
    "plugins.registry": "list_tasks make_controller make_environment",
    "policy": "Policy PolicyContext Reply",
    "prompting": "Prompt",
    "protocol": "Protocol",
    "runs": "Run open_run resume run run_async",
    "store": "RunReader",
    "task": "Task",
    "robot_team": "team",
    "trajectory": "Message Outcome Trajectory Usage",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}

if not TYPE_CHECKING:  # a type checker would take any name for an attribute
    # Without what needs an extra, so that `from embodied import *` works without it.
    __all__ = [name for name, module in _MODULES.items() if not module.startswith("gymnasium.")]

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
