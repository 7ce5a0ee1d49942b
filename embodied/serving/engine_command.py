"""The command that starts an engine."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from embodied.errors import ConfigError
from embodied.serving.address import Address


@dataclass(frozen=True)
class EngineCommand:
    """A command that serves a model."""

    name: str
    """What messages call it."""
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that it needs beyond those of this process."""
    hint: str = ""
    """Advice where it does not start."""


def own_command(
    command: str, model: str | None, address: Address, arguments: Sequence[str]
) -> EngineCommand:
    """Fill {model}, {host} and {port} into a user's command.

    Raises:
        ConfigError: the command cannot be started.
    """
    values = {"{host}": address.host, "{port}": str(address.port)}
    if model is not None:
        values["{model}"] = model
    elif "{model}" in command:
        raise ConfigError("the --command names {model}; say which with --model")
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ConfigError(f"--command {command!r}: {error}") from None
    for name, value in values.items():
        words = [word.replace(name, value) for word in words]
    if not words or shutil.which(words[0]) is None:
        raise ConfigError(f"--command {command!r}: there is no such program")
    return EngineCommand(words[0], [*words, *arguments])
