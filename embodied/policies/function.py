"""A function as a policy: it takes the messages so far and returns the next one."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Self

from embodied.config.python_object import OBJECT_PREFIX
from embodied.config.schema import PolicyConfig
from embodied.errors import ConfigError
from embodied.plugins.plugin_file import is_file, load_file
from embodied.plugins.registry import load
from embodied.policy import Policy, PolicyContext, Reply
from embodied.trajectory import Message

Answer = str | Reply | None


class FunctionPolicy(Policy):
    """Answers with what a function returns: a text, a `Reply`, or None to give up.

    Args:
        name: what trajectories call it.
        function: of the messages so far. A coroutine function runs in the worker's event loop, any
            other in a thread, as it may block.
    """

    def __init__(
        self,
        name: str,
        function: Callable[[Sequence[Message]], Answer | Awaitable[Answer]],
    ) -> None:
        self.name = name
        self._function = function

    @classmethod
    def create(cls, context: PolicyContext) -> Self:
        """Take the function that the run was given."""
        if context.options:
            raise ConfigError("policy.options: a function takes none; write a class for them")
        name = cls.label(context.config, context.sample)
        return cls(name, policy_object(context.config.policy))

    async def reply(self, messages: Sequence[Message]) -> Reply | None:
        """Return the function's answer.

        Raises:
            TypeError: it is neither a text nor a `Reply` nor None.
        """
        if inspect.iscoroutinefunction(self._function):
            answer = await self._function(messages)
        else:
            answer = await asyncio.to_thread(self._function, messages)
            if inspect.isawaitable(answer):
                answer = await answer
        if answer is None or isinstance(answer, Reply):
            return answer
        if not isinstance(answer, str):
            raise TypeError(
                f"the policy {self.name} returned {type(answer).__name__}; return a text, an "
                "embodied.Reply, or None to give up"
            )
        return Reply(answer)


def policy_object(config: PolicyConfig) -> Any:
    """Find what plays a run, a class of `Policy` or a function, with errors as `policy_class`."""
    if config.implementation is not None:
        return config.implementation.value
    if config.name.startswith(OBJECT_PREFIX):
        raise ConfigError(
            f"the policy {config.name!r} is an object of the Python program that started the run; "
            "go on there with embodied.resume(FOLDER, policy=...), or put it into a file and name "
            "it path/to/file.py:NAME"
        )
    if not is_file(config.name):
        return load("embodied.policies", config.name)
    file, attribute = load_file(config.name, "policy")
    found = file.get(attribute, "class or function")
    if isinstance(found, type):
        return load("embodied.policies", config.name)
    if not callable(found):
        raise ConfigError(
            f"{attribute} in {file.path} is no policy; it must be a class that inherits from "
            "embodied.Policy, or a function that takes the messages and returns a text"
        )
    return found
