"""robosuite as an `Environment`: Franka arms at a table, moved by text commands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import BeforeValidator, field_validator

from embodied.environment import (
    Attachment,
    Capabilities,
    Environment,
    EnvironmentOptions,
    Observation,
    Requirement,
    StepResult,
)
from embodied.task import Task
from embodied_envs.robosuite import commands, installation, narrator, pictures, tasks
from embodied_envs.robosuite.arms import Arms, Pose

_CONTROL_STEPS_PER_SECOND = 20
_FILM_CAMERA = "agentview"

_GOAL = "The goal is reached; the episode is over."
_ENDED = (
    "The simulator ended the episode: the arm touched the table, or a joint is at its limit. "
    "Commands have no effect any more."
)


def _listed(cameras: object) -> object:
    return (cameras,) if isinstance(cameras, str) else cameras


class Robosuite(Environment):
    """The manipulation tasks of robosuite (arXiv 2009.12293), with physics by MuJoCo.

    A command is one step. It runs as many control steps of the simulator as the motion takes, and
    ends at once when robosuite's own goal test holds, which is what `success` means.
    """

    class Options(EnvironmentOptions, title="robosuite"):
        """Pictures that are made."""

        cameras: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
        """Cameras whose pictures are attached to each observation, 256 x 256 PNG files."""
        record: Path | None = None
        """Folder for one GIF an episode, named by the task; None: no GIFs."""

        @field_validator("cameras")
        @classmethod
        def _check_cameras(cls, cameras: tuple[str, ...]) -> tuple[str, ...]:
            pictures.check_cameras(cameras)
            return cameras

    default_split: ClassVar[str] = tasks.DEFAULT_SPLIT
    capabilities = Capabilities(max_per_process=1, io_bound=False)
    default_controller: ClassVar[str | None] = "franka"
    default_limits: ClassVar[Mapping[str, int | None]] = {"turns": 20, "steps": 200}
    location_options = frozenset({"record"})

    def __init__(self, **options: Any) -> None:
        """Make an environment without a simulation; `reset` makes one.

        Raises:
            ConfigError: an option is wrong, or robosuite or what pictures need is not installed.
        """
        chosen = self.Options.parse(options)
        self._cameras = chosen.cameras
        self._record = chosen.record
        self._draws = bool(self._cameras) or self._record is not None
        installation.check_installed(cameras=self._draws)
        self._simulation: Any = None
        self._kind = ""
        self._photographer: pictures.Photographer | None = None
        self._film: pictures.Film | None = None

    @classmethod
    def attaches_pictures(cls, **options: Any) -> bool:
        """Tell whether the option `cameras` asks for some."""
        return bool(cls.Options.parse(options).cameras)

    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        """List the tasks of a split: seven kinds with each of the split's seeds."""
        cls.Options.parse(options)
        return tasks.list_tasks(split)

    @classmethod
    def resolve_options(cls, **options: Any) -> dict[str, Any]:
        """Make the cameras a list, and the folder an absolute path."""
        chosen = cls.Options.parse(options)
        folder = None if chosen.record is None else str(chosen.record.expanduser().absolute())
        return {"cameras": list(chosen.cameras), "record": folder}

    @classmethod
    def requirements(cls) -> list[Requirement]:
        """Look up system libraries, and what MuJoCo draws pictures with."""
        return installation.requirements()

    @classmethod
    def data_version(cls, split: str | None = None, **options: Any) -> dict[str, str]:
        """Return the versions of robosuite, MuJoCo and NumPy: others may compute other motions."""
        cls.Options.parse(options)
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
        """List the forms of command."""
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
    """Make the environment of robosuite for a kind of task, not yet reset.

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
