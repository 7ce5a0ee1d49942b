"""In-context examples: conversations of real episodes, stored as YAML files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from embodied.errors import ConfigError
from embodied.trajectory import Message

Example = tuple[Message, ...]
"""A conversation from its first observation on: user and policy in turn, a user's message last."""

_EXAMPLES = TypeAdapter(tuple[Example, ...])


def read_examples(path: Path, action: str) -> tuple[Example, ...]:
    """Read the examples of a file, or of a folder's file for an action format.

    That of a format in a Python file is named after the format's class.

    Raises:
        ConfigError: there is no such file, or it does not hold examples.
    """
    file = path / examples_file(action) if path.is_dir() else path
    try:
        tree: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
        return _EXAMPLES.validate_python(tree["examples"])
    except OSError as error:
        raise ConfigError(f"protocol.examples: {file} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, KeyError, TypeError) as error:
        raise ConfigError(f"protocol.examples: {file} holds no examples: {error!r:.200}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(f"protocol.examples: {file}: {where}: {first['msg']}") from None


def examples_file(action: str) -> str:
    """Name the file of a folder that holds the examples of an action format."""
    return f"{action.rpartition(':')[2]}.yaml"


def write_examples(file: Path, examples: Sequence[Example], origin: Mapping[str, Any]) -> None:
    """Write examples with a note on how they were made."""
    tree = {
        "origin": dict(origin),
        "examples": [[m.model_dump(exclude_defaults=True) for m in each] for each in examples],
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    file.write_text(text, encoding="utf-8")


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as a block, for people to read."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
