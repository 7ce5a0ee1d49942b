"""Finds plugins by name, through entry points or in a file."""

from __future__ import annotations

import functools
import importlib.metadata
import inspect
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from embodied._util import parsing
from embodied._util.suggestion import suggestion
from embodied.controller import Controller
from embodied.environment import Environment
from embodied.errors import ConfigError, DataError, ErrorBoundary, InfrastructureError
from embodied.plugins.address import AddressedEnvironment, environment_at, is_address
from embodied.plugins.plugin_file import absolute_name, file_of, is_file, load_file
from embodied.policy import Policy
from embodied.task import Task

T = TypeVar("T")

_KINDS = {
    "embodied.environments": "environment",
    "embodied.controllers": "controller",
    "embodied.experts": "expert",
    "embodied.policies": "policy",
    "embodied.action_formats": "action format",
    "embodied.prompts": "prompt",
    "embodied.pools": "pool",
    "embodied.selections": "selection rule",
}
"""What an object of each entry-point group is called."""
_DISTRIBUTION = "embodied-codeact"
_FILE_EXPERT = "solve"
"""The function that is the expert of the controllers in its file."""

_BASES: Mapping[str, type] = {
    "environment": Environment,
    "controller": Controller,
    "policy": Policy,
}
"""What a class in a file must inherit from, by what it is named as."""


def load(group: str, name: str, base: type | None = None) -> Any:
    """Load what is registered under a name in an entry-point group, or what a file defines.

    Args:
        group: the entry-point group.
        name: as registered, or `path/to/file.py:Class`. The expert of a controller that is named
            so is the function `solve` in the same file.
        base: what a class in a file must inherit from; None: the group's own.

    Raises:
        ConfigError: nothing has this name, a package that it needs is not installed, or what it
            stands for is not there.
    """
    kind = _KINDS[group]
    if is_file(name):
        return _from_file(kind, name, base or _BASES.get(kind, object))
    found = _registered(group)
    if name not in found:
        raise ConfigError(f"there is no {kind} {name!r}{suggestion(name, found)}")
    try:
        with parsing.PARSER:
            return found[name].load()
    except ModuleNotFoundError as error:
        if f"{found[name].module}.".startswith(f"{error.name}."):
            point = found[name]
            distribution = point.dist.name if point.dist is not None else "its distribution"
            raise ConfigError(
                f"the {kind} {name!r} is registered, but its module {point.module} is not there; "
                f"install it anew with: pip install --force-reinstall --no-deps {distribution}"
            ) from error
        extras = importlib.metadata.metadata(_DISTRIBUTION).get_all("Provides-Extra") or []
        how = f"; install it with: pip install '{_DISTRIBUTION}[{name}]'" if name in extras else ""
        raise ConfigError(
            f"the {kind} {name!r} needs the package {error.name!r}, which is not installed{how}"
        ) from error
    except (ImportError, AttributeError, SystemExit) as error:
        why = repr(error) if isinstance(error, SystemExit) else error
        raise ConfigError(
            f"the {kind} {name!r} cannot be loaded from {found[name].value}: {why}"
        ) from error


def _from_file(kind: str, name: str, base: type) -> Any:
    file, attribute = load_file(name, kind)
    if kind == "expert":
        return file.get(_FILE_EXPERT, "function")
    found = file.get(attribute, "class")
    if not (isinstance(found, type) and issubclass(found, base)):
        public = hasattr(sys.modules["embodied"], base.__name__)
        raise ConfigError(
            f"{attribute} in {file.path} is no {kind}; it must be a class that inherits from "
            f"{'embodied' if public else base.__module__}.{base.__name__}"
        )
    missing = sorted(getattr(found, "__abstractmethods__", ()))
    if missing:
        raise ConfigError(
            f"the {kind} {attribute} in {file.path} lacks the methods: {', '.join(missing)}"
        )
    return found


def file_hash(kind: str, name: str) -> dict[str, str]:
    """Hash a plugin's file, as runs record it; nothing for a plugin that is registered."""
    return {f"{kind}_file": load_file(name, kind)[0].sha256} if is_file(name) else {}


def has_expert(controller: str) -> bool:
    """Tell whether there is an expert for a controller."""
    if is_file(controller):
        return hasattr(load_file(controller, "controller")[0].module, _FILE_EXPERT)
    return controller in names("embodied.experts")


def names(group: str) -> list[str]:
    """List all names of an entry-point group, sorted; nothing is loaded."""
    return sorted(_registered(group))


@functools.cache
def _registered(group: str) -> Mapping[str, importlib.metadata.EntryPoint]:
    """Index a group by name, once: looking through what is installed takes milliseconds."""
    return {point.name: point for point in importlib.metadata.entry_points(group=group)}


