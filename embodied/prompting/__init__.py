"""How an episode is put into messages: one module for each protocol's wording."""

from __future__ import annotations

from dataclasses import replace

from embodied.controller import Controller
from embodied.plugins.registry import load
from embodied.policy import Reply
from embodied.prompting.base import Budget, ParsedReply, Prompt
from embodied.protocol import Protocol

PROMPTS = "embodied.prompts"
"""The entry-point group."""

__all__ = [
    "PROMPTS",
    "Budget",
    "ParsedReply",
    "Prompt",
    "make_prompt",
    "preset",
    "prompt_class",
    "wrap_action",
]


def prompt_class(name: str) -> type[Prompt]:
    """Find a prompt by its name, as registered or `path/to/file.py:Class`.

    Raises:
        ConfigError: there is none of this name, or it cannot be loaded.
    """
    return load(PROMPTS, name, Prompt)  # type: ignore[no-any-return]


def make_prompt(protocol: Protocol, controller: type[Controller]) -> Prompt:
    """Make the prompt that the protocol names.

    Raises:
        ConfigError: there is none of this name, or the protocol's settings do not fit it.
    """
    return prompt_class(protocol.conversation)(protocol, controller)


def preset(name: str) -> Protocol:
    """Make the protocol that a prompt's name stands for."""
    return Protocol.model_validate({"conversation": name, **prompt_class(name).preset})


def wrap_action(reply: Reply, protocol: Protocol) -> Reply:
    """Put a message that an action format has rendered into the protocol's wording."""
    return replace(reply, content=prompt_class(protocol.conversation).wrap_action(reply.content))
