"""The grid robot: what its moves send, and that its skills work from what it has seen alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from embodied_controllers.grid_robot import GridRobot, GridRobotSkills

from embodied import Observation
from embodied.errors import EpisodeEnded
from tests.controllers.echo import Echo

EMPTY = "You face north, carrying nothing.\nYou see: no objects.\nWalls: 3 left to 3 right."


def echo(view: str = EMPTY, kind: type[GridRobot] = GridRobotSkills) -> Any:
    robot = kind(Echo(f"You did COMMAND.\n{view}"))
    robot.begin(Observation(f"Mission: go.\n{view}"), max_steps=None)
    return robot


@pytest.mark.parametrize("kind", [GridRobot, GridRobotSkills])
@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("turn_left", "turn left"),
        ("turn_right", "turn right"),
        ("forward", "forward"),
        ("pick_up", "pick up"),
        ("drop", "drop"),
        ("toggle", "toggle"),
        ("done", "done"),
    ],
)
def test_each_move_is_one_command_and_back(kind: type[GridRobot], name: str, command: str) -> None:
    robot = echo(kind=kind)
    robot.call(name)
    assert [step.command for step in robot.steps] == [command]
    assert kind.command_call(command) == (name, {})
    with pytest.raises(ValueError, match="does not know"):
        kind.command_call("dance")


def test_seeing_takes_no_step() -> None:
    robot = echo(kind=GridRobot)
    assert robot.see() == EMPTY
    robot.forward()
    assert robot.see() == EMPTY
    assert len(robot.steps) == 1


def test_what_was_seen_is_remembered_from_where_the_robot_is() -> None:
    robot = echo("You face north, carrying nothing.\nYou see: red ball 2 forward, 1 left.")
    assert robot.remembered() == ["red ball 2 forward, 1 left"]
    robot._map.read("You turned right.\nYou face east, carrying nothing.\nYou see: no objects.")
    assert robot.remembered() == ["red ball 1 back, 2 left"]
    robot._map.read("You moved forward.\nYou face east, carrying nothing.\nYou see: no objects.")
    assert robot.remembered() == ["red ball 2 back, 2 left"]
    robot.begin(Observation(EMPTY), max_steps=None)
    assert robot.remembered() == []


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (("go_to", "blue ball"), r"no 'blue ball' has been seen; call find\('blue ball'\)"),
        (("go_to", "sphere"), 'describes no thing; say such as "red ball"'),
        (("go_to", ""), "describes no thing"),
        (("put_down",), r"you carry nothing; take\(\)"),
        (("put_next_to", "red ball"), "you carry nothing"),
        (("open_door", "open door"), r"every open door that has been seen is open; toggle\(\)"),
        (("open_door", "grey door"), "locked grey door: take the key of its color first"),
        (("take", "key"), "no way to key over what has been seen"),
        (("go_to", "yellow box"), "red ball 1 forward, 1 right is in the way; take it elsewhere"),
    ],
)
def test_mistakes_say_what_to_do_and_take_no_step(call: tuple[str, ...], said: str) -> None:
    robot = echo(
        "You face north, carrying nothing.\n"
        "You see: open blue door 1 left; locked grey door 1 right; red ball 1 forward, 1 right; "
        "yellow box 2 forward, 1 right; green key 6 forward.\n"
        "Walls: 1 to 3 forward, 1 left; 1 to 4 forward, 2 right; 3 forward, 0 to 1 right.\n"
        "Hidden: 1 to 2 forward; 4 to 6 forward, 3 to 1 left; 4 to 6 forward, 1 to 3 right; "
        "4 to 5 forward; 1 to 3 forward, 3 right; 1 to 3 forward, 3 to 2 left; 3 to 2 left; "
        "2 to 3 right."
    )
    robot._map.cells[(0, -1)] = "floor"
    with pytest.raises((ValueError, RuntimeError), match=said):
        robot.call(call[0], call[1:])
    assert not robot.steps


def test_nothing_left_to_explore_is_said() -> None:
    walled = "You face north, carrying nothing.\nYou see: no objects.\nWalls: 1 left; 1 right"
    robot = echo(f"{walled}; 1 forward.\nHidden: 2 to 6 forward, 3 left to 3 right.")
    robot._map.cells[(0, 1)] = "wall"
    with pytest.raises(RuntimeError, match="nothing left to explore"):
        robot.explore()


def test_skills_come_to_an_end_where_the_last_observation_is_repeated() -> None:
    pytest.importorskip("minigrid", reason="pip install 'embodied-codeact[babyai]'")
    import embodied

    env = embodied.make_environment("babyai")
    robot = GridRobotSkills(env)
    for task in embodied.list_tasks("babyai", levels="GoToObjMaze-v0", episodes_per_level=3):
        robot.begin(env.reset(task), max_steps=4, after_end="repeat")
        with pytest.raises(RuntimeError, match=r"may have ended|is blocked"):
            robot.find("locked ball")
        assert len(robot.steps) == 4


def solves(level: str, solve: Callable[[GridRobotSkills, str], Any], seeds: int) -> int:
    """How many instances of a level a plan of skills solves; an episode that ends stops it."""
    pytest.importorskip("minigrid", reason="pip install 'embodied-codeact[babyai]'")
    import embodied

    env = embodied.make_environment("babyai")
    robot = GridRobotSkills(env)
    solved = 0
    for task in embodied.list_tasks("babyai", levels=level, episodes_per_level=seeds):
        robot.begin(env.reset(task), max_steps=None)
        try:
            solve(robot, task.instruction)
        except EpisodeEnded:
            pass
        solved += robot.success
    return solved


def named(pattern: str, mission: str) -> tuple[str, ...]:
    """List the things that a mission names."""
    match = re.fullmatch(pattern, mission)
    assert match is not None, mission
    return match.groups()


def go(robot: GridRobotSkills, mission: str) -> None:
    (thing,) = named("go to (.+)", mission)
    robot.find(thing)
    robot.go_to(thing)


def pick_up(robot: GridRobotSkills, mission: str) -> None:
    (thing,) = named("pick up (.+)", mission)
    robot.find(thing)
    robot.take(thing)


def put_next(robot: GridRobotSkills, mission: str) -> None:
    moved, fixed = named("put (.+) next to (.+)", mission)
    robot.find(moved)
    robot.find(fixed)
    robot.take(moved)
    robot.put_next_to(fixed)


def unlock_and_pick_up(robot: GridRobotSkills, mission: str) -> None:
    robot.find("locked door")
    robot.find("key")
    robot.take("key")
    robot.open_door("door")
    robot.put_down()
    pick_up(robot, mission)


@pytest.mark.parametrize(
    ("level", "solve"),
    [
        ("GoToLocal-v0", go),
        ("GoToObjMaze-v0", go),
        ("PickupLoc-v0", pick_up),
        ("PutNextLocal-v0", put_next),
        ("UnlockPickup-v0", unlock_and_pick_up),
    ],
)
def test_skills_alone_solve(level: str, solve: Callable[[GridRobotSkills, str], Any]) -> None:
    assert solves(level, solve, 10) == 10


def test_skills_are_actions_of_every_format() -> None:
    names = set(GridRobotSkills.actions())
    assert names > set(GridRobot.actions())
    assert {"go_to", "find", "take", "put_down", "put_next_to", "open_door", "explore"} <= names
