"""What robosuite needs to be installed, and how to say what is missing."""

from __future__ import annotations

import ctypes.util
import importlib.metadata
import importlib.util
import logging
import os
from typing import Any

from embodied.doctor.probe import probe
from embodied.environment import Requirement
from embodied.errors import ConfigError

PACKAGES = ("robosuite", "mujoco", "numpy")
"""What a score depends on."""

_LIBRARIES = {"GL": "libgl1", "glib-2.0": "libglib2.0-0"}
"""Libraries that robosuite's own imports need, with their Debian packages."""
CAMERA_PACKAGES = "libegl1 libegl-mesa0 libgl1-mesa-dri libopengl0"
"""Debian packages that let MuJoCo draw without a screen."""
_DRAWING_SECONDS = 60.0
_DRAWING = """
import mujoco
scene = "<mujoco><worldbody><light pos='0 0 3'/><geom size='1'/></worldbody></mujoco>"
model = mujoco.MjModel.from_xml_string(scene)
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
with mujoco.Renderer(model, 32, 32) as renderer:
    renderer.update_scene(data)
    assert renderer.render().any(), "the picture is black"
"""


def problems(cameras: bool = False) -> list[str]:
    """Say for each thing that is missing which command installs it.

    Args:
        cameras: whether pictures are wanted too.
    """
    found = []
    absent = [name for name in ("robosuite", "mujoco") if importlib.util.find_spec(name) is None]
    if absent:
        found.append(
            f"robosuite needs the package {absent[0]!r} (on Python 3.11 or 3.12); install it "
            "with: pip install 'embodied-codeact[robosuite]'"
        )
    elif int(importlib.metadata.version("mujoco").split(".")[0]) > 3:
        found.append("robosuite 1.5 does not work with mujoco 4; pip install 'mujoco>=3.3,<3.4'")
    libraries = [package for name, package in _LIBRARIES.items() if not _has_library(name)]
    if libraries:
        found.append(f"robosuite needs system libraries: apt-get install {' '.join(libraries)}")
    if cameras and not _can_render():
        found.append(f"pictures of robosuite need EGL: apt-get install {CAMERA_PACKAGES}")
    return found


def check_installed(cameras: bool = False) -> None:
    """Make sure that robosuite can be used.

    Raises:
        ConfigError: something is missing; says what, and how to install it.
    """
    if found := problems(cameras):
        raise ConfigError("; ".join(found))


def requirements() -> list[Requirement]:
    """Look up the libraries that robosuite needs, and whether MuJoCo draws a picture."""
    absent = [package for name, package in _LIBRARIES.items() if not _has_library(name)]
    libraries = Requirement(
        ", ".join(_LIBRARIES.values()),
        found="" if absent else "there",
        problem=f"apt-get install {' '.join(absent)}" if absent else None,
    )
    return [libraries] if importlib.util.find_spec("mujoco") is None else [libraries, _drawing()]


def _drawing() -> Requirement:
    """Draw a picture in a process of its own, which a bad driver may end."""
    backend = os.environ.get("MUJOCO_GL", "egl")
    name = f"pictures ({backend})"
    problem = probe(_DRAWING, seconds=_DRAWING_SECONDS, environment={"MUJOCO_GL": backend})
    if problem is None:
        return Requirement(name, found="MuJoCo draws")
    return Requirement(name, problem=f"{problem}; for pictures: apt-get install {CAMERA_PACKAGES}")


def versions() -> dict[str, str]:
    """Return the versions of what a score depends on."""
    return {name: _version(name) for name in PACKAGES}


def load() -> Any:
    """Import the package robosuite, without its warnings about parts that are not needed here.

    Pictures are drawn with EGL unless `$MUJOCO_GL` says otherwise; MuJoCo reads this variable once,
    when it is imported.
    """
    os.environ.setdefault("MUJOCO_GL", "egl" if _has_library("EGL") else "disable")
    log = logging.getLogger("robosuite_logs")
    log.disabled = True
    import robosuite

    log.setLevel(logging.ERROR)
    log.disabled = False
    return robosuite


def _can_render() -> bool:
    if os.environ.get("MUJOCO_GL") == "osmesa":
        return _has_library("OSMesa")
    return _has_library("EGL")


def _has_library(name: str) -> bool:
    return ctypes.util.find_library(name) is not None


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
