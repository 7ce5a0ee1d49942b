"""How episodes end, and what their records hold."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from embodied import (
    InfrastructureError,
    Observation,
    Outcome,
    Policy,
    Protocol,
    Reply,
    StepResult,
    Task,
    Trajectory,
    action,
    run_episode,
)
from embodied.interpreter import Session
from embodied.limits import EpisodeLimits
from embodied.replay.policy import ReplayPolicy
from embodied.testing import Corridor, CorridorRobot
from embodied.trajectory import Message, ToolCall

BOTH = '<execute>\nprint(take_key())\nopen_door()\nprint("never")\n</execute>'
ONE = "<execute>\nprint(take_key())\n</execute>"


async def play(task: Any, *messages: str, **limits: Any) -> Trajectory:
    environment = Corridor(length=2)
    return await run_episode(
        task,
        environment,
        CorridorRobot(environment),
        ReplayPolicy("test", messages),
        Protocol(limits=EpisodeLimits(**limits)),
    )


async def test_success_is_the_goal_test(task: Any) -> None:
    trajectory = await play(task, ONE, BOTH)
    assert trajectory.outcome is Outcome.SUCCESS
    assert trajectory.reward == 1.0
    assert len(trajectory.turns) == 2
    assert [s.command for s in trajectory.steps] == ["take key", "take key", "open door"]
    assert trajectory.steps[-1].success


async def test_a_policy_that_says_no_more_has_failed(task: Any) -> None:
    assert (await play(task, ONE)).outcome is Outcome.FAILURE


async def test_an_answer_without_the_goal_is_a_failure(task: Any) -> None:
    trajectory = await play(task, "<solution>done</solution>", BOTH)
    assert trajectory.outcome is Outcome.FAILURE
    assert len(trajectory.turns) == 1


async def test_turn_limit(task: Any) -> None:
    trajectory = await play(task, ONE, ONE, ONE, turns=2)
    assert (trajectory.outcome, trajectory.limit) == (Outcome.TRUNCATED, "turns")


async def test_step_limit_is_no_success(task: Any) -> None:
    trajectory = await play(task, ONE, ONE, BOTH, steps=2)
    assert (trajectory.outcome, trajectory.limit) == (Outcome.TRUNCATED, "steps")
    assert len(trajectory.steps) == 2


async def test_success_on_the_last_step_counts(task: Any) -> None:
    assert (await play(task, BOTH, steps=2)).outcome is Outcome.SUCCESS


class Verdict(Corridor):
    """Ends an episode at its second step as it is told to."""

    def __init__(self, *, terminated: bool, truncated: bool, success: bool) -> None:
        super().__init__(length=2)
        self.verdict = (terminated, truncated, {"success": success})
        self.steps = 0

    def step(self, command: str) -> StepResult:
        self.steps += 1
        verdict = self.verdict if self.steps == 2 else (False, False, {"success": False})
        return StepResult(Observation("x"), 0.0, *verdict)


@pytest.mark.parametrize("steps", [2, 3, None], ids=lambda steps: f"steps={steps}")
@pytest.mark.parametrize("turns", [2, 3], ids=lambda turns: f"turns={turns}")
@pytest.mark.parametrize("success", [False, True], ids=["", "success"])
@pytest.mark.parametrize("truncated", [False, True], ids=["", "truncated"])
@pytest.mark.parametrize("terminated", [False, True], ids=["", "terminated"])
async def test_what_the_simulator_says_of_the_last_step_goes_before_limits(
    task: Any, terminated: bool, truncated: bool, success: bool, turns: int, steps: int | None
) -> None:
    environment = Verdict(terminated=terminated, truncated=truncated, success=success)
    protocol = Protocol(limits=EpisodeLimits(turns=turns, steps=steps))
    policy = ReplayPolicy("test", [ONE, ONE])
    done = await run_episode(task, environment, CorridorRobot(environment), policy, protocol)
    if success:
        expected = (Outcome.SUCCESS, None)
    elif terminated:
        expected = (Outcome.FAILURE, None)
    elif truncated or steps == 2:
        expected = (Outcome.TRUNCATED, "steps")
    else:
        expected = (Outcome.TRUNCATED, "turns") if turns == 2 else (Outcome.FAILURE, None)
    assert (done.outcome, done.limit) == expected


class Scored(Corridor):
    """Says how many steps were taken, and that the last one is broken where it is told to."""

    def __init__(self, broken: bool = False) -> None:
        super().__init__(length=2)
        self.broken = broken
        self.steps = 0

    def step(self, command: str) -> StepResult:
        self.steps += 1
        metrics: dict[str, Any] = {"taken": self.steps, "note": "no number"}
        metrics["again"] = metrics if self.broken else {}
        done = super().step(command)
        return replace(done, info={**done.info, "metrics": metrics})


async def test_the_simulators_own_figures_are_those_of_the_last_step(task: Any) -> None:
    environment = Scored()
    robot, policy = CorridorRobot(environment), ReplayPolicy("test", [ONE, BOTH])
    trajectory = await run_episode(task, environment, robot, policy, Protocol())
    assert trajectory.metrics == {"taken": 3.0}
    assert (await play(task)).metrics == {}


async def test_figures_that_cannot_be_read_are_a_defect_of_the_simulator(task: Any) -> None:
    environment = Scored(broken=True)
    robot, policy = CorridorRobot(environment), ReplayPolicy("test", [BOTH])
    with pytest.raises(InfrastructureError, match=r"info\['metrics'\] of Scored.step\(\) failed"):
        await run_episode(task, environment, robot, policy, Protocol())


async def test_nothing_that_waits_runs_on_the_event_loop(
    task: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: dict[str, int] = {}

    def noted(kind: type, name: str) -> None:
        method = getattr(kind, name)

        def note(self: Any, *args: Any, **options: Any) -> Any:
            threads[f"{kind.__name__}.{name}"] = threading.get_ident()
            return method(self, *args, **options)

        monkeypatch.setattr(kind, name, note)

    for kind, name in [
        *((Corridor, "reset"), (Corridor, "step"), (CorridorRobot, "begin")),
        *((ReplayPolicy, "begin"), (ReplayPolicy, "end"), (Session, "close")),
    ]:
        noted(kind, name)
    assert (await play(task, BOTH)).outcome is Outcome.SUCCESS
    assert len(threads) == 6
    assert threading.get_ident() not in threads.values()


async def test_a_robot_lives_in_the_thread_that_it_was_made_in(task: Any) -> None:
    threads: set[int] = set()

    class Noted(Corridor):
        def reset(self, task: Task, seed: int | None = None) -> Observation:
            threads.add(threading.get_ident())
            return super().reset(task, seed)

        def step(self, command: str) -> StepResult:
            threads.add(threading.get_ident())
            return super().step(command)

    environment = Noted(length=2)
    policy = ReplayPolicy("test", [BOTH])
    await run_episode(task, environment, CorridorRobot(environment), policy, Protocol())
    assert threads == {threading.get_ident()}


class Awaited(CorridorRobot):
    """Notes what happens to it."""

    def __init__(self, environment: Corridor) -> None:
        super().__init__(environment)
        self.noted: list[str] = []

    @action
    async def hurry(self) -> str:
        """Take the key and open the door."""
        await asyncio.sleep(0)
        self.noted.append(f"thread {threading.get_ident()}")
        return self.take_key() + self.open_door()

    @action
    async def wait(self) -> str:
        """Wait for ever."""
        self.noted.append("waits")
        try:
            await asyncio.sleep(3600)
        finally:
            self.noted.append("no more")
        return ""

    async def stop(self) -> None:
        await asyncio.sleep(0)
        self.noted.append("stop")


@pytest.mark.parametrize("made_before", [True, False])
def test_async_actions_are_awaited_on_the_loop_of_the_episode(task: Any, made_before: bool) -> None:
    robot = Awaited(Corridor(length=2))

    async def played() -> Trajectory:
        own = robot if made_before else Awaited(Corridor(length=2))
        policy = ReplayPolicy("test", ["<execute>hurry()</execute>"])
        done = await run_episode(task, own.environment, own, policy, Protocol())
        assert own.noted == [f"thread {threading.get_ident()}", "stop"]
        return done

    assert asyncio.run(played()).outcome is Outcome.SUCCESS


async def test_an_episode_that_is_cancelled_cancels_the_call_and_stops_the_robot(task: Any) -> None:
    robot = Awaited(Corridor(length=2))
    policy = ReplayPolicy("test", ["<execute>wait()</execute>"])
    playing = asyncio.create_task(run_episode(task, robot.environment, robot, policy, Protocol()))
    async with asyncio.timeout(60):
        while not robot.noted:
            await asyncio.sleep(0.01)
    playing.cancel()
    await asyncio.wait([playing])
    assert playing.cancelled()
    assert robot.noted == ["waits", "no more", "stop"]


async def test_where_the_world_goes_on_the_time_is_told(task: Any) -> None:
    class Live(Corridor):
        capabilities = replace(Corridor.capabilities, real_time=True)

    environment = Live(length=2)
    policy = ReplayPolicy("test", [ONE, BOTH])
    done = await run_episode(task, environment, CorridorRobot(environment), policy, Protocol())
    said = r"\n\[\d+\.\d s passed; you acted in the last \d+\.\d s\]$"
    assert all(re.search(said, turn.observation) for turn in done.turns)
    assert "passed" not in (await play(task, ONE, BOTH)).turns[0].observation


async def test_unreadable_messages_are_counted_and_answered(task: Any) -> None:
    trajectory = await play(task, "I would like to open the door.", BOTH)
    first = trajectory.turns[0]
    assert first.format_error
    assert "<execute>" in first.observation
    assert trajectory.outcome is Outcome.SUCCESS


async def test_the_record_holds_the_whole_conversation(task: Any) -> None:
    seen: list[list[Message]] = []

    class Watcher(ReplayPolicy):
        async def reply(self, messages: Sequence[Message]) -> Reply | None:
            seen.append(list(messages))
            return await super().reply(messages)

    environment = Corridor(length=2)
    trajectory = await run_episode(
        task, environment, CorridorRobot(environment), Watcher("test", [ONE, BOTH]), Protocol()
    )
    assert trajectory.messages[: len(seen[-1])] == seen[-1]
    assert seen[1][: len(seen[0])] == seen[0], "prompts only grow at the end"
    assert Trajectory.model_validate_json(trajectory.model_dump_json()) == trajectory
    assert "def take_key() -> str:" in trajectory.prompt[0].content
    assert trajectory.turns[0].observation.startswith("Observation:\nYou are in cell 2 of 2.")


async def test_errors_are_shown_with_their_line(task: Any) -> None:
    trajectory = await play(task, "<execute>\nx = 1\ngo(x)\n</execute>")
    assert "TypeError in line 2: go(): direction cannot be 1" in trajectory.turns[0].observation


async def test_a_broken_simulator_is_an_infrastructure_error(
    task: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(self: Corridor, command: str) -> StepResult:
        raise OSError("the simulator is gone")

    monkeypatch.setattr(Corridor, "step", explode)
    with pytest.raises(InfrastructureError):
        await play(task, ONE)


async def test_what_a_model_thinks_is_recorded_and_neither_read_nor_sent(task: Any) -> None:
    seen: list[Sequence[Message]] = []

    class Thinker(ReplayPolicy):
        async def reply(self, messages: Sequence[Message]) -> Reply | None:
            seen.append(list(messages))
            reason, failed = "stop", ("HTTP 503: busy",)
            return Reply("Hm.", reasoning=BOTH, finish_reason=reason, retries=failed)

    environment = Corridor(length=2)
    limits = EpisodeLimits(turns=2)
    trajectory = await run_episode(
        task, environment, CorridorRobot(environment), Thinker("test", []), Protocol(limits=limits)
    )
    first = trajectory.turns[0]
    assert (first.message, first.reasoning, first.format_error) == ("Hm.", BOTH, True)
    assert (first.finish_reason, first.llm_retries) == ("stop", ["HTTP 503: busy"])
    assert not any(BOTH in message.content for message in seen[-1])
    assert trajectory.steps == []
    assert Trajectory.model_validate_json(trajectory.model_dump_json()) == trajectory


class Says(Policy):
    """Says what it was given, and keeps what it was shown."""

    def __init__(self, *replies: Reply) -> None:
        self.left = list(replies)
        self.shown: list[Message] = []

    async def reply(self, messages: Sequence[Message]) -> Reply | None:
        self.shown = list(messages)
        return self.left.pop(0) if self.left else None


async def said(task: Any, *replies: Reply, action: str = "code") -> tuple[Trajectory, Says]:
    environment, policy = Corridor(length=2), Says(*replies)
    protocol = Protocol(action=action)
    robot = CorridorRobot(environment)
    return await run_episode(task, environment, robot, policy, protocol), policy


NOTE = "\n[your message was cut: it reached the most tokens that a message may have; "
LONG_THOUGHTS = f"{NOTE}your thoughts took all of them, and nothing was said; think less]"


@pytest.mark.parametrize("reason", ["length", "MAX_TOKENS", "max_output_tokens", "model_length"])
async def test_a_model_is_told_that_its_message_was_cut(task: Any, reason: str) -> None:
    cut = Reply(f"{ONE[:-10]}", finish_reason=reason)
    silent = Reply("", reasoning="Hm, hm", finish_reason=reason)
    trajectory, policy = await said(task, cut, silent, Reply("Hm.", finish_reason="stop"))
    first, second, third = trajectory.turns
    assert first.observation.endswith(f"{NOTE}its end is missing; write less]")
    assert second.observation.endswith(LONG_THOUGHTS)
    assert "was cut" not in third.observation
    assert [turn.format_error for turn in trajectory.turns] == [False, True, True]
    assert [turn.is_empty for turn in trajectory.turns] == [False, True, False]
    assert policy.shown[-3].content == second.observation


async def test_the_last_call_of_a_message_that_was_cut_is_answered_so(task: Any) -> None:
    calls = tuple(ToolCall(id=f"c{n}", name="take_key", arguments="{}") for n in range(2))
    cut = Reply("", tool_calls=calls, finish_reason="length")
    trajectory, _ = await said(task, cut, action="tools")
    (turn,) = trajectory.turns
    assert not turn.is_empty
    assert NOTE not in turn.tool_results[0]
    assert "its end is missing; write less]" in turn.tool_results[1]
    assert turn.observation == "\n".join(turn.tool_results)


async def test_a_model_that_says_nothing_once_goes_on(task: Any) -> None:
    trajectory, _ = await said(task, Reply(""), Reply(BOTH), Reply(BOTH))
    assert trajectory.outcome is Outcome.SUCCESS
    assert trajectory.turns[0].format_error
    assert "was cut" not in trajectory.turns[0].observation
