"""inspect-robots: its embodiments as environments, policies that write code as its policies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import embodied
from embodied import ConfigError, Outcome
from embodied.action_formats import make_format
from embodied.store import RunReader
from embodied.testing import check_controller, check_environment

inspect_robots = pytest.importorskip(
    "inspect_robots", reason="needs: pip install 'embodied-codeact[inspect-robots]'"
)

NAME = "inspect-robots:cubepick"
REACH = {"benchmark": "cubepick-reach"}
SOLUTION = """\
```python
seen = act(0.0, 0.0)
for _ in range(40):
    way = [to - at for to, at in zip(seen["cube_pos"], seen["eef_pos"])]
    seen = act(max(-0.1, min(0.1, way[0])), max(-0.1, min(0.1, way[1])))
```"""


def solves(messages: Any) -> str:
    return SOLUTION


def gives_up(messages: Any) -> str:
    return "```python\nact(0.1, 0.1)\n```" if len(messages) < 4 else "I give up."


def test_an_embodiment_and_its_robot_pass_the_checks() -> None:
    check_environment(NAME, **REACH)
    env = embodied.make_environment(NAME, **REACH)
    check_controller(type(embodied.make_controller(NAME, env)), NAME, **REACH)
    env.close()


def test_the_robot_is_described_by_the_embodiment() -> None:
    env = embodied.make_environment(NAME, **REACH)
    robot = embodied.make_controller(NAME, env)
    shown = make_format("code", type(robot)).describe_api()
    assert "def act(dx: float, dy: float)" in shown
    assert "eef_delta_pos, in the frame world" in shown
    assert "dx: from -0.1 to 0.1." in shown
    assert "A step is 1/10 s." in shown
    assert "The red point is the end effector" in type(robot).introduction
    seen = env.reset(embodied.list_tasks(NAME, **REACH)[0])
    assert seen.text.startswith("reach the cube\neef_pos: [0.1, 0.1]")
    (picture,) = seen.attachments
    assert (picture.name, picture.data[:4]) == ("top", b"\x89PNG")
    robot.begin(seen, 10)
    assert robot.call("act", (0.05, 0.0))["eef_pos"] == pytest.approx([0.15, 0.1])
    with pytest.raises(TypeError, match="dx cannot be"):
        robot.call("act", (0.2, 0.0))
    env.close()


def test_scenes_are_played_by_code(tmp_path: Path) -> None:
    embodied.run(
        env=NAME,
        environment={"options": REACH},
        policy=solves,
        runner={"kind": "local"},
        out=tmp_path / "run",
    )
    run = RunReader(tmp_path / "run")
    assert [each.outcome for each in run.trajectories()] == [Outcome.SUCCESS] * 4
    assert run.protocol.data["inspect_robots"] == inspect_robots.__version__
    assert run.protocol.environment == NAME


def test_what_is_wrong_is_told() -> None:
    for name, options, said in (
        ("inspect-robots:cubepik", REACH, "no embodiment 'cubepik'.*cubepick"),
        (NAME, {"benchmark": "reach"}, "no task 'reach'"),
        (NAME, {}, "say what the robot is to do"),
        (NAME, {"wings": 2}, "no option 'wings'"),
    ):
        with pytest.raises(ConfigError, match=said):
            embodied.list_tasks(name, **options)
            embodied.make_environment(name, **options)
    assert len(embodied.list_tasks(NAME, instruction="Reach it.")) == 20


@pytest.mark.parametrize("interpreter", ["restricted", "full"])
def test_code_is_a_policy_of_theirs(tmp_path: Path, interpreter: str) -> None:
    from embodied.inspect_robots.policy import CodePolicy

    policy = CodePolicy(policy=solves, interpreter=interpreter)
    (log,) = inspect_robots.eval(
        "cubepick-reach", policy, "cubepick", log_dir=str(tmp_path), sinks=[]
    )
    assert log.status == "success"
    assert all(value == 1.0 for name, value in log.results.metrics.items() if "success" in name), (
        log.results.metrics
    )


def test_a_policy_that_gives_up_holds_the_robot(tmp_path: Path) -> None:
    from embodied.inspect_robots.policy import CodePolicy

    seen: list[Any] = []
    policy = CodePolicy(policy=gives_up, protocol={"limits": {"turns": 2}})
    inspect_robots.eval(
        "cubepick-reach",
        policy,
        "cubepick",
        log_dir=str(tmp_path),
        sinks=[],
        before_scoring=lambda record, scene: seen.append(record),
    )
    for record in seen:
        moves = [step.action.data.tolist() for step in record.steps]
        assert moves == [[0.1, 0.1]] + [[0.0, 0.0]] * 79
        assert record.metadata["embodied"]["outcome"] == "truncated"
        assert record.metadata["embodied"]["messages"][2]["role"] == "assistant"


def test_settings_of_the_policy_are_checked() -> None:
    from embodied.inspect_robots.policy import CodePolicy

    with pytest.raises(ConfigError, match="polcy"):
        CodePolicy(polcy="llm")
