"""Where the simulated LLM's answers come from."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from embodied import Observation, Policy, Protocol, Task, action, run_episode
from embodied.controller import Controller
from embodied.errors import ConfigError, DataError
from embodied.limits import EpisodeLimits
from embodied.llm.tool_calls import sendable_message
from embodied.plugins.registry import controller_class
from embodied.policies.expert import ExpertStep
from embodied.policy import Reply
from embodied.prompting import make_prompt, preset
from embodied.protocol import RunProtocol
from embodied.simulated_llm import APIError, FixedAnswers, make_answers
from embodied.simulated_llm.chat_schema import ChatRequest
from embodied.simulated_llm.expert_answers import ExpertAnswers
from embodied.simulated_llm.prompt_parsing import GIVE_UP, parse_prompt
from embodied.simulated_llm.recorded import RecordedAnswers
from embodied.store import RunStore, StoredEpisode
from embodied.testing import Corridor, CorridorRobot
from embodied.testing.corridor import solve
from embodied.trajectory import Message, Outcome, ToolCall, Trajectory, Turn

TASK = "-= Welcome! =-\n\nYou are in a room with a lamp.\n\nYour task is to: light it."
EXAMPLE = (
    Message(role="user", content="You are in another room.\n\nYour task is to: sit."),
    Message(role="assistant", content="<execute>\nsit()\n</execute>"),
    Message(role="user", content="Observation:\nYou sit."),
)


def request(messages: list[Message], **more: Any) -> ChatRequest:
    """The request that a client sends."""
    sent = [sendable_message(message) for message in messages]
    return ChatRequest.read(json.dumps({"model": "m", "messages": sent, **more}).encode())


def opening(robot: Controller, protocol: Protocol, text: str = TASK) -> list[Message]:
    return make_prompt(protocol, type(robot)).initial_messages(Observation(text))


def turns(*pairs: tuple[str, str]) -> list[Message]:
    return [
        message
        for said, shown in pairs
        for message in (
            Message(role="assistant", content=said),
            Message(role="user", content=shown),
        )
    ]


def replies(*texts: str) -> list[Reply]:
    return [Reply(text) for text in texts]


class Expert:
    """Says how often it was shown what; gives up after three plans."""

    def __init__(self) -> None:
        self.plans = 0

    def __call__(self, observation: str) -> Generator[ExpertStep, str, None]:
        seen = [observation.splitlines()[0]]
        for number in range(3):
            self.plans += 1
            seen.append((yield ExpertStep(f"Plan {number}.", f"do({seen!r})")))


# --- finding the task ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["default", "m3", "mint"])
@pytest.mark.parametrize("examples", [(), (EXAMPLE,), (EXAMPLE, EXAMPLE)])
def test_the_task_is_found_in_every_wording(
    robot: Controller, name: str, examples: tuple[Any, ...]
) -> None:
    protocol = preset(name).model_copy(update={"examples": examples})
    messages = opening(robot, protocol)
    later = turns(("a", "b"), ("c", "Here is your task.\n\nx"))
    found = parse_prompt(request([*messages, *later]).messages)
    assert found is not None
    assert "You are in a room with a lamp." in found.task
    assert "another room" not in found.task
    assert found.task.strip().endswith("Your task is to: light it.")
    assert found.replies == ("a", "c")
    assert found.observations == ("b", "Here is your task.\n\nx")


@pytest.mark.parametrize("name", ["default", "m3"])
@pytest.mark.parametrize("action", ["code", "json", "text", "tools"])
def test_code_is_told_from_the_other_formats(robot: Controller, name: str, action: str) -> None:
    protocol = preset(name).model_copy(update={"action": action})
    found = parse_prompt(request(opening(robot, protocol)).messages)
    assert found is not None
    assert found.wants_code == (action == "code")


def test_a_conversation_without_a_user() -> None:
    assert parse_prompt(request([Message(role="system", content="x")]).messages) is None


# --- the expert ----------------------------------------------------------------------------------


def test_the_expert_is_shown_what_the_policy_is_shown(robot: Controller) -> None:
    answers = ExpertAnswers(Expert())
    messages = opening(robot, Protocol())
    first = answers.answer(request(messages))
    assert first.content == "Plan 0.\n<execute>\ndo(['-= Welcome! =-'])\n</execute>"
    messages += turns((first.content, "Observation:\nYou see.\n[left: 19 turns]"))
    second = answers.answer(request(messages)).content
    assert "Plan 1." in second
    assert repr("Observation:\nYou see.\n[left: 19 turns]") in second


def test_a_turn_costs_one_plan(robot: Controller) -> None:
    expert = Expert()
    answers = ExpertAnswers(expert)
    messages = opening(robot, Protocol())
    for turn in range(3):
        said = answers.answer(request(messages))
        assert answers.answer(request(messages)) == said, "a request that is sent again"
        assert expert.plans == turn + 1
        messages += turns((said.content, f"{turn}"))
    assert answers.answer(request(messages)) == GIVE_UP


def test_conversations_that_part_have_experts_of_their_own(robot: Controller) -> None:
    answers, fresh = ExpertAnswers(Expert()), ExpertAnswers(Expert())
    messages = opening(robot, Protocol())
    answers.answer(request(messages))
    for shown in ("x", "y", "x"):
        parted = request([*messages, *turns(("", shown))])
        assert answers.answer(parted) == fresh.answer(parted)
    longer = request([*messages, *turns(("", "x"), ("", "z"))])
    assert answers.answer(longer) == ExpertAnswers(Expert()).answer(longer)


def test_the_number_of_kept_conversations_is_bounded(robot: Controller) -> None:
    expert = Expert()
    answers = ExpertAnswers(expert, kept=1)
    first, other = (request(opening(robot, Protocol(), text)) for text in ("one", "two"))
    said = [answers.answer(each) for each in (first, other, first)]
    assert said[0] == said[2] != said[1]
    assert expert.plans == 3


def test_an_expert_that_fails_gives_up(robot: Controller) -> None:
    def confused(observation: str) -> Generator[ExpertStep, str, None]:
        raise ValueError(observation)
        yield

    answers = ExpertAnswers(confused)
    assert answers.answer(request(opening(robot, Protocol()))) == GIVE_UP
    assert answers.answer(request(opening(robot, preset("m3")))).content == "Answer: give up"


def test_the_expert_speaks_the_protocols_language(robot: Controller) -> None:
    said = ExpertAnswers(Expert()).answer(request(opening(robot, preset("m3"))))
    assert said.content == "Plan 0.\nAction:\ndo(['-= Welcome! =-'])\nEnd Action"


@pytest.mark.parametrize("action", ["json", "text", "tools"])
def test_an_expert_without_a_robot_writes_only_code(robot: Controller, action: str) -> None:
    protocol = Protocol.model_validate({"action": action})
    with pytest.raises(APIError, match="in no action format"):
        ExpertAnswers(Expert()).answer(request(opening(robot, protocol)))


def spoken(protocol: Protocol, error: bool) -> list[Reply]:
    """What an expert of the corridor says in a conversation with the simulated LLM."""
    environment = Corridor(length=3)
    robot = CorridorRobot(environment)
    policy = Asks(ExpertAnswers(wary if error else solve, CorridorRobot), robot, protocol)
    task = Task(environment="corridor", id="t", split="s", kind="k", instruction="Get out.")
    trajectory = asyncio.run(run_episode(task, environment, robot, policy, protocol))
    assert trajectory.outcome is Outcome.SUCCESS
    assert not any(turn.format_error for turn in trajectory.turns)
    assert len(policy.said) == len(trajectory.calls)
    return policy.said


def wary(observation: str) -> Generator[ExpertStep, str, None]:
    """Make a call that fails, and go on by what the failure was."""
    code = "try:\n    go(7)\nexcept TypeError as error:\n    print('left' in str(error))"
    printed = yield ExpertStep("I try.", code)
    assert printed == "True\n"
    yield from solve(observation)


class Asks(Policy):
    """Asks the answers of a simulated LLM, as a client would."""

    def __init__(self, answers: ExpertAnswers, robot: Controller, protocol: Protocol) -> None:
        self._answers = answers
        tools = make_prompt(protocol, type(robot)).format.tools()
        self._more = {"tools": tools} if tools else {}
        self.said: list[Reply] = []

    async def reply(self, messages: Sequence[Message]) -> Reply:
        self.said.append(self._answers.answer(request(list(messages), **self._more)))
        return self.said[-1]


class Signposted(CorridorRobot):
    """A robot whose answers are not all text."""

    @action
    def ways(self) -> list[str]:
        """List the ways."""
        return ["left", "right"]

    @action
    def marked(self, way: str) -> str | None:
        """Read the mark on a way."""
        return "here" if way == "right" else None


def test_answers_that_are_no_text_are_values_to_the_expert() -> None:
    seen: list[str] = []

    def reader(observation: str) -> Generator[ExpertStep, str, None]:
        code = "print([(way, marked(way)) for way in ways()])"
        seen.append((yield ExpertStep("I read.", code)))

    environment = Corridor(length=2)
    robot, protocol = Signposted(environment), Protocol(action="json")
    policy = Asks(ExpertAnswers(reader, Signposted), robot, protocol)
    task = Task(environment="corridor", id="t", split="s", kind="k", instruction="Read.")
    asyncio.run(run_episode(task, environment, robot, policy, protocol))
    assert seen == ["[('left', None), ('right', 'here')]\n"]


@pytest.mark.parametrize("error", [False, True])
@pytest.mark.parametrize("name", ["default", "m3"])
@pytest.mark.parametrize("action", ["json", "text", "tools"])
def test_the_expert_makes_one_call_a_message_in_formats_of_calls(
    action: str, name: str, error: bool
) -> None:
    limits = EpisodeLimits(turns=40)
    settings = {"action": action, "limits": limits}
    said = spoken(preset(name).model_copy(update=settings), error)
    assert all(bool(reply.tool_calls) == (action == "tools") for reply in said)


def test_an_expert_is_found_by_the_functions_of_its_robot() -> None:
    text = (
        "Looking around you, you see a shelf 1, and a desk 1.\n\n"
        "Your task is to: put some pen on desk."
    )
    shown = make_prompt(Protocol(), controller_class("household")).initial_messages(
        Observation(text)
    )
    assert "take_from(found[0], place)" in make_answers("expert").answer(request(shown)).content


def test_no_expert_answers_for_a_robot_that_nobody_knows(robot: Controller) -> None:
    with pytest.raises(APIError, match="no functions of a robot for which an expert is installed"):
        make_answers("expert").answer(request(opening(robot, Protocol())))


def test_no_expert_answers_for_a_robot_whose_simulator_has_a_plan() -> None:
    shown = make_prompt(Protocol(), controller_class("adventurer")).initial_messages(
        Observation(TASK)
    )
    with pytest.raises(APIError, match="the simulator's own plan cannot answer from text"):
        make_answers("expert").answer(request(shown))


def test_an_expert_that_is_not_installed() -> None:
    with pytest.raises(ConfigError, match="there is no expert 'cook'"):
        make_answers("expert:cook")


# --- recordings ----------------------------------------------------------------------------------


def recording(prompt: str, *messages: str) -> str:
    history = [{"role": "user", "content": "Rules.\n" + prompt}]
    for said in messages:
        history += [{"role": "assistant", "content": said}, {"role": "user", "content": "Seen."}]
    return json.dumps({"task_id": "t", "prompt": prompt, "history": history, "success": True})


@pytest.mark.parametrize("name", ["default", "m3", "mint"])
def test_a_recording_is_played_under_any_protocol(
    robot: Controller, name: str, tmp_path: Path
) -> None:
    file = tmp_path / "model.jsonl"
    file.write_text(
        recording("Do.\nYou are in a room with a lamp.\nYour task is to: sit.", "no")
        + "\n"
        + recording("Do.\nYou are in a room with a lamp. \nYour task is to: light it.", "1", "2")
    )
    answers = make_answers(str(file))
    messages = opening(robot, preset(name))
    end = "Answer: give up" if name == "m3" else GIVE_UP.content
    for said in ("1", "2", end):
        assert answers.answer(request(messages)).content == said
        messages += turns((said, "x"))


def test_of_several_recordings_that_which_said_the_same(robot: Controller) -> None:
    answers = RecordedAnswers([(TASK, replies("a", "b")), (TASK, replies("x", "y"))])
    messages = opening(robot, Protocol())
    assert answers.answer(request(messages)).content == "a"
    assert answers.answer(request([*messages, *turns(("x", "?"))])).content == "y"
    assert answers.answer(request([*messages, *turns(("other", "?"))])).content == "b"


def test_a_task_without_a_recording(robot: Controller) -> None:
    answers = RecordedAnswers([("You are elsewhere.\nYour task is to: sit.", replies("a"))])
    with pytest.raises(APIError, match="no recording of this task"):
        answers.answer(request(opening(robot, Protocol())))


def run_folder(folder: Path, task: Task, turn: Turn) -> Path:
    trajectory = Trajectory(
        episode_id="t#0",
        task=task,
        policy="p",
        outcome=Outcome.FAILURE,
        first_observation=TASK,
        turns=[turn],
    )
    protocol = RunProtocol(environment="e", policy={}, protocol=Protocol())
    with RunStore.create(folder, protocol, {}) as store:
        store.append(StoredEpisode.of(trajectory))
    return folder


def test_a_runs_folder_is_a_recording(robot: Controller, task: Task, tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", task, Turn(message="Mine.", observation="x"))
    assert make_answers(str(folder)).answer(request(opening(robot, Protocol()))).content == "Mine."


def test_recorded_function_calls_are_made_again(
    robot: Controller, task: Task, tmp_path: Path
) -> None:
    call = ToolCall(id="c", name="goto", arguments="{}")
    turn = Turn(message="", observation="x", tool_calls=[call], tool_results=["x"])
    answers = make_answers(str(run_folder(tmp_path / "run", task, turn)))
    said = answers.answer(request(opening(robot, Protocol(action="tools"))))
    assert said == Reply("", tool_calls=(call,))


def test_a_recording_must_hold_something(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(DataError, match="holds no episodes"):
        make_answers(str(tmp_path / "empty.jsonl"))
    with pytest.raises(ConfigError, match="there are no answers"):
        make_answers("nothing.jsonl")


def test_a_fixed_text_may_hold_anything() -> None:
    answers = make_answers("fixed:a: b")
    assert isinstance(answers, FixedAnswers)
    assert answers.answer(request([Message(role="user", content="x")])).content == "a: b"
