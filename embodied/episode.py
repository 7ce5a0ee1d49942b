"""One episode: task, environment, robot and policy, turn by turn, until one of its ends."""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeAlias

from embodied._util.jsonable import truncate
from embodied._util.threads import OwnThread, ThisThread
from embodied.action_formats import CallFormat
from embodied.action_formats.call_session import CallSession
from embodied.controller import Controller
from embodied.environment import Environment, Observation
from embodied.errors import ContextOverflow, ErrorBoundary
from embodied.feedback import FeedbackProvider
from embodied.interpreter import Interpreters, Output, Session, make_interpreter
from embodied.llm.tool_calls import leaves_calls
from embodied.policy import Policy, Reply
from embodied.prompting import Budget, ParsedReply, Prompt, make_prompt
from embodied.prompting.history import ConversationHistory
from embodied.prompting.pictures import PictureChooser
from embodied.protocol import Protocol
from embodied.store.turn_size import TurnSizes
from embodied.task import Task
from embodied.trajectory import (
    AttachmentRecord,
    Message,
    Outcome,
    PicturePart,
    TextPart,
    Trajectory,
    Turn,
    TurnSeconds,
    is_cut,
)

MESSAGE_CHARACTERS = 200_000
"""A longer policy message is cut, and so are longer thoughts."""

_CUT = "[your message was cut: it reached the most tokens that a message may have; {hint}]"
_CUT_HINT = "its end is missing; write less"
_EMPTY_HINT = "your thoughts took all of them, and nothing was said; think less"

_Ending: TypeAlias = tuple[Outcome, str | None]
"""How an episode ended, and the limit that cut it."""


