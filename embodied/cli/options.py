"""Options that several commands share, and how they become a configuration."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from embodied.errors import ConfigError

if TYPE_CHECKING:
    from embodied.config.schema import RunConfig

ENVIRONMENT = (
    "Environment: its name, e.g. alfworld, path/to/file.py:Class, or mcp:URL or mcp:COMMAND of an "
    "MCP server."
)

ConfigFile = Annotated[
    Path | None,
    typer.Argument(
        metavar="CONFIG",
        help="A YAML file, or the name of a configuration that comes with embodied: see `embodied "
        "config --list`.",
    ),
]
Env = Annotated[str | None, typer.Option(help=ENVIRONMENT)]
Goal = Annotated[
    str | None,
    typer.Option(
        help="Says whether the goal is reached, for a robot at an MCP server: "
        "path/to/file.py:function, or one of its tools."
    ),
]
Split = Annotated[
    str | None,
    typer.Option(help="Data split, e.g. valid_unseen; without it, the environment's default."),
]
PolicyName = Annotated[
    str | None,
    typer.Option(
        help="Who plays: expert, oracle, llm, human, replay, or path/to/file.py:Class. "
        "--llm.model names the model."
    ),
]
ProtocolName = Annotated[
    str | None,
    typer.Option(
        help="Rules and wording of a benchmark: default, mint, m3, or path/to/file.py:Class."
    ),
]
Action = Annotated[
    str | None,
    typer.Option(help="Action format: code, json, text, tools, or path/to/file.py:Class."),
]
Interpreter = Annotated[
    str | None,
    typer.Option(help="What runs code: restricted (fast), full (CPython, confined), or auto."),
]
AllowUnconfined = Annotated[
    bool,
    typer.Option(
        "--allow-unconfined",
        help="Run the full interpreter even where the system cannot confine it.",
    ),
]
Seed = Annotated[
    int | None, typer.Option(help="Start of the run's randomness, e.g. of `tasks.sample`.")
]
Out = Annotated[
    Path | None, typer.Option(help="The run's folder: a new one, or one to be finished.")
]
RayAddress = Annotated[
    str | None, typer.Option(help="A Ray cluster to join: auto, or HOST:PORT of its head.")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="A.B=C",
        help="Change one setting of the configuration, as --a.b C does. May be repeated. "
        "`embodied config --help-settings` explains them all.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for machines.")]


def resolve(
    path: Path | None,
    *,
    env: str | None = None,
    goal: str | None = None,
    split: str | None = None,
    policy: str | None = None,
    protocol: str | None = None,
    action: str | None = None,
    interpreter: str | None = None,
    seed: int | None = None,
    out: Path | None = None,
    ray_address: str | None = None,
    settings: Sequence[str] | None = None,
) -> RunConfig:
    """Make the configuration that a file and options give together.

    Raises:
        ConfigError: something in it is wrong.
    """
    from embodied.config.load import load_config

    environment: dict[str, Any] = {"name": env} if env else {}
    environment |= {"options": {"goal": goal}} if goal else {}
    shortcuts: dict[str, Any] = {
        "environment": environment or None,
        "split": split,
        "policy": {"name": policy} if policy else None,
        "protocol": protocol or None,
        "action": action,
        "interpreter": interpreter,
        "seed": seed,
        "out": str(out) if out else None,
        "runner": {"ray_address": ray_address} if ray_address else None,
    }
    change = {key: value for key, value in shortcuts.items() if value is not None}
    return load_config(path, [change], settings or [])


def with_settings(words: Sequence[str]) -> list[str]:
    """Turn every `--a.b c` and `--a.b=c` of a command line into `--set a.b=c`.

    What follows `--` is not changed: it is meant for another program.
    """
    result: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return [*result, word, *rest]
        name, separator, value = word.partition("=")
        if not re.fullmatch(r"--\w+(\.\w+)+", name):
            result.append(word)
            continue
        if not separator:
            if not rest:
                raise ConfigError(f"the option {word!r} needs a value")
            value = rest.pop(0)
        result += ["--set", f"{name.removeprefix('--')}={value}"]
    return result
