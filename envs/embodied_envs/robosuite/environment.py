"""robosuite as an `Environment`: Franka arms at a table, moved by text commands."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from embodied._util.suggestion import suggestion
from embodied.environment import (
    Attachment,
    Capabilities,
    Environment,
    Observation,
    Requirement,
    StepResult,
)
from embodied.errors import ConfigError
from embodied.task import Task
from embodied_envs.robosuite import commands, installation, narrator, pictures, tasks
from embodied_envs.robosuite.arms import Arms, Pose

_CONTROL_STEPS_PER_SECOND = 20
_FILM_CAMERA = "agentview"

_OPTIONS = ("cameras", "record")
_GOAL = "The goal is reached; the episode is over."
_ENDED = (
    "The simulator ended the episode: the arm touched the table, or a joint is at its limit. "
    "Commands have no effect any more."
)

_Cameras = str | Sequence[str]


class Robosuite(Environment):
    """The manipulation tasks of robosuite (arXiv 2009.12293), with physics by MuJoCo.

    A command is one step. It runs as many control steps of the simulator as the motion takes, and
    ends at once when robosuite's own goal test holds, which is what `success` means.
    """

    capabilities = Capabilities(max_per_process=1, io_bound=False)
    default_controller: ClassVar[str | None] = "franka"
    default_limits: ClassVar[Mapping[str, int | None]] = {"turns": 20, "steps": 200}
    location_options = frozenset({"record"})

    def __init__(
        self, cameras: _Cameras = (), record: str | os.PathLike[str] | None = None
    ) -> None:
        """An environment without a simulation; `reset` makes one.

        Args:
            cameras: whose pictures are attached to each observation, 256 x 256 PNG files.
            record: folder for one GIF an episode, named by the task; None: no GIFs.

        Raises:
            ConfigError: robosuite or what pictures need is not installed, or there is no such
                camera.
        """
        self._cameras = _listed(cameras)
        pictures.check_cameras(self._cameras)
        self._record = None if record is None else Path(record)
        self._draws = bool(self._cameras) or self._record is not None
        installation.check_installed(cameras=self._draws)
        self._simulation: Any = None
        self._kind = ""
        self._photographer: pictures.Photographer | None = None
        self._film: pictures.Film | None = None

    @classmethod
    def list_tasks(
        cls,
        split: str | None = None,
        cameras: _Cameras = (),
        record: str | os.PathLike[str] | None = None,
        **unknown: Any,
    ) -> list[Task]:
        """The tasks of a split: seven kinds with each of the split's seeds.

        Raises:
            ConfigError: there is no such split or camera.
        """
        _check_unknown(unknown)
        pictures.check_cameras(_listed(cameras))
        return tasks.list_tasks(split)

    @classmethod
    def resolve_options(
        cls,
        cameras: _Cameras = (),
        record: str | os.PathLike[str] | None = None,
        **unknown: Any,
    ) -> dict[str, Any]:
        """The cameras as a list, and the folder as an absolute path."""
        _check_unknown(unknown)
        folder = None if record is None else str(Path(record).expanduser().absolute())
        return {"cameras": list(_listed(cameras)), "record": folder}

    @classmethod
    def requirements(cls) -> list[Requirement]:
        """System libraries, and what MuJoCo draws pictures with."""
        return installation.requirements()

    @classmethod
    def data_version(
        cls,
        split: str | None = None,
        cameras: _Cameras = (),
        record: str | os.PathLike[str] | None = None,
        **unknown: Any,
    ) -> dict[str, str]:
        """The versions of robosuite, MuJoCo and NumPy: other ones may compute other motions."""
        _check_unknown(unknown)
        return installation.versions()

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        """Build the task's scene; the seed decides where things lie and how the arm stands.

        robosuite drops things from some height, so half a second passes until they lie still.

        Raises:
            DataError: there is no such task.
        """
        kind, own_seed = tasks.kind_and_seed(task.id)
        self._finish_pictures()
        chosen = own_seed if seed is None else seed
        if self._simulation is None or self._kind != kind:
            self.close()
            self._simulation = _simulation(kind)
        self._kind = kind
        _reset(self._simulation, chosen)
        self._arms = Arms(self._simulation, self._after_control_step)
        self._control_steps = 0
        self._reward, self._success, self._over = 0.0, False, False
        if self._draws:
            self._photographer = pictures.Photographer(self._simulation)
        if self._record is not None:
            self._film = pictures.Film(self._record / f"{kind}-seed-{chosen}.gif")
        self._arms.wait()
        text = narrator.introduction(tasks.INSTRUCTIONS[kind], self._arms, self._state())
        return Observation(text, self._attachments())

    def step(self, command: str) -> StepResult:
        """Carry out one command; what is no command or out of reach changes nothing.

        The reward is robosuite's sparse one at the command's last control step: 1 with success,
        else 0; for Wipe, whose scale is another, a small positive number with success.

        `info` has `success`, and `control_steps`, the simulator's steps in the episode so far.
        """
        if self._simulation is None:
            raise RuntimeError("step() needs a reset first")
        happened = "" if self._over else self._carry_out(command)
        if self._over:
            happened = _GOAL if self._success else _ENDED
        info = {"success": self._success, "control_steps": self._control_steps}
        observation = Observation(f"{happened}\n{self._state()}", self._attachments())
        return StepResult(observation, self._reward, self._over, False, info)

    def command_templates(self) -> list[str]:
        """The forms of command."""
        return list(commands.TEMPLATES)

    def close(self) -> None:
        """Write the film of the episode, and release the simulation."""
        self._finish_pictures()
        simulation, self._simulation = self._simulation, None
        if simulation is not None:
            simulation.close()

    def _finish_pictures(self) -> None:
        film, self._film = self._film, None
        photographer, self._photographer = self._photographer, None
        if photographer is not None:
            photographer.close()
        if film is not None:
            film.write()

    def _carry_out(self, text: str) -> str:
        try:
            command = commands.parse(text, self._arms.sides)
        except commands.CommandError as error:
            return str(error)
        match command:
            case commands.MoveCommand(targets):
                return narrator.moved(self._arms.move({t.arm: self._pose(t) for t in targets}))
            case commands.GripCommand(arms, close):
                if not self._arms.has_fingers:
                    return "This arm has no fingers to open or close."
                self._arms.grip(list(arms), close)
                return f"The {' and '.join(arms)} gripper is {'closed' if close else 'open'}."
            case commands.WaitCommand():
                self._arms.wait()
                return "Half a second has passed."

    def _pose(self, target: commands.ArmTarget) -> Pose:
        now = self._arms.target(target.arm)
        return Pose(np.array(target.position), now.yaw if target.yaw is None else target.yaw)

    def _after_control_step(self, reward: float, done: bool) -> bool:
        """Take in the outcome of a control step; whether the episode is over."""
        self._control_steps += 1
        self._reward = reward
        self._success = bool(self._simulation._check_success())
        self._over = done or self._success
        per_picture = _CONTROL_STEPS_PER_SECOND // pictures.Film.PER_SECOND
        if self._control_steps % per_picture == 0:
            self._film_now()
        return self._over

    def _film_now(self) -> None:
        if self._film is not None and self._photographer is not None and not self._film.full:
            self._film.add(self._photographer.picture(_FILM_CAMERA))

    def _state(self) -> str:
        return narrator.state(self._kind, self._simulation, self._arms)

    def _attachments(self) -> tuple[Attachment, ...]:
        if self._photographer is None:
            return ()
        return tuple(
            Attachment(f"{name}.png", "image/png", pictures.png(self._photographer.picture(name)))
            for name in self._cameras
        )


def _simulation(kind: str) -> Any:
    """The environment of robosuite for a kind of task, not yet reset.

    Its observables, which it goes through 25 times a control step, are left out: the scene is read
    directly.
    """
    simulation = installation.load().make(
        kind,
        robots=["Panda", "Panda"] if kind == "TwoArmLift" else "Panda",
        has_renderer=False,
        has_offscreen_renderer=False,
        use_camera_obs=False,
        control_freq=_CONTROL_STEPS_PER_SECOND,
        reward_shaping=False,
        ignore_done=True,
        seed=0,
    )
    for name in simulation.observation_names:
        simulation.modify_observable(name, "enabled", False)
    simulation._update_observables = lambda force=False: None
    return simulation


def _reset(simulation: Any, seed: int) -> None:
    """Start an episode that depends on nothing but the seed.

    robosuite's reset builds the whole model again, from a random generator that it seeds only when
    an environment is made; so that is set back first.
    """
    simulation.rng.bit_generator.state = np.random.default_rng(seed).bit_generator.state
    simulation.reset()


def _listed(cameras: _Cameras) -> tuple[str, ...]:
    return (cameras,) if isinstance(cameras, str) else tuple(cameras)


def _check_unknown(options: Mapping[str, Any]) -> None:
    for name in options:
        raise ConfigError(f"robosuite has no option {name!r}{suggestion(name, _OPTIONS)}")
