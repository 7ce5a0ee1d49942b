"""The protocol of a run: everything that makes two scores comparable."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from embodied.errors import ConfigError
from embodied.few_shot import Example, read_examples
from embodied.limits import AfterEnd, EpisodeLimits, InterpreterName, Limits

ConversationName = Literal["default", "mint", "m3"]
ActionName = Literal["code", "json", "text", "tools"]


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, coerce_numbers_to_str=True, use_attribute_docstrings=True
    )


class Protocol(_Part):
    """How episodes are played. The presets are in `PRESETS`."""

    conversation: ConversationName = "default"
    """The wording of prompts and observations."""
    controller: str | None = None
    """The robot API, as registered; null: the environment's default."""
    action: ActionName = "code"
    """The action format: Python, JSON calls, command lines, or native function calls."""
    interpreter: InterpreterName = "restricted"
    """What runs code actions. `auto`: `restricted` until the code imports what only `full` has."""
    check: bool = True
    """Whether wrong calls and unknown names are refused before any of the code runs."""
    examples: tuple[Example, ...] = ()
    """In-context examples: conversations, each from its first observation on. A file of them, or a
    folder with one file for each action format, is read when the configuration is."""
    limits: EpisodeLimits = EpisodeLimits()
    """Limits of an episode."""
    action_limits: Limits = Limits()
    """Limits of one code action."""
    after_end: AfterEnd = "stop"
    """What a command does after the episode's end."""

    @model_validator(mode="before")
    @classmethod
    def _read_examples(cls, value: object) -> object:
        if not isinstance(value, Mapping) or not isinstance(value.get("examples"), str | Path):
            return value
        path = Path(value["examples"]).expanduser()
        return {**value, "examples": read_examples(path, value.get("action", "code"))}

    @model_validator(mode="after")
    def _mint_runs_code(self) -> Protocol:
        if self.conversation == "mint" and self.action != "code":
            raise ValueError("the protocol mint knows only the action format code")
        return self


PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "mint": {
        "conversation": "mint",
        "controller": "household-mint",
        "check": False,
        "limits": {"turns": 5, "steps": 50, "answers": 2},
        "after_end": "repeat",
    },
    "m3": {
        "conversation": "m3",
        "limits": {"turns": 10, "steps": None, "answers": 10},
    },
}
"""Named protocols, as changes to the defaults.

`mint` is the ALFWorld protocol of MINT (arXiv 2309.10691), which CodeAct's experiments use; `m3`
that of CodeAct's M3ToolEval (arXiv 2402.01030): ten turns, and an answer may be tried in each.
"""


def preset(name: str) -> Protocol:
    """The protocol of the given name.

    Raises:
        ConfigError: there is none.
    """
    if name not in PRESETS:
        raise ConfigError(f"there is no protocol {name!r}; there are: {', '.join(PRESETS)}")
    return Protocol.model_validate(PRESETS[name])


class RunProtocol(_Part):
    """The protocol of a whole run, as its folder records it."""

    embodied_version: str = Field(
        default_factory=lambda: importlib.metadata.version("embodied-codeact")
    )
    environment: str
    environment_options: dict[str, Any] = {}
    data: dict[str, str] = {}
    """Versions of the simulator and the hash of the split's data."""
    split: str | None = None
    tasks: dict[str, Any] = {}
    """Which tasks of the split, and how many episodes of each."""
    policy: dict[str, Any]
    """The policy with its model and sampling settings."""
    feedback: dict[str, Any] | None = None
    """Who comments on each turn."""
    seed: int = 0
    protocol: Protocol

    def settings(self) -> dict[str, Any]:
        """All settings as plain values, by dotted name."""
        return _flat(self.model_dump(mode="json"))

    def differences(self, other: RunProtocol) -> list[str]:
        """One line for each setting that differs: its dotted name and both values."""
        mine, theirs = self.settings(), other.settings()
        keys = sorted(mine.keys() | theirs.keys())
        return [
            f"{key}: {mine.get(key, '(not set)')!r} and now {theirs.get(key, '(not set)')!r}"
            for key in keys
            if mine.get(key) != theirs.get(key)
        ]


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
