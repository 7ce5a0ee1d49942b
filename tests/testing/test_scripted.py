"""The scripted LLM, as a test of a plugin uses it."""

from __future__ import annotations

from embodied import Outcome, Protocol, Reply, run_episode
from embodied.testing import Corridor, CorridorRobot, ScriptedLLM
from embodied.trajectory import ToolCall


async def test_it_says_what_is_written_and_keeps_what_it_saw() -> None:
    environment = Corridor(length=1)
    policy = ScriptedLLM(["Hm.", "<execute>\nprint(take_key())\nprint(open_door())\n</execute>"])
    task = environment.list_tasks()[0]
    played = await run_episode(task, environment, CorridorRobot(environment), policy, Protocol())
    assert played.outcome is Outcome.SUCCESS
    assert played.policy == "scripted"
    assert [turn.format_error for turn in played.turns] == [True, False]
    assert "You are in cell 1 of 1" in policy.seen[0][-1].content
    assert "<execute>" in policy.seen[1][-1].content


async def test_it_calls_functions_natively_and_gives_up_at_its_end() -> None:
    environment = Corridor(length=1)
    call = ToolCall(id="call-1", name="take_key", arguments="{}")
    policy = ScriptedLLM([Reply("", tool_calls=(call,))])
    task = environment.list_tasks()[0]
    robot, protocol = CorridorRobot(environment), Protocol(action="tools")
    played = await run_episode(task, environment, robot, policy, protocol)
    assert played.outcome is Outcome.FAILURE
    assert [step.command for step in played.steps] == ["take key"]
