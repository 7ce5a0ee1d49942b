"""Finds environments, controllers and experts by name, through entry points."""

from __future__ import annotations

import difflib
import functools
import importlib.metadata
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from embodied.controller import Controller
from embodied.environment import Environment
from embodied.errors import ConfigError
from embodied.task import Task

T = TypeVar("T")

_DISTRIBUTION = "embodied-codeact"


def load(group: str, name: str) -> Any:
    """The object registered under a name in an entry-point group.

    Raises:
        ConfigError: nothing has this name, a package that it needs is not installed, or what it
            stands for is not there.
    """
    found = _registered(group)
    kind = group.rpartition(".")[2].rstrip("s")
    if name not in found:
        raise ConfigError(f"there is no {kind} {name!r}{suggestion(name, found)}")
    try:
        return found[name].load()
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the {kind} {name!r} needs the package {error.name!r}, which is not installed"
            f"{_installation(name)}"
        ) from error
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"the {kind} {name!r} cannot be loaded from {found[name].value}: {error}"
        ) from error


def registered(group: str) -> list[str]:
    """The names in an entry-point group; nothing is loaded."""
    return sorted(_registered(group))


def names(group: str) -> list[str]:
    """All names of an entry-point group, sorted; nothing is loaded."""
    return sorted(_registered(group))


@functools.cache
def _registered(group: str) -> Mapping[str, importlib.metadata.EntryPoint]:
    """All of a group by name. Looking through what is installed takes milliseconds."""
    return {point.name: point for point in importlib.metadata.entry_points(group=group)}


def _installation(name: str) -> str:
    extras = importlib.metadata.metadata(_DISTRIBUTION).get_all("Provides-Extra") or []
    if name not in extras:
        return ""
    return f"; install it with: pip install '{_DISTRIBUTION}[{name}]'"


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


def controller_name(name: str | None, environment: str, kind: type[Environment]) -> str:
    """The controller that is meant: the one named, else the default of the environment's class.

    Raises:
        ConfigError: the environment has no default.
    """
    chosen = name or kind.default_controller
    if chosen is None:
        raise ConfigError(
            f"the environment {environment!r} has no default controller; name one: "
            "--protocol.controller NAME"
        )
    return chosen


def with_options(name: str, function: Callable[..., T], /, *arguments: Any, **options: Any) -> T:
    """Call a function of the environment `name` with a user's options for it.

    Raises:
        ConfigError: it has no such option, or needs one that is not given.
    """
    try:
        inspect.signature(function).bind(*arguments, **options)
    except TypeError as error:
        raise ConfigError(f"options of the environment {name!r}: {error}") from None
    return function(*arguments, **options)


def list_tasks(name: str, split: str | None = None, **options: Any) -> list[Task]:
    """All tasks of an environment's split, in a stable order with stable ids.

    Raises:
        ConfigError: there is no such environment, split or option.
        DataError: the data is missing or corrupt.
    """
    return with_options(name, environment_class(name).list_tasks, split, **options)


def make_environment(name: str, **options: Any) -> Environment:
    """A new environment.

    Raises:
        ConfigError: there is no such environment or option.
    """
    return with_options(name, environment_class(name), **options)


def make_controller(name: str, environment: Environment) -> Controller:
    """A new controller over an environment.

    Raises:
        ConfigError: there is no such controller.
    """
    return controller_class(name)(environment)
