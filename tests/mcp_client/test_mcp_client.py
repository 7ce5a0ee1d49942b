"""`--env mcp:...`: the tools of a server are the actions of a robot."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import embodied
from embodied import ConfigError, Controller, InfrastructureError, Outcome
from embodied.action_formats import make_format
from embodied.plugins.plugin_file import absolute_name, is_file, short_name
from embodied.plugins.registry import controller_class, environment_class
from embodied.store import RunReader

pytest.importorskip("mcp", reason="needs: pip install 'embodied-codeact[mcp]'")

HERE = Path(__file__).parent
HOSTILE = f"mcp:{sys.executable} {HERE / 'hostile_server.py'}"
TASK = {"instruction": "Go to x = 0.5."}
GOAL = '''
def at_half(step):
    """Bring the gripper to x = 0.5."""
    return step.call("is_done").data is True


def broken(step):
    return step.answer.nothing


def said(step):
    """Have the display say so."""
    return step.tool == "print" and step.answer.text.startswith("done")
'''


def made(name: str, **options: Any) -> Controller:
    environment = embodied.make_environment(name, **options)
    robot = embodied.make_controller(name, environment)
    robot.begin(environment.reset(embodied.list_tasks(name, **options)[0]), max_steps=50)
    return robot


@pytest.fixture(scope="module")
def arm_name() -> Iterator[str]:
    """The name of the arm, whose server listens until the last test."""
    with subprocess.Popen(
        [sys.executable, str(HERE / "arm_server.py"), "--http"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None
        yield f"mcp:{server.stdout.readline().strip()}"
        server.terminate()


@pytest.fixture(scope="module")
def arm(arm_name: str) -> Iterator[Controller]:
    robot = made(arm_name, goal="is_done", reset="home", **TASK)
    yield robot
    robot.environment.close()


@pytest.fixture(scope="module")
def hostile() -> Iterator[Controller]:
    robot = made(HOSTILE, **TASK)
    yield robot
    robot.environment.close()


@pytest.fixture
def goals(tmp_path: Path) -> Path:
    (tmp_path / "goal.py").write_text(GOAL)
    return tmp_path / "goal.py"


def test_tools_are_actions_with_their_bounds_choices_and_docs(arm: Controller) -> None:
    assert list(arm.actions()) == ["move_to", "print_", "camera"]
    tools = {t["function"]["name"]: t["function"] for t in make_format("tools", type(arm)).tools()}
    x = tools["move_to"]["parameters"]["properties"]["x"]
    assert (x["minimum"], x["maximum"]) == (-0.8, 0.8)
    assert tools["move_to"]["parameters"]["properties"]["speed"]["enum"] == ["slow", "fast"]
    assert "x: metres" in tools["move_to"]["description"]
    assert '{"x": float, "closed": bool}' in tools["move_to"]["description"]
    assert "Metres" in type(arm).introduction
    code = make_format("code", type(arm)).describe_api()
    assert (
        "    x: float,  # from -0.8 to 0.8\n    speed: Literal['slow', 'fast'] = 'slow',\n" in code
    )


def test_results_are_values_texts_pictures_and_errors(arm: Controller) -> None:
    assert arm.call("move_to", (0.1,)) == {"x": 0.1, "closed": False}
    assert arm.call("print_", (["a", "b"],)) == "a b None"
    assert arm.call("print_", (["a"],), {"note": "c"}) == "a c"
    arm.call("camera", ("front",))
    assert arm.last_result is not None
    (picture,) = arm.last_result.observation.attachments
    assert (picture.name, picture.media_type, picture.data[:4]) == (
        "camera front",
        "image/png",
        b"\x89PNG",
    )
    arm.call("camera", ("wrist",))
    seen = [attachment.name for attachment in arm.take_attachments()]
    assert seen == ["camera front", "camera wrist"]
    with pytest.raises(ValueError, match="the table is in the way"):
        arm.call("move_to", (0.13,))
    with pytest.raises(TypeError, match="x cannot be 3"):
        arm.call("move_to", (3,))


def test_commands_lead_back_to_calls(arm: Controller) -> None:
    command = json.dumps({"tool": "print", "arguments": {"words": ["a"]}})
    assert type(arm).command_call(command) == ("print_", {"words": ["a"]})
    result = arm.environment.step("nonsense")
    assert "a command is" in result.observation.text
    result = arm.environment.step('{"tool": "home", "arguments": {}}')
    assert "there is no tool 'home'" in result.observation.text


def test_a_tool_says_whether_the_goal_is_reached(arm: Controller, arm_name: str) -> None:
    arm.begin(arm.environment.reset(embodied.list_tasks(arm_name, **TASK)[0]), max_steps=50)
    assert arm.first_observation.text == "Go to x = 0.5.\nThe arm is at home."
    arm.call("move_to", (0.4,))
    assert not arm.success
    arm.call("move_to", (0.5,))
    assert arm.success


def played(tmp_path: Path, env: str, **options: Any) -> embodied.Trajectory:
    def says(messages: object) -> str:
        return "```python\nprint(move_to(0.5))\n```" if len(messages) < 4 else "Done."  # type: ignore[arg-type]

    out = tmp_path / "run"
    embodied.run(
        env=env,
        environment={"options": options},
        policy=says,
        runner={"kind": "local"},
        protocol={"limits": {"turns": 2}},
        out=out,
    )
    (trajectory,) = RunReader(out).trajectories()
    return trajectory


@pytest.mark.parametrize(
    ("goal", "outcome"),
    [
        ("is_done", Outcome.SUCCESS),
        ("at_half", Outcome.SUCCESS),
        ("said", Outcome.TRUNCATED),
        (None, Outcome.UNSCORED),
    ],
)
def test_runs_end_as_the_goal_says(
    tmp_path: Path, goals: Path, arm_name: str, goal: str | None, outcome: Outcome
) -> None:
    chosen = goal if goal in (None, "is_done") else f"{goals}:{goal}"
    trajectory = played(tmp_path, arm_name, **({"goal": chosen} if chosen else {}), **TASK)
    assert trajectory.outcome is outcome
    run = RunReader(tmp_path / "run")
    assert run.protocol.environment == run.protocol.protocol.controller == "mcp"
    assert run.protocol.data["server"] == "arm"
    assert run.protocol.data.get("goal") == (goal if chosen == goal else f"goal.py:{goal}")
    assert run.protocol.environment_options == TASK
    assert ("goal_file" in run.protocol.data) == (goal in ("at_half", "said"))


def test_the_goal_function_says_the_goal_in_words(goals: Path, arm_name: str) -> None:
    (task,) = embodied.list_tasks(arm_name, goal=f"{goals}:at_half")
    assert task.instruction == "Bring the gripper to x = 0.5."
    with pytest.raises(ConfigError, match="say what the robot at the MCP server is to do"):
        embodied.list_tasks(arm_name)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"goal": "is_don"}, "no tool 'is_don'.*is_done"),
        ({"reset": "hom"}, "no tool 'hom'.*home"),
        ({"tools": ["move"]}, "no tool 'move'"),
        ({"golf": "x"}, "no option 'golf'"),
        ({"token_variable": "NO_SUCH_VARIABLE"}, "NO_SUCH_VARIABLE"),
        ({"seconds": 0}, "seconds"),
    ],
)
def test_wrong_options_are_told(arm_name: str, options: Mapping[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        controller_class(arm_name, options)


@pytest.mark.parametrize(
    "name", ["mcp:", "mcp:'", "mcp:no-such-command", "mcp:http://127.0.0.1:9/mcp", "mcp:true"]
)
def test_servers_that_are_not_there_are_told(name: str) -> None:
    with pytest.raises(ConfigError, match=r"MCP server|mcp: needs"):
        controller_class(name)


def test_a_goal_that_fails_is_the_users_to_mend(goals: Path, arm_name: str) -> None:
    robot = made(arm_name, goal=f"{goals}:broken", **TASK)
    with pytest.raises(InfrastructureError, match=r"goal.py:broken failed.*broken, .*goal.py:8"):
        robot.call("move_to", (0.1,))
    robot.environment.close()


def test_names_of_servers_are_no_files_and_stay_out_of_records() -> None:
    name = "mcp:python server.py"
    assert not is_file(name)
    assert absolute_name(name) == name
    assert short_name("mcp:http://user:secret@host/mcp?key=secret") == "mcp"
    assert environment_class(name) is environment_class(name)


def test_an_http_server_is_a_robot_too(tmp_path: Path) -> None:
    embodied_mcp = [sys.executable, "-m", "embodied", "mcp", "--env", "greenhouse.py:Greenhouse"]
    (tmp_path / "greenhouse.py").write_text(ROBOT)
    with subprocess.Popen(
        [*embodied_mcp, "--http", "0"], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        url = server.stderr.readline().split()[-1]
        robot = made(f"mcp:{url}")
        assert robot.first_observation.text == "A lamp."
        assert robot.environment.capabilities.max_per_process == 1
        assert [task.id for task in embodied.list_tasks(f"mcp:{url}")] == ["a", "b"]
        assert robot.call("look", (2,)) == {"seen": [2]}
        assert robot.call("switch", ("on",)) == "The lamp is on."
        assert robot.success
        robot.environment.close()
        server.terminate()


ROBOT = '''
from embodied import Controller, Environment, Observation, StepResult, Task, action


class Greenhouse(Environment):
    default_controller = ":Lamp"

    @classmethod
    def list_tasks(cls, split=None):
        return [
            Task(environment="lamp", id=i, split="all", kind="k", instruction="On.") for i in "ab"
        ]

    def reset(self, task, seed=None):
        return Observation("A lamp.")

    def step(self, command):
        done = command == "on"
        seen = Observation(f"The lamp is {command}.")
        return StepResult(seen, 0.0, done, False, {"success": done})

    def close(self):
        pass


class Lamp(Controller):
    @action
    def switch(self, object: str) -> str:
        """Switch the lamp."""
        return self.send(object)

    @action
    def look(self, times: int) -> dict[str, list[int]]:
        """Look."""
        return {"seen": [times]}
'''


def test_hostile_names_become_names_of_python(hostile: Controller) -> None:
    names = list(hostile.actions())
    assert names[:4] == ["print_", "steps_", "send_", "class_"] or "print_" in names
    assert all(name.isidentifier() for name in names)
    assert not {"print", "steps", "send", "__class__", "class"} & set(names)
    assert "wide" not in names
    assert {"rm_rf_import_os", "bomb", "liar"} <= set(names)
    for name in ("print_", "steps_", "send_"):
        assert hostile.call(name) == name.removesuffix("_")


@pytest.mark.parametrize("name", ["code", "json", "text", "tools"])
def test_hostile_schemas_and_docs_are_bounded(hostile: Controller, name: str) -> None:
    described = make_format(name, type(hostile))
    text = described.describe_api() + json.dumps(described.tools() if name == "tools" else [])
    assert len(text) < 200_000
    assert not set(text) & set("\x1b\x00\u202e\u200b\r")
    assert len(type(hostile).introduction) < 10_000


def test_hostile_answers_are_cut_and_cleaned(hostile: Controller) -> None:
    flood = hostile.call("flood")
    assert len(flood) < 21_000
    assert not set(flood) & set("\x1b\u202e")
    shown = hostile.call("pictures")
    assert "cannot be shown" in shown
    assert hostile.last_result is not None
    kinds = [each.media_type for each in hostile.last_result.observation.attachments]
    assert kinds == ["image/png"] * 8
    assert hostile.call("nothing") == "(no text)"


def test_a_server_that_ends_is_an_infrastructure_error() -> None:
    robot = made(HOSTILE, seconds=20, **TASK)
    with pytest.raises(InfrastructureError, match="the MCP server"):
        robot.call("breaks")
    robot.environment.close()
