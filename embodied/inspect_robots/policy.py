"""Policies that write code, as a policy of inspect-robots, which importing this imports."""

from __future__ import annotations

import asyncio
import threading
from queue import Queue
from typing import Any

import numpy as np
from inspect_robots.embodiment import EmbodimentInfo
from inspect_robots.policy import PolicyBase, PolicyConfig, PolicyInfo
from inspect_robots.rollout import TrialRecord
from inspect_robots.scene import Scene
from inspect_robots.spaces import ABSOLUTE_CONTROL_MODES, Box
from inspect_robots.task import TaskEnvelope
from inspect_robots.types import Action, ActionChunk
from inspect_robots.types import Observation as Seen

from embodied.config.load import with_changes
from embodied.config.schema import RunConfig
from embodied.environment import Capabilities, Environment, Observation, StepResult
from embodied.episode import run_episode
from embodied.errors import InfrastructureError
from embodied.inspect_robots.environment import read_action
from embodied.inspect_robots.observation import observation_of, state_of
from embodied.inspect_robots.robot import make_robot
from embodied.policies.factory import PolicyFactory
from embodied.task import Task
from embodied.trajectory import Trajectory

_KEY = "embodied"


class CodePolicy(PolicyBase):
    """Has a policy write code, runs it confined, and acts as its calls of `act` say.

    When the episode is over, as the code's author gives up or has no turn left, the robot is held:
    a displacement of zero, or the last target.

    Args:
        settings: of a run, as `embodied.run` takes them, such as
            `policy="llm", llm={"model": ..., "base_url": ...}, interpreter="full"`.

    Raises:
        ConfigError: a setting is wrong.
    """

    def __init__(self, **settings: Any) -> None:
        self._config = with_changes({}, "the policy's settings", [settings])
        self.info = PolicyInfo(name="embodied", action_space=Box(shape=(1,)))
        self.config = PolicyConfig()
        self._body: EmbodimentInfo | None = None
        self._scene: Scene | None = None
        self._trial: _Trial | None = None

    def bind(self, embodiment_info: EmbodimentInfo) -> None:
        """Take over the spaces of the embodiment."""
        self._body = embodiment_info
        self.info = PolicyInfo(name="embodied", action_space=embodiment_info.action_space)

    def bind_task(self, envelope: TaskEnvelope) -> None:
        """Take over the limit of steps, where the settings name none."""
        protocol = self._config.protocol
        if "steps" not in protocol.limits.model_fields_set:
            limits = protocol.limits.model_copy(update={"steps": envelope.max_steps})
            protocol = protocol.model_copy(update={"limits": limits})
            self._config = self._config.model_copy(update={"protocol": protocol})

    def reset(self, scene: Scene) -> None:
        """Begin a scene; its episode starts with the first observation."""
        self._end(None)
        self._scene = scene

    def act(self, observation: Seen) -> ActionChunk:
        """Return the next action that the code asks for."""
        if self._body is None or self._scene is None:
            raise RuntimeError("call bind() and reset() before act()")
        if self._trial is None:
            self._trial = _Trial(self._config, self._body, self._scene, observation)
        else:
            self._trial.show(observation)
        return ActionChunk([Action(data=self._trial.next_action())])

    def on_trial_end(self, record: TrialRecord, log_dir: str, run_id: str) -> None:
        """Show the code what its last action came to, and keep the conversation in the record."""
        trajectory = self._end(record)
        if trajectory is not None:
            record.metadata[_KEY] = {
                "outcome": trajectory.outcome.value,
                "messages": [message.model_dump(mode="json") for message in trajectory.messages],
            }

    def _end(self, record: TrialRecord | None) -> Trajectory | None:
        trial, self._trial = self._trial, None
        return trial.end(record) if trial is not None else None


class _Trial(Environment):
    """An episode in a thread of its own, which takes turns with the rollout.

    To the episode it is the environment: a step hands its action to the rollout and waits for what
    is seen then.
    """

    capabilities = Capabilities(io_bound=True)

    def __init__(self, config: RunConfig, body: EmbodimentInfo, scene: Scene, first: Seen) -> None:
        self._config, self._body, self._first = config, body, first
        self._task = Task(
            environment="inspect-robots",
            id=scene.id,
            split="trial",
            kind=body.name,
            instruction=scene.instruction,
            seed=scene.init_seed,
        )
        self._actions: Queue[np.ndarray[Any, Any] | None] = Queue()
        self._results: Queue[StepResult | None] = Queue()
        self._held = np.zeros(body.action_space.dim)
        self._error: BaseException | None = None
        self._trajectory: Trajectory | None = None
        self._over = False
        self._thread = threading.Thread(target=self._play, name="episode", daemon=True)
        self._thread.start()

    def next_action(self) -> np.ndarray[Any, Any]:
        """Wait for the next action of the code; without one, return that which holds the robot."""
        action = None if self._over else self._actions.get()
        if action is None:
            self._over = True
            if self._error is not None:
                raise RuntimeError(f"the episode failed: {self._error}") from self._error
            return self._held
        semantics = self._body.action_space.semantics
        if semantics is not None and semantics.control_mode in ABSOLUTE_CONTROL_MODES:
            self._held = action
        return action

    def show(self, seen: Seen) -> None:
        """Answer the last action with what is seen now."""
        self._results.put(_result(seen))

    def end(self, record: TrialRecord | None) -> Trajectory | None:
        """End the episode, with what its last action came to where the rollout says so."""
        last = record.steps[-1].result if record is not None and record.steps else None
        if last is None:
            self._results.put(None)
        else:
            success = bool(last.info.get("success", last.termination_reason == "success"))
            self._results.put(_result(last.observation, success=success, truncated=not success))
        self._thread.join()
        return self._trajectory

    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        """List none: the rollout has them."""
        return []

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        return observation_of(self._first, task.instruction)

    def step(self, command: str) -> StepResult:
        numbers = read_action(command, self._body)
        if isinstance(numbers, str):
            return StepResult(Observation(numbers), 0.0, False, False, _info(False, {}))
        self._actions.put(np.asarray(numbers))
        result = self._results.get()
        if result is None:
            raise InfrastructureError("the trial was ended from outside")
        return result

    def close(self) -> None:
        """Hold nothing."""

    def _play(self) -> None:
        try:
            self._trajectory = asyncio.run(self._episode())
        except BaseException as error:
            self._error = error
        finally:
            self._actions.put(None)

    async def _episode(self) -> Trajectory:
        policies = PolicyFactory(self._config)
        try:
            robot = make_robot(self._body)(self)
            policy = policies.make(self._task, 0)
            return await run_episode(self._task, self, robot, policy, self._config.protocol)
        finally:
            await policies.close()


def _result(seen: Seen, *, success: bool = False, truncated: bool = False) -> StepResult:
    info = _info(success, state_of(seen))
    return StepResult(observation_of(seen), float(success), success, truncated, info)


def _info(success: bool, state: dict[str, Any]) -> dict[str, Any]:
    return {"success": success, "state": state}
