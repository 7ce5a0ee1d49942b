"""Makes a configuration of files, options and keywords, and reports mistakes in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from embodied._util.mappings import dotted_names, merged, nested
from embodied._util.suggestion import suggestion
from embodied.config import packaged
from embodied.config.schema import RunConfig
from embodied.errors import ConfigError

SHORTHANDS = {
    "env": "environment.name",
    "action": "protocol.action",
    "interpreter": "protocol.interpreter",
    "samples": "tasks.samples",
}
"""Settings that may stand at the top: `action: json`, `--set action=json`, `run(samples=4)`."""


def load_config(
    path: Path | None, changes: Iterable[Mapping[str, Any]] = (), assignments: Iterable[str] = ()
) -> RunConfig:
    """Read a configuration file (None: the defaults), changed by options and assignments.

    Raises:
        ConfigError: the file cannot be read, a key is unknown or a value is bad; the message names
            the key, the file and the nearest valid key.
    """
    tree = read_config_file(path) if path else {}
    return with_changes(tree, str(path) if path else "the command line", changes, assignments)


def with_changes(
    tree: Mapping[str, Any],
    where: str,
    changes: Iterable[Mapping[str, Any]] = (),
    assignments: Iterable[str] = (),
    *,
    caller: str = "the command line",
) -> RunConfig:
    """Make the configuration that a mapping holds, changed by options and by texts like `a.b=c`.

    Errors say `where` the mapping came from, and which `caller` made the changes.

    Raises:
        ConfigError: a key is unknown or a value is bad.
    """
    tree = _layered({}, tree)
    origins: dict[str, str] = {}
    given = [(change, caller) for change in changes]
    given += [(assignment(text), "--set") for text in assignments]
    for change, origin in given:
        tree = _layered(tree, change)
        origins |= dict.fromkeys(dotted_names(_expanded(change)), origin)
    try:
        return RunConfig.model_validate(_expanded(tree))
    except ValidationError as error:
        problems: dict[str, list[str]] = {}
        for item in error.errors():
            problems.setdefault(_origin(item["loc"], origins, where), []).append(_problem(item))
        text = "\n".join("\n".join([f"{key}:", *lines]) for key, lines in problems.items())
        raise ConfigError(text) from None


def assignment(text: str) -> dict[str, Any]:
    """Make the nested mapping that `a.b=c` stands for; the value is read as YAML.

    Raises:
        ConfigError: there is no `=`, or the value is not YAML.
    """
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        raise ConfigError(f"{text!r} is not of the form a.b=value")
    return nested(name.strip(), read_yaml(value, f"{name}: the value {value!r:.80}"))


def read_config_file(path: Path) -> dict[str, Any]:
    """Read the settings of a file, or of a configuration that comes with the package.

    Raises:
        ConfigError: it cannot be read, or holds no mapping.
    """
    try:
        text = packaged.config_path(path).read_text()
    except FileNotFoundError:
        raise ConfigError(
            f"there is no configuration file {path}, and none of that name comes with embodied"
            f"{suggestion(str(path), packaged.config_names())}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the configuration file {path} cannot be read: {error}") from None
    tree = read_yaml(text, str(path))
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{path} must hold a mapping of settings, not {type(tree).__name__}")
    return tree


def read_yaml(text: str, what: str) -> Any:
    """Read the value that a YAML text holds.

    Raises:
        ConfigError: it is not YAML; the message begins with `what`.
    """
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{what} is not YAML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{what} is nested too deep") from None


def _layered(tree: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Lay `change` over `tree`, where a protocol's bare name stands for a whole one.

    A shorthand is no part of the protocol that a name replaces. The later of a shorthand and the
    setting that it stands for counts.
    """
    for short, setting in SHORTHANDS.items():
        section, key = setting.split(".")
        if isinstance(change.get(section), Mapping) and key in change[section]:
            tree = {name: value for name, value in tree.items() if name != short}
    name = change.get("protocol")
    if isinstance(name, str):
        tree, change = {**tree, "protocol": {}}, {**change, "protocol": {"preset": name}}
    return merged(tree, change)


def _expanded(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Put shorthands where they belong."""
    rest = {key: value for key, value in tree.items() if key not in SHORTHANDS}
    for short, name in SHORTHANDS.items():
        section, key = name.split(".")
        named = rest.get(section, {})
        if isinstance(named, str):
            named = {"preset" if section == "protocol" else "name": named}
        if short in tree and isinstance(named, Mapping):
            rest[section] = {**named, key: tree[short]}
    return rest


def _origin(location: tuple[int | str, ...], origins: dict[str, str], where: str) -> str:
    """Find where a setting was given last: by what set it, or a part of it, or all around."""
    name = ".".join(map(str, location)) + "."
    for key, origin in reversed(origins.items()):
        if name.startswith(f"{key}.") or f"{key}.".startswith(name):
            return origin
    return where


def _problem(error: Mapping[str, Any]) -> str:
    location = [str(part) for part in error["loc"]]
    name = ".".join(location)
    if error["type"] == "extra_forbidden":
        return f"  {name}: there is no such setting{_nearest(location)}"
    if error["type"] == "literal_error":
        known, given = re.findall(r"'([^']*)'", error["ctx"]["expected"]), error["input"]
        return f"  {name}: there is no {given!r:.80}{suggestion(str(given), known)}"
    if error["type"] == "unknown_name":
        return f"  {name}: {error['msg']}"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"  {name}: {message} (got {error['input']!r:.80})"


def _nearest(location: list[str]) -> str:
    model: Any = RunConfig
    for part in location[:-1]:
        if model is not None and not part.isdigit():
            field = model.model_fields.get(part)
            model = field and _settings_of(field.annotation)
    if model is None:
        return ""
    prefix = "".join(f"{part}." for part in location[:-1])
    fields = [key for each in (model, *model.__subclasses__()) for key in each.model_fields]
    return suggestion(prefix + location[-1], [prefix + key for key in dict.fromkeys(fields)])


def _settings_of(annotation: Any) -> type[BaseModel] | None:
    """Find the settings that an annotation names, alone, in a union or as items of a sequence."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_settings_of, get_args(annotation))), None)
