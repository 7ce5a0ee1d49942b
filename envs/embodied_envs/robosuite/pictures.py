"""Pictures of a simulation, and films made of them."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embodied._util.suggestion import suggestion
from embodied.errors import ConfigError
from embodied_envs.robosuite.installation import CAMERA_PACKAGES

Picture: TypeAlias = NDArray[np.uint8]

CAMERAS = ("frontview", "agentview", "birdview", "sideview", "robot0_robotview")
"""Cameras that tasks have; `sideview` is missing in PickPlaceCan."""

SIDE = 256
"""Width and height of a picture, in pixels."""


class Photographer:
    """Takes pictures of one simulation, with MuJoCo's own renderer.

    A graphics context belongs to the thread that made it, so all is done in a thread of its own.
    """

    def __init__(self, simulation: Any) -> None:
        """Set up to draw.

        Raises:
            ConfigError: the system cannot draw.
        """
        self._model = simulation.sim.model._model
        self._data = simulation.sim.data._data
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="robosuite-pictures")
        self._renderer: Any = self._thread.submit(self._start).result()

    def picture(self, camera: str) -> Picture:
        """Return what a camera sees now: height x width x 3 bytes.

        Raises:
            ConfigError: the simulation has no such camera.
        """
        return self._thread.submit(self._take, camera).result()

    def close(self) -> None:
        """Release the graphics context and the thread."""
        self._thread.submit(self._renderer.close).result()
        self._thread.shutdown()

    def _start(self) -> Any:
        import mujoco

        self._model.vis.quality.offsamples = 0  # smoothed edges take ten times as long on a CPU
        try:
            return mujoco.Renderer(self._model, SIDE, SIDE)
        except (mujoco.FatalError, RuntimeError) as error:
            raise ConfigError(
                f"no picture can be drawn ({error}); where mujoco was imported before, set "
                f"MUJOCO_GL=egl when Python starts; see also: apt-get install {CAMERA_PACKAGES}"
            ) from error

    def _take(self, camera: str) -> Picture:
        import mujoco

        known = [self._model.camera(number).name for number in range(self._model.ncam)]
        if camera not in known:
            raise ConfigError(f"this task has no camera {camera!r}{suggestion(camera, known)}")
        options = mujoco.MjvOption()
        options.geomgroup[0] = 0
        self._renderer.update_scene(self._data, camera, options)
        return np.array(self._renderer.render())


class Film:
    """Collects the pictures of an episode, and writes them as one GIF."""

    PER_SECOND = 10
    MOST_PICTURES = 1200
    """Two minutes of the robot's time; what comes later is not filmed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pictures: list[Picture] = []

    @property
    def full(self) -> bool:
        """Whether it takes no more pictures."""
        return len(self._pictures) >= self.MOST_PICTURES

    def add(self, picture: Picture) -> None:
        """Add one more picture at the end."""
        self._pictures.append(picture)

    def write(self) -> None:
        """Write the GIF; it replaces one of the same name once it is whole."""
        if not self._pictures:
            return
        first, *others = [_with_palette(picture) for picture in self._pictures]
        self._pictures = []
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        duration = 1000 // self.PER_SECOND
        try:
            first.save(
                unfinished, "GIF", save_all=True, append_images=others, duration=duration, loop=0
            )
            unfinished.replace(self._path)
        finally:
            unfinished.unlink(missing_ok=True)


def png(picture: Picture) -> bytes:
    """Encode a picture as a PNG file."""
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "PNG")
    return content.getvalue()


def _with_palette(picture: Picture) -> Image.Image:
    """Reduce the picture to 256 colours, those of small things included."""
    return Image.fromarray(picture).quantize(method=Image.Quantize.FASTOCTREE)


def check_cameras(cameras: Sequence[str]) -> None:
    """Make sure that there are such cameras.

    Raises:
        ConfigError: one is unknown.
    """
    for camera in cameras:
        if camera not in CAMERAS:
            raise ConfigError(f"robosuite has no camera {camera!r}{suggestion(camera, CAMERAS)}")
