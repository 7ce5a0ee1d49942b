"""Projects to begin with. Their files lie beside this module, ready to run."""

from __future__ import annotations

import builtins
import importlib.util
import keyword
import re
import sys
from enum import StrEnum
from importlib.resources import files
from pathlib import Path

from embodied.errors import ConfigError
from embodied.plugins.registry import names

_SAMPLE = "sample_robot"
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_MOST_CHARACTERS = 40
_IN_THE_TEMPLATE = {
    *("Annotated", "Any", "ApprovalRecord", "Capabilities", "ConfigError", "Controller"),
    *("Environment", "ExpertPolicy", "ExpertStep", "Field", "Generator", "Image", "Literal"),
    *("Observation", "Outcome", "Path", "PendingCall", "Place", "Protocol", "StepResult", "Task"),
}
"""Classes that the templates use under their own names."""


class RobotKind(StrEnum):
    """What a new project has."""

    ROBOT = "robot"
    """A simulator and its robot, in one file."""
    ARM = "arm"
    """An arm with bounds, brakes and calls that are approved."""
    ASYNC = "async"
    """Two arms and a camera whose calls run side by side."""
    CAMERA = "camera"
    """A robot whose tasks only eyes can solve."""
    MCP = "mcp"
    """A robot behind an MCP server."""


def new_robot(name: str, parent: Path, kind: RobotKind = RobotKind.ROBOT) -> Path:
    """Write the project of a new robot.

    Args:
        name: of the robot, the module and the folder, such as `forklift` or `lawn_mower`.
        parent: the folder that gets the project's folder.
        kind: what it has.

    Returns:
        The project's folder.

    Raises:
        ConfigError: the name cannot be used, or there is such a file or folder.
    """
    _check(name)
    folder = parent / name
    try:
        folder.mkdir(parents=True)
        for file in files(__name__).joinpath(kind.value).iterdir():
            if file.is_file():
                target = folder / _renamed(file.name, name)
                target.write_text(_renamed(file.read_text("utf-8"), name), "utf-8")
    except FileExistsError:
        raise ConfigError(f"{folder} is there already; choose another name or --out") from None
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error.strerror}") from None
    return folder


def class_name(name: str) -> str:
    """Name the class of a robot: `LawnMower` for `lawn_mower`."""
    return "".join(part.capitalize() for part in name.split("_"))


def _renamed(text: str, name: str) -> str:
    """Put the robot's name for the sample's in a template's text."""
    for sample, own in (
        (_SAMPLE, name),
        (_SAMPLE.replace("_", "-"), name.replace("_", "-")),
        (_SAMPLE.replace("_", " "), name.replace("_", " ")),
        (class_name(_SAMPLE), class_name(name)),
    ):
        text = text.replace(sample, own)
    return text


def _check(name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > _MOST_CHARACTERS:
        raise ConfigError(
            f"{name!r:.80} is no name for a robot; write small letters, digits and single "
            f"underscores, a letter first, at most {_MOST_CHARACTERS}, such as lawn_mower"
        )
    own = class_name(name)
    taken = {*names("embodied.environments"), *names("embodied.controllers")}
    if keyword.iskeyword(name) or _is_module(name):
        problem = f"the name {name!r} is that of a Python module or word"
    elif own in _IN_THE_TEMPLATE or hasattr(builtins, own):
        problem = f"the class {own} has a meaning already"
    elif name in taken or name.replace("_", "-") in taken:
        problem = f"there is an environment or a robot {name!r} already"
    else:
        return
    raise ConfigError(f"{problem}; choose another name")


def _is_module(name: str) -> bool:
    """Tell whether something can be imported that a file of this name would hide."""
    if name in sys.stdlib_module_names:
        return True
    found = importlib.util.find_spec(name)
    return found is not None and found.origin is not None