async def run_episode(
    task: Task,
    env: Environment,
    robot: Controller,
    policy: Policy,
    protocol: Protocol,
    *,
    sample: int = 0,
    seed: int | None = None,
    feedback_provider: FeedbackProvider | None = None,
    interpreters: Interpreters | None = None,
    home: Executor | None = None,
) -> Trajectory:
    """Play one episode and return its whole record. However it ends, the robot is stopped.

    What blocks (simulator, interpreter, start and end of the policy) runs beside the event loop,
    where environment and robot may be used in other threads than this one.

    Args:
        task: what to solve.
        env: the environment that the robot acts in.
        robot: a controller over `env`.
        policy: answers the messages.
        protocol: limits, wording, action format.
        sample: number of this episode among the run's episodes of the task.
        seed: for the environment; None: the task's own.
        feedback_provider: comments on every turn but the last; None: nobody does.
        interpreters: workers that the episodes of a process share; None: this episode has its own.
        home: makes all calls into environment and robot, one after another. None: this thread does,
            as `env` and `robot` were made in it, unless both say that they are `thread_safe`.

    Raises:
        DataError: the task's data is missing or corrupt.
        ConfigError: policy, protocol and environment do not fit.
        InfrastructureError: simulator, interpreter or policy's server failed.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    ending = ExitStack()
    async with (
        _calls_made(env, robot, home) as calls,
        _closed(ending),
        _stopped(robot, calls),
    ):
        observation = await asyncio.get_running_loop().run_in_executor(
            calls, _begin, task, env, robot, policy, protocol, seed
        )
        ending.callback(policy.end)
        prompt = make_prompt(protocol, type(robot))
        pictures = PictureChooser(protocol.images)
        messages = await _initial_messages(prompt, observation, pictures)
        if feedback_provider is not None:
            feedback_provider.begin(task, robot, protocol)
        chosen = seed if seed is not None else task.seed or 0
        session = _session(prompt, robot, chosen * 1_000_003 + sample, interpreters)
        ending.callback(session.close)
        history = ConversationHistory(messages, protocol.history, protocol.images.keep)
        play = _Play(robot, policy, prompt, session, history, pictures, feedback_provider, calls)
        outcome, limit = await play.to_the_end()
        outcome = outcome if env.capabilities.scored else Outcome.UNSCORED
    return Trajectory(
        episode_id=episode_id(task, sample),
        task=task,
        sample=sample,
        seed=task.seed if seed is None else seed,
        policy=policy.name,
        outcome=outcome,
        limit=limit,
        reward=sum(step.reward for step in robot.steps),
        metrics=_metrics(robot),
        first_observation=observation.text,
        prompt=messages,
        turns=play.turns,
        started_at=started.isoformat(timespec="milliseconds"),
        seconds=time.perf_counter() - clock,
    )


async def _initial_messages(
    prompt: Prompt, observation: Observation, chooser: PictureChooser
) -> list[Message]:
    """Write the prompt, whose last message has what is attached to the first observation."""
    *before, last = prompt.initial_messages(observation)
    if not observation.attachments:
        return [*before, last]
    lines, pictures = await asyncio.to_thread(chooser.choose, observation.attachments)
    return [*before, last.with_parts([*(TextPart(text=line) for line in lines), *pictures])]


@asynccontextmanager
async def _calls_made(
    env: Environment, robot: Controller, home: Executor | None
) -> AsyncIterator[Executor]:
    """Provide what makes the calls, where there is nothing yet."""
    if home is not None:
        yield home
        return
    anywhere = env.thread_safe and robot.thread_safe and not robot.asynchronous
    made = OwnThread("robot") if anywhere else ThisThread()
    try:
        yield made
    finally:
        made.shutdown()


@asynccontextmanager
async def _stopped(robot: Controller, home: Executor) -> AsyncIterator[None]:
    """Bring the robot to rest at the end; of an episode that breaks off, before its action ends."""
    try:
        yield
    except BaseException:
        robot.brakes.break_off()
        raise
    finally:
        await robot.brakes.come_to_rest(home)


@asynccontextmanager
async def _closed(ending: ExitStack) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await asyncio.to_thread(ending.close)


def _metrics(robot: Controller) -> dict[str, float]:
    with ErrorBoundary(f"info['metrics'] of {type(robot.environment).__name__}.step()"):
        return {} if robot.last_result is None else robot.last_result.metrics


def _begin(
    task: Task,
    env: Environment,
    robot: Controller,
    policy: Policy,
    protocol: Protocol,
    seed: int | None,
) -> Observation:
    robot.brakes.begin()
    with ErrorBoundary(f"{type(env).__name__}.reset()"):
        observation = env.reset(task, seed)
    with ErrorBoundary(f"{type(robot).__name__}.begin()"):
        robot.begin(observation, protocol.limits.steps, protocol.after_end)
    policy.begin(task, robot, observation, protocol)
    return observation


def episode_id(task: Task, sample: int) -> str:
    """Name one episode within a run."""
    return f"{task.id}#{sample}"


def _session(
    prompt: Prompt, robot: Controller, seed: int, interpreters: Interpreters | None
) -> Session:
    protocol, limits = prompt.protocol, prompt.protocol.action_limits
    if isinstance(prompt.format, CallFormat):
        return CallSession(robot, limits, prompt.format)
    make = make_interpreter if interpreters is None else interpreters.session
    return make(protocol.interpreter, robot, limits, seed, check=protocol.check)


@dataclass
class _Play:
    """The state of one running episode."""

    robot: Controller
    policy: Policy
    prompt: Prompt
    session: Session
    history: ConversationHistory
    pictures: PictureChooser
    feedback_provider: FeedbackProvider | None
    home: Executor
    turns: list[Turn] = field(default_factory=list)
    sizes: TurnSizes = field(default_factory=TurnSizes)
    answers: int = 0

    async def to_the_end(self) -> _Ending:
        while True:
            clock = time.perf_counter()
            try:
                summary = await self._summarize()
                shown = self.history.shown()
                reply = await self.policy.reply(shown)
            except ContextOverflow:
                return Outcome.TRUNCATED, "context"
            if reply is None:
                return Outcome.FAILURE, None
            waited = time.perf_counter() - clock
            turn = await self._turn(reply, waited)
            if summary is not None:
                turn.summary = summary.content
                turn.usage += summary.usage
                turn.llm_retries = [*summary.retries, *turn.llm_retries]
            spent = turn.seconds
            spent.policy = waited
            spent.framework = time.perf_counter() - clock - waited
            spent.framework -= spent.interpreter + spent.environment
            ending = self._ending()
            if ending is None:
                await self._comment(shown, turn)
            turn = self.sizes.fit(turn)
            self.turns.append(turn)
            if ending is not None:
                return ending
            self.history.add(turn)

    async def _summarize(self) -> Reply | None:
        """Have the policy sum up the oldest turns, where the protocol wants that now."""
        request = self.history.summary_request()
        summary = await self.policy.summarize(request) if request else None
        if summary is None:
            return None
        summary = replace(summary, content=truncate(summary.content, MESSAGE_CHARACTERS))
        self.history.replace_oldest(summary.content)
        return summary

    async def _turn(self, reply: Reply, waited: float) -> Turn:
        reply = replace(reply, content=truncate(reply.content, MESSAGE_CHARACTERS))
        parsed = self.prompt.parse_reply(reply)
        output, seconds = await self._execute(parsed)
        self.answers += parsed.tries_to_answer
        native = self.prompt.format.native_calls
        calls = reply.tool_calls if native else ()
        results = self._results(len(calls), parsed, output)
        if self.robot.environment.capabilities.real_time:
            acted = seconds.interpreter + seconds.environment
            results[-1] += f"\n[{waited + acted:.1f} s passed; you acted in the last {acted:.1f} s]"
        lines, pictures = await self._seen()
        results[-1] = "\n".join([results[-1], *lines])
        if is_cut(reply.finish_reason):
            says_nothing = not reply.content.strip() and not calls
            hint = _EMPTY_HINT if says_nothing else _CUT_HINT
            results[-1] += f"\n{_CUT.format(hint=hint)}"
        return Turn(
            message=reply.content,
            reasoning=reply.reasoning and truncate(reply.reasoning, MESSAGE_CHARACTERS),
            finish_reason=reply.finish_reason,
            tokens=reply.tokens,
            served_model=reply.served_model,
            cached=reply.cached,
            llm_retries=list(reply.retries),
            action=parsed.action,
            answer=parsed.answer,
            stdout=output.stdout,
            error=output.error,
            limit=output.limit,
            interpreter=output.interpreter,
            format_error=parsed.action is None and parsed.answer is None,
            unread_calls=native and parsed.action is None and leaves_calls(reply.content),
            calls=output.calls,
            attachments=[
                AttachmentRecord(
                    name=file.name, media_type=file.media_type, data=b64encode(file.data)
                )
                for file in output.attachments
            ],
            pictures=pictures,
            observation="\n".join(results),
            tool_calls=list(calls),
            tool_results=results if calls else [],
            usage=reply.usage,
            seconds=seconds,
        )

    async def _execute(self, parsed: ParsedReply) -> tuple[Output, TurnSeconds]:
        if parsed.action is None:
            return Output(), TurnSeconds()
        clock = time.perf_counter()
        # The calls of an asynchronous robot find their way to its thread by themselves.
        thread = None if self.robot.asynchronous else self.home
        output = await asyncio.get_running_loop().run_in_executor(
            thread, self.prompt.execute, parsed.action, self.session
        )
        if output.limit is not None:
            await self.robot.brakes.come_to_rest(self.home)
        total = time.perf_counter() - clock
        environment = sum(step.seconds for call in output.calls for step in call.steps)
        return output, TurnSeconds(interpreter=total - environment, environment=environment)

    async def _seen(self) -> tuple[list[str], list[PicturePart]]:
        """Choose what is shown of what the turn's observations had attached."""
        attached = self.robot.take_attachments()
        if not attached:
            return [], []
        return await asyncio.to_thread(self.pictures.choose, attached)

    def _results(self, calls: int, parsed: ParsedReply, output: Output) -> list[str]:
        """Word what the policy is shown: one text, or one for each native function call."""
        budget = self._budget(turns_used=len(self.turns) + 1)
        if calls:
            return self.prompt.tool_results(calls, parsed, output, budget)
        body = self.prompt.render_outcome(parsed, output, budget)
        return [self.prompt.frame_observation(body, budget)]

    async def _comment(self, shown: Sequence[Message], turn: Turn) -> None:
        if self.feedback_provider is None:
            return
        clock = time.perf_counter()
        comment = await self.feedback_provider.feedback(shown, turn)
        turn.seconds.policy += time.perf_counter() - clock
        turn.feedback, turn.feedback_usage = comment.text, comment.usage
        turn.llm_retries += comment.retries
        text = f"\nFeedback:\n{comment.text}"
        turn.observation += text
        if turn.tool_results:
            turn.tool_results[-1] += text

    def _budget(self, turns_used: int) -> Budget:
        limits = self.prompt.protocol.limits
        steps = None if limits.steps is None else limits.steps - len(self.robot.steps)
        return Budget(limits.turns - turns_used, limits.answers - self.answers, steps)

    def _ending(self) -> _Ending | None:
        result = self.robot.last_result
        if self.robot.success:
            return Outcome.SUCCESS, None
        if result is not None and result.terminated:
            return Outcome.FAILURE, None
        if self.robot.ended:
            return Outcome.TRUNCATED, "steps"
        budget = self._budget(turns_used=len(self.turns) + 1)
        if budget.answers <= 0:
            return Outcome.FAILURE, None
        if budget.turns <= 0:
            return Outcome.TRUNCATED, "turns"
        return None
