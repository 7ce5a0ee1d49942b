"""Pictures reach the model, the record and whoever replays it."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import embodied
from embodied import Message, Observation, Protocol, Reply, StepResult, Task, run_episode
from embodied.llm.client import LLMClient
from embodied.llm.config import LLMConfig
from embodied.policies.expert import ExpertPolicy
from embodied.policies.llm import LLMPolicy
from embodied.simulated_llm import ServerProcess
from embodied.simulated_llm.expert_answers import ExpertAnswers
from embodied.simulated_llm.seeing import COLOURS, SeeingAnswers
from embodied.simulated_llm.simulated_server import SimulatedServer
from embodied.store import RunReader
from embodied.testing import Corridor, CorridorRobot
from embodied.testing.corridor import solve
from embodied.trajectory import Outcome, PicturePart, ToolCall, Trajectory
from tests.pictures.lamp import TASKS, TEMPLATE, Lamp, picture

LAMP = f"{Path(__file__).parent / 'lamp.py'}:Lamp"
ANSWERS = {
    "code": TEMPLATE,
    "json": '<execute>\n[{"name": "press", "arguments": {"colour": "{colour}"}}]\n</execute>',
    "text": "<execute>\npress, {colour}\n</execute>",
    "tools": lambda colour: Reply(
        "I press it.",
        tool_calls=(
            ToolCall(id="call00001", name="press", arguments=json.dumps({"colour": colour})),
        ),
    ),
}


async def play(
    answers: Any, task: int = 0, environment: Lamp | None = None, **protocol: Any
) -> tuple[Trajectory, list[dict[str, Any]]]:
    """An episode against the seeing server, and the requests that it was sent."""
    environment = environment or Lamp()
    requests: list[dict[str, Any]] = []

    class Spy(SeeingAnswers):
        def answer(self, request: Any) -> Reply:
            requests.append(request.model_dump(exclude_none=True))
            return super().answer(request)

    async with SimulatedServer(Spy(answers), model="eyes", port=0) as server:
        client = LLMClient(LLMConfig(base_url=server.base_url, model="eyes"))
        try:
            trajectory = await run_episode(
                Lamp.list_tasks()[task],
                environment,
                Lamp.Buttons(environment),
                LLMPolicy(client),
                Protocol.model_validate(protocol),
            )
        finally:
            await client.close()
    return trajectory, requests


def images(message: dict[str, Any]) -> int:
    parts = message["content"] if isinstance(message["content"], list) else []
    return sum("image_url" in part for part in parts)


@pytest.mark.parametrize("action", ANSWERS)
async def test_every_format_shows_pictures_at_reset_and_at_steps(action: str) -> None:
    trajectory, requests = await play(ANSWERS[action], environment=Lamp(presses=3), action=action)
    assert trajectory.outcome is Outcome.SUCCESS
    assert len(requests) == len(trajectory.turns) == 3
    last = requests[-1]["messages"]
    assert [images(m) for m in last if images(m)] == [1, 1, 1]
    assert {m["role"] for m in last if images(m)} == {"user"}
    for message in last:
        if images(message):
            text, picture = message["content"]
            assert text["text"].endswith("[picture: front]")
            assert picture["image_url"]["url"].startswith("data:image/png;base64,")
    assert [m["role"] for m in last][-3:] == (
        ["assistant", "tool", "user"] if action == "tools" else ["user", "assistant", "user"]
    )
    assert len(trajectory.pictures) == 4


async def test_prompts_grow_only_at_their_end() -> None:
    _, requests = await play(TEMPLATE, environment=Lamp(presses=4))
    for before, after in itertools.pairwise(requests):
        assert after["messages"][: len(before["messages"])] == before["messages"]


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess("--answers", f"seeing:{TEMPLATE}") as server:
        yield server


class TestBatch:
    def run(self, server: Any, out: Path, **settings: Any) -> embodied.Run:
        return embodied.run(
            env=LAMP,
            policy="llm",
            llm={"model": "simulated", "base_url": server.base_url},
            runner={"kind": "local"},
            out=out,
            progress=False,
            **settings,
        )

    def test_what_sees_solves_all_and_what_is_blind_guesses(
        self, server: Any, tmp_path: Path
    ) -> None:
        seen = self.run(server, tmp_path / "seen")
        assert seen.report().successes == TASKS
        assert seen.report().pictures.total == 2 * TASKS
        blind = self.run(server, tmp_path / "blind", protocol={"images": "off"})
        assert blind.report().successes < TASKS / 2
        assert blind.report().pictures.total == 0
        assert not (tmp_path / "blind" / "pictures").exists()
        for trajectory in blind.trajectories():
            assert trajectory.prompt[-1].text.endswith("lamp.\n[picture: front, not shown]")

    def test_a_run_holds_its_pictures_once_and_replay_gives_the_same(
        self, server: Any, tmp_path: Path
    ) -> None:
        run = self.run(server, tmp_path / "run")
        stored = {path.name for path in (tmp_path / "run" / "pictures").iterdir()}
        shown = [part for each in run.trajectories() for part in each.pictures]
        assert stored == {f"{part.sha256}.png" for part in shown}
        assert len(stored) <= len(COLOURS) < len(shown)
        shard = (tmp_path / "run" / "episodes" / "00000.jsonl").read_bytes()
        lines = []
        for trajectory in run.trajectories():
            for part in trajectory.pictures:
                assert base64.b64encode(run.picture(part))[-60:] not in shard
            history = [m.model_dump(mode="json") for m in trajectory.messages[1:]]
            head = {"task_id": trajectory.task.id, "success": True}
            line = {**head, "prompt": trajectory.prompt[-1].text, "history": history}
            lines.append(json.dumps(line))
        (tmp_path / "recorded.jsonl").write_text("\n".join(lines))
        again = embodied.run(
            env=LAMP,
            policy={"name": "replay", "recordings": [str(tmp_path / "recorded.jsonl")]},
            runner={"kind": "local"},
            out=tmp_path / "again",
            progress=False,
        )
        played, replayed = (
            {t.episode_id: t.pictures for t in each.trajectories()} for each in (run, again)
        )
        assert played == replayed
        assert len(played) == TASKS


async def test_a_policy_in_python_gets_the_bytes(tmp_path: Path) -> None:
    seen: list[PicturePart] = []

    def look(messages: Sequence[Message]) -> str | None:
        seen.extend(messages[-1].pictures)
        return None

    embodied.run(
        env=LAMP,
        policy=look,
        tasks={"limit": 1},
        runner={"kind": "local"},
        out=tmp_path / "run",
        progress=False,
    )
    (picture,) = seen
    assert picture.data is not None
    assert picture.data.startswith(b"\x89PNG")
    (trajectory,) = RunReader(tmp_path / "run").trajectories()
    assert trajectory.pictures == [picture.model_copy(update={"data": None})]


class Eyed(Corridor):
    """The corridor, with a picture of nothing of use."""

    default_controller = "corridor-robot"

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        return replace(super().reset(task, seed), attachments=(picture("black"),))

    def step(self, command: str) -> StepResult:
        result = super().step(command)
        seen = replace(result.observation, attachments=(picture("white"),))
        return replace(result, observation=seen)


@pytest.mark.parametrize("images", ["on", "off"])
@pytest.mark.parametrize("action", ANSWERS)
async def test_experts_do_not_mind_pictures(action: str, images: str) -> None:
    async def of(policy: Any) -> Trajectory:
        environment = Eyed()
        robot = CorridorRobot(environment)
        protocol = Protocol.model_validate({"action": action, "images": images})
        return await run_episode(Corridor.list_tasks()[0], environment, robot, policy, protocol)

    answers = ExpertAnswers(solve, CorridorRobot)
    async with SimulatedServer(answers, model="eyes", port=0) as server:
        client = LLMClient(LLMConfig(base_url=server.base_url, model="eyes"))
        asked = await of(LLMPolicy(client))
        await client.close()
    assert asked.outcome is Outcome.SUCCESS
    assert bool(asked.pictures) == (images == "on")
    planned = await of(ExpertPolicy())
    assert planned.outcome is Outcome.SUCCESS
    assert bool(planned.pictures) == (images == "on")
