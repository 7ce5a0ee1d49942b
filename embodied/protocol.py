"""The protocol of a run: everything that makes two scores comparable."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from embodied.errors import ConfigError
from embodied.few_shot import Example, read_examples
from embodied.limits import AfterEnd, EpisodeLimits, InterpreterName, Limits

_ALMOST_ZERO = 0.01
"""Temperatures below this draw the likeliest token; some servers do not take 0 itself."""


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, coerce_numbers_to_str=True, use_attribute_docstrings=True
    )


class History(_Part):
    """Which turns of an episode the policy is shown. The record holds all of them."""

    kind: Literal["all", "last", "summary"] = "all"
    """`all` turns, the `last` ones, or those after a `summary` of the older ones, which the policy
    itself writes."""
    turns: int | None = Field(None, gt=0)
    """How many of the last turns are shown; with `summary` twice as many, before the older half is
    summed up. Given alone, it means the `last` ones."""

    @model_validator(mode="before")
    @classmethod
    def _last_turns(cls, value: object) -> object:
        if not isinstance(value, Mapping) or "kind" in value or value.get("turns") is None:
            return value
        return {"kind": "last", **value}

    @model_validator(mode="after")
    def _turns_with_kind(self) -> Self:
        if self.kind == "all" and self.turns is not None:
            raise ValueError("all turns are shown; choose the kind last or summary to limit them")
        if self.kind != "all" and self.turns is None:
            raise ValueError(f"the kind {self.kind} needs a number of turns")
        return self


class Images(_Part):
    """Which pictures a policy is shown: those attached to observations, and those that its code
    shows. `off` is short for `{shown: false}`, and `on` for the defaults.
    """

    shown: bool = True
    """Whether it is shown any. Where it is not, a line says that there was one."""
    keep: int | None = Field(None, gt=0)
    """How many of the last pictures stay in the conversation; null: all. They are taken out when
    twice as many have gathered, so that prompts mostly grow only at their end and servers can
    cache them: fewer than twice as many are shown at any time. A line stands in the place of one
    that was taken out."""
    longest_side: int | None = Field(None, gt=0)
    """A larger picture is shrunk until no side has more pixels than this; null: as it is."""

    @model_validator(mode="before")
    @classmethod
    def _by_word(cls, value: object) -> object:
        words = {"off": False, "on": True, "false": False, "true": True}
        word = words.get(value.lower(), value) if isinstance(value, str) else value
        if isinstance(word, str):
            raise ValueError("write off, on, or settings: shown, keep, longest_side")
        return {"shown": word} if isinstance(word, bool) else word

    @model_validator(mode="after")
    def _limits_of_what_is_shown(self) -> Self:
        if not self.shown and (self.keep or self.longest_side):
            raise ValueError("no pictures are shown; leave out keep and longest_side")
        return self


class Protocol(_Part):
    """How episodes are played."""

    conversation: str = "default"
    """The wording of prompts and observations: a prompt's name (`default`, `mint`, `m3`), as
    registered or `path/to/file.py:Class`."""
    system_prompt: str | None = None
    """Instructions in place of the prompt's own, with the same placeholders: a text, or a file,
    which is read when the configuration is. One word, or a line that ends in `.md` or `.txt`, is
    a file's path."""
    history: History = History()
    """Which turns the policy is shown."""
    images: Images = Images()
    """Which pictures the policy is shown."""
    controller: str | None = None
    """The robot API, as registered; null: the environment's default."""
    action: str = "code"
    """The action format: `code` (Python), `json` (calls), `text` (command lines), `tools` (native
    function calls), as registered, or `path/to/file.py:Class`."""
    interpreter: InterpreterName = "auto"
    """What runs code actions. `auto`: `restricted` until code needs what only `full` has; always
    `restricted` where the host cannot confine `full`."""
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
        action = str(value.get("action", cls.model_fields["action"].default))
        return {**value, "examples": read_examples(path, action)}

    @field_validator("system_prompt", mode="before")
    @classmethod
    def _read_system_prompt(cls, value: object) -> object:
        text = str(value).strip() if isinstance(value, str | Path) else ""
        if len(text.split()) != 1 and ("\n" in text or not text.endswith((".md", ".txt"))):
            return value
        try:
            return Path(text).expanduser().read_text(encoding="utf-8")
        except (OSError, ValueError, RuntimeError) as error:
            raise ConfigError(f"protocol.system_prompt: {text} cannot be read: {error}") from None


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

    def warnings(self) -> list[str]:
        """Name settings by which figures say less than they seem to, in a sentence each."""
        samples, temperature = self.tasks.get("samples"), self.policy.get("temperature")
        if not (isinstance(samples, int) and isinstance(temperature, int | float)):
            return []
        if samples < 2 or temperature >= _ALMOST_ZERO:
            return []
        return [
            f"the {samples} samples of a task are drawn at temperature {temperature:g}, where "
            "models all but repeat themselves, and say little more than one; set llm.temperature"
        ]

    def settings(self) -> dict[str, Any]:
        """List all settings as plain values, by dotted name."""
        return _flat(self.model_dump(mode="json"))

    def differences(self, other: RunProtocol) -> list[str]:
        """Name each setting that differs, with both values, in a line each."""
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
