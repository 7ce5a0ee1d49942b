"""Finds environments, controllers and experts by name, through entry points."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from importlib.metadata import entry_points
from typing import Any

from embodied.controller import Controller
from embodied.environment import Environment
from embodied.errors import ConfigError
from embodied.task import Task


def load(group: str, name: str) -> Any:
    """The object registered under a name in an entry-point group.

    Raises:
        ConfigError: nothing has this name, or a package that it needs is not installed.
    """
    found = {point.name: point for point in entry_points(group=group)}
    kind = group.rpartition(".")[2].rstrip("s")
    if name not in found:
        raise ConfigError(f"there is no {kind} {name!r}{suggestion(name, found)}")
    try:
        return found[name].load()
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the {kind} {name!r} needs the package {error.name!r}, which is not installed; "
            f"install it with: pip install 'embodied-codeact[{name}]'"
        ) from error


def suggestion(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` for a near miss, else the list of what there is."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are: {', '.join(names) or '(none)'}"


def environment_class(name: str) -> type[Environment]:
    """The environment registered under a name."""
    return load("embodied.environments", name)  # type: ignore[no-any-return]


def controller_class(name: str) -> type[Controller]:
    """The controller registered under a name."""
    return load("embodied.controllers", name)  # type: ignore[no-any-return]


def list_tasks(name: str, split: str | None = None, **options: Any) -> list[Task]:
    """All tasks of an environment's split, in a stable order with stable ids.

    Raises:
        ConfigError: there is no such environment, split or option.
        DataError: the data is missing or corrupt.
    """
    return environment_class(name).list_tasks(split, **options)


def make_environment(name: str, **options: Any) -> Environment:
    """A new environment.

    Raises:
        ConfigError: there is no such environment or option.
    """
    kind = environment_class(name)
    try:
        return kind(**options)
    except TypeError as error:
        raise ConfigError(f"environment {name!r}: {error}") from error


def make_controller(name: str, environment: Environment) -> Controller:
    """A new controller over an environment.

    Raises:
        ConfigError: there is no such controller.
    """
    return controller_class(name)(environment)