def environment_class(name: str) -> type[Environment]:
    """Load the environment of a name: as registered, `path/to/file.py:Class`, or an address."""
    if is_address(name):
        return environment_at(name)
    kind: type[Environment] = load("embodied.environments", name)
    if kind.unavailable is not None:
        raise ConfigError(f"the environment {name!r} cannot be used: {kind.unavailable}")
    return kind


def controller_class(name: str, options: Mapping[str, Any] = {}) -> type[Controller]:
    """Load the controller of a name: as registered, `path/to/file.py:Class`, or an address.

    The robot at an address depends on the `options` of its environment.
    """
    if is_address(name):
        return with_options(name, environment_at(name).robot, **options)
    return load("embodied.controllers", name)  # type: ignore[no-any-return]


def controller_name(name: str | None, environment: str, kind: type[Environment]) -> str:
    """Resolve the controller's name: the one given, else the default of the environment's class.

    Of a controller in a file, it holds the absolute path. `:Class` means a class in the file of the
    environment, `:.Class` one inside the environment's class. Where the environment is registered
    and not in a file, that class in its module must be registered too.

    Raises:
        ConfigError: the environment has no default, or is in no file.
    """
    chosen = name or kind.default_controller
    if chosen is None:
        raise ConfigError(
            f"the environment {environment!r} has no default controller; name one: "
            "--protocol.controller NAME"
        )
    if not chosen.startswith(":"):
        return absolute_name(chosen)
    attribute = _attribute_beside(kind, chosen.removeprefix(":"))
    if file := file_of(kind):
        return f"{file}:{attribute}"
    place = f"{kind.__module__}:{attribute}"
    registered = {point.value: point.name for point in _registered("embodied.controllers").values()}
    if place not in registered:
        raise ConfigError(
            f"the controller {chosen!r} is a class in the environment's own file, but the "
            f"environment {environment!r} was not named by a file, and no controller is registered "
            f"as {place}; name the controller as it is registered, or by path/to/file.py:CLASS"
        )
    return registered[place]


def _attribute_beside(kind: type[Environment], attribute: str) -> str:
    """Name what a class's module holds; what the class itself holds (`.X`) gets its name before."""
    if not attribute.startswith("."):
        return attribute
    module = sys.modules.get(kind.__module__)
    members = vars(module).items() if module else ()
    owner = next((name for name, value in members if value is kind), kind.__qualname__)
    return f"{owner}{attribute}"


def with_options(name: str, function: Callable[..., T], /, *arguments: Any, **options: Any) -> T:
    """Call a function of the environment `name` with a user's options for it.

    Raises:
        ConfigError: it has no such option, or needs one that is not given.
        InfrastructureError: the function failed by a defect of its own.
    """
    try:
        inspect.signature(function).bind(*arguments, **options)
    except TypeError as error:
        raise ConfigError(f"options of the environment {name!r}: {error}") from None
    with ErrorBoundary(f"{function.__qualname__}()"):
        return function(*arguments, **options)


def list_tasks(name: str, split: str | None = None, **options: Any) -> list[Task]:
    """List the tasks of an environment's split, in a stable order with stable ids.

    Raises:
        ConfigError: there is no such environment, split or option.
        DataError: the data is missing or corrupt, or two tasks have one id.
    """
    tasks = with_options(name, environment_class(name).list_tasks, split, **options)
    check_ids(name, tasks)
    return tasks


def check_ids(name: str, tasks: Iterable[Task]) -> None:
    """Raise DataError where tasks share an id, by which the results of a run are kept."""
    counts = Counter(task.id for task in tasks)
    repeated = [id_ for id_, count in counts.items() if count > 1]
    if repeated:
        more = f", and {len(repeated) - 1:,} more ids are repeated" if len(repeated) > 1 else ""
        raise DataError(
            f"{counts[repeated[0]]} tasks of the environment {name!r} have the id "
            f"{repeated[0]!r}{more}; list_tasks() must give each task of a split an id of its own"
        )


def make_environment(name: str, **options: Any) -> Environment:
    """Make an environment.

    Raises:
        ConfigError: there is no such environment or option, or this machine lacks what it needs.
        InfrastructureError: it cannot be made, by a defect of its own.
    """
    kind = environment_class(name)
    try:
        return with_options(name, kind, **options)
    except InfrastructureError as error:
        problems = [each.problem for each in kind.requirements() if each.problem]
        if not problems:
            raise
        raise ConfigError(
            f"the environment {name!r} cannot be made: {'; '.join(problems)} "
            f"({error.__cause__ or error})"
        ) from error


def make_controller(name: str, environment: Environment) -> Controller:
    """Make a controller over an environment.

    Raises:
        ConfigError: there is no such controller.
        InfrastructureError: it cannot be made, by a defect of its own.
    """
    options = environment.options if isinstance(environment, AddressedEnvironment) else {}
    kind = controller_class(name, options)
    with ErrorBoundary(f"{kind.__qualname__}()"):
        return kind(environment)
