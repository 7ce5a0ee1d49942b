"""One episode: task, environment, robot and policy, turn by turn, until one of its ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from embodied.controller import Controller
from embodied.conversations import Conversation, Move, Remaining, make_conversation
from embodied.environment import Environment
from embodied.errors import ContextOverflow
from embodied.interpreter import Output, Session, make_interpreter
from embodied.plain import shortened
from embodied.policy import Policy, Reply
from embodied.protocol import Protocol
from embodied.task import Task
from embodied.trajectory import Message, Outcome, Trajectory, Turn, TurnSeconds

MESSAGE_CHARACTERS = 200_000
"""A longer policy message is cut."""


async def run_episode(
    task: Task,
    env: Environment,
    robot: Controller,
    policy: Policy,
    protocol: Protocol,
    *,
    sample: int = 0,
    seed: int | None = None,
) -> Trajectory:
    """Play one episode and return its whole record.

    Blocking work (simulator, interpreter) runs in a thread, so that one event loop can hold many
    episodes.

    Args:
        task: what to solve.
        env: the environment that the robot acts in.
        robot: a controller over `env`.
        policy: answers the messages.
        protocol: limits, wording, action format.
        sample: number of this episode among the run's episodes of the task.
        seed: for the environment; None: the task's own.

    Raises:
        DataError: the task's data is missing or corrupt.
        ConfigError: policy, protocol and environment do not fit.
        InfrastructureError: simulator, interpreter or policy's server failed.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    observation = await asyncio.to_thread(env.reset, task, seed)
    robot.begin(observation, protocol.limits.steps, protocol.after_end)
    policy.begin(task, robot, observation, protocol)
    conversation = make_conversation(protocol, type(robot))
    prompt = conversation.opening(observation)
    session = make_interpreter(
        protocol.interpreter,
        robot,
        protocol.action_limits,
        seed=_session_seed(task, seed, sample),
        check=protocol.check,
    )
    with session:
        play = _Play(robot, policy, protocol, conversation, session, list(prompt))
        ending = await play.to_the_end()
    return Trajectory(
        episode_id=episode_id(task, sample),
        task=task,
        sample=sample,
        seed=task.seed if seed is None else seed,
        policy=policy.name,
        outcome=ending.outcome,
        limit=ending.limit,
        reward=sum(step.reward for step in robot.steps),
        first_observation=observation.text,
        prompt=prompt,
        turns=play.turns,
        started_at=started.isoformat(timespec="milliseconds"),
        seconds=time.perf_counter() - clock,
    )


def episode_id(task: Task, sample: int) -> str:
    """The id of one episode within a run."""
    return f"{task.id}#{sample}"


def _session_seed(task: Task, seed: int | None, sample: int) -> int:
    return (seed if seed is not None else task.seed or 0) * 1_000_003 + sample


@dataclass(frozen=True)
class _Ending:
    outcome: Outcome
    limit: str | None = None


@dataclass
class _Play:
    """The state of one running episode."""

    robot: Controller
    policy: Policy
    protocol: Protocol
    conversation: Conversation
    session: Session
    messages: list[Message]
    turns: list[Turn] = field(default_factory=list)
    answers: int = 0

    async def to_the_end(self) -> _Ending:
        """Take turns until the episode ends."""
        while True:
            clock = time.perf_counter()
            try:
                reply = await self.policy.reply(self.messages)
            except ContextOverflow:
                return _Ending(Outcome.TRUNCATED, "context")
            if reply is None:
                return _Ending(Outcome.FAILURE)
            turn = await self._turn(reply)
            turn.seconds.policy = time.perf_counter() - clock - turn.seconds.interpreter
            turn.seconds.policy -= turn.seconds.environment
            self._append(turn)
            ending = self._ending()
            if ending is not None:
                return ending

    async def _turn(self, reply: Reply) -> Turn:
        message = shortened(reply.content, MESSAGE_CHARACTERS)
        move = self.conversation.read(message)
        output, seconds = await self._execute(move)
        self.answers += move.tries_to_answer
        return Turn(
            message=message,
            action=move.action,
            answer=move.answer,
            stdout=output.stdout,
            error=output.error,
            limit=output.limit,
            format_error=move.action is None and move.answer is None,
            calls=output.calls,
            observation=self._observation(move, output),
            usage=reply.usage,
            seconds=seconds,
        )

    async def _execute(self, move: Move) -> tuple[Output, TurnSeconds]:
        if move.action is None:
            return Output(), TurnSeconds()
        clock = time.perf_counter()
        output = await asyncio.to_thread(self.conversation.execute, move.action, self.session)
        total = time.perf_counter() - clock
        environment = sum(step.seconds for call in output.calls for step in call.steps)
        return output, TurnSeconds(interpreter=total - environment, environment=environment)

    def _observation(self, move: Move, output: Output) -> str:
        remaining = self._remaining(turns_used=len(self.turns) + 1)
        word: Callable[[Remaining], str]
        if move.action is not None:
            return self.conversation.observation(output, remaining)
        word = self.conversation.unreadable
        if move.answer is not None:
            word = self.conversation.wrong_answer
        return word(remaining)

    def _remaining(self, turns_used: int) -> Remaining:
        limits = self.protocol.limits
        steps = None if limits.steps is None else limits.steps - len(self.robot.steps)
        return Remaining(limits.turns - turns_used, limits.answers - self.answers, steps)

    def _append(self, turn: Turn) -> None:
        self.turns.append(turn)
        self.messages.append(Message(role="assistant", content=turn.message))
        self.messages.append(Message(role="user", content=turn.observation))

    def _ending(self) -> _Ending | None:
        if self.robot.success:
            return _Ending(Outcome.SUCCESS)
        remaining = self._remaining(len(self.turns))
        if self.robot.ended and self.robot.out_of_steps:
            return _Ending(Outcome.TRUNCATED, "steps")
        if self.robot.ended:
            result = self.robot.last_result
            cut = result is not None and result.truncated and not result.terminated
            return _Ending(Outcome.TRUNCATED, "steps") if cut else _Ending(Outcome.FAILURE)
        if remaining.answers <= 0:
            return _Ending(Outcome.FAILURE)
        if remaining.turns <= 0:
            return _Ending(Outcome.TRUNCATED, "turns")
        return None
