"""To and from Gymnasium, against Gymnasium itself."""

from __future__ import annotations

import functools
import importlib
import json
import subprocess
import sys
import warnings
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

import embodied
from embodied import ConfigError, Controller, Environment
from embodied.plugins.registry import controller_name, environment_class
from embodied.testing import Corridor, check_controller, check_environment, corridor

gymnasium = pytest.importorskip(
    "gymnasium", reason="needs: pip install 'embodied-codeact[gymnasium]'"
)
checker = pytest.importorskip("gymnasium.utils.env_checker")

MOVES = ["south", "north", "east", "west", "pick_up", "drop_off"]
STEPS = 60


def taxi(**settings: Any) -> Any:
    words: dict[str, Any] = {"instruction": "Drive.", "success": lambda step: step.reward == 20}
    return embodied.wrap_gymnasium("Taxi-v4", **words, **settings)


class Spaces(gymnasium.Env):  # type: ignore[misc]
    """Shows the last action; its action space is given."""

    def __init__(self, space: Any = None) -> None:
        self.action_space = space or gymnasium.spaces.Discrete(3)
        self.observation_space = gymnasium.spaces.Text(1000)
        self.taken: list[Any] = []

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return "Go.", {}

    def step(self, action: Any) -> Any:
        assert self.action_space.contains(action)
        self.taken.append(action)
        return f"It was {action}.", 0.0, False, False, {}


def wrapped(space: Any, **settings: Any) -> Any:
    return embodied.wrap_gymnasium(
        lambda: Spaces(space), instruction="Do.", success=lambda step: False, **settings
    )


@pytest.mark.parametrize(
    "name", ["Taxi-v4", "FrozenLake-v1", "Blackjack-v1", "CartPole-v1", "MountainCarContinuous-v0"]
)
def test_a_wrapped_environment_gives_the_same_episodes_as_the_raw_one(name: str) -> None:
    kind = embodied.wrap_gymnasium(name, instruction="Go.", success=lambda step: step.terminated)
    ours, raw = kind(), gymnasium.make(name)
    for task in kind.list_tasks()[:3]:
        ours.reset(task)
        raw.reset(seed=task.seed)
        raw.action_space.seed(task.seed)
        for _ in range(STEPS):
            action = raw.action_space.sample()
            mine = ours.step(json.dumps(action.tolist()))
            _, reward, terminated, truncated, _ = raw.step(action)
            assert mine.reward == pytest.approx(float(reward), abs=1e-9)
            assert (mine.terminated, mine.truncated) == (terminated, truncated)
            assert mine.success is terminated
            if terminated or truncated:
                break
    ours.close()
    raw.close()


@pytest.mark.parametrize(
    "kind",
    [
        taxi(),
        taxi(actions=MOVES),
        embodied.wrap_gymnasium(
            "CartPole-v1", instruction="Balance.", success=lambda step: step.truncated
        ),
        embodied.wrap_gymnasium(
            "MountainCarContinuous-v0", instruction="Climb.", success=lambda step: step.terminated
        ),
        embodied.wrap_gymnasium(
            gymnasium.make("Blackjack-v1"), instruction="Win.", success=lambda step: step.reward > 0
        ),
    ],
    ids=lambda kind: kind.name,
)
def test_a_wrapped_environment_and_its_robot_pass_the_checks(kind: Any) -> None:
    check_environment(kind)
    check_controller(kind.Robot, kind)


def test_actions_have_names_or_are_json() -> None:
    box = gymnasium.spaces.Box(-1, 1, (2,))
    unbounded = gymnasium.spaces.Box(-float("inf"), float("inf"), (2,))
    nested = gymnasium.spaces.Dict(
        {
            "arm": box,
            "grip": gymnasium.spaces.Discrete(2, start=1),
            "name": gymnasium.spaces.Text(5),
        }
    )
    for space, good, bad in (
        (gymnasium.spaces.Discrete(3, start=5), ["5", "7"], ["8", "0", "5.0", "true", "go"]),
        (box, ["[0.5, -1]", "[0, 1]"], ["[0.5]", "[0, 2]", "0", '["a", "b"]', "[NaN, 0]"]),
        (unbounded, ["[1e9, -3]"], ["[Infinity, 0]", "[1e39, 0]", "[1e999, 0]", "[NaN, 0]"]),
        (gymnasium.spaces.MultiDiscrete([2, 3]), ["[1, 2]"], ["[1, 3]", "[1, 0.5]", "[-1, 0]"]),
        (gymnasium.spaces.MultiBinary(2), ["[0, 1]"], ["[0, 2]", "[256, 0]", f"[{10**400}, 0]"]),
        (gymnasium.spaces.Tuple([box, box]), ["[[0, 0], [1, 1]]"], ["[[0, 0]]", "3", "{}"]),
        (
            nested,
            ['{"arm": [0, 1], "grip": 2, "name": "x"}'],
            ['{"arm": [0, 1]}', "[]", "[" * 9999],
        ),
        (gymnasium.spaces.Text(8), ["go"], ["", "far too long", "go!"]),
    ):
        env = wrapped(space)()
        env.reset(env.list_tasks()[0])
        for command in good:
            assert env.step(command).observation.text.startswith("It was"), (space, command)
        for command in bad:
            assert "action" in env.step(command).observation.text, (space, command)
        assert len(env._raw.taken) == len(good)


def test_robots_of_all_spaces_pass_the_checks() -> None:
    box = gymnasium.spaces.Box(-1, 1, (2, 2))
    for space in (
        gymnasium.spaces.MultiBinary(3),
        gymnasium.spaces.MultiDiscrete([2, 3]),
        gymnasium.spaces.Tuple([box, gymnasium.spaces.Discrete(2)]),
        gymnasium.spaces.Dict({"arm": box}),
        gymnasium.spaces.Text(8),
    ):
        check_controller(wrapped(space).Robot, wrapped(space))


def test_what_cannot_be_wrapped_is_said() -> None:
    words: dict[str, Any] = {"instruction": "Go.", "success": lambda step: False}
    with pytest.raises(ConfigError, match=r"Gymnasium knows no environment 'Taxy-v4'.*Taxi-v4"):
        embodied.wrap_gymnasium("Taxy-v4", actions=["a"], **words)
    with pytest.raises(ConfigError, match="give it the class, or a function"):
        embodied.wrap_gymnasium(Spaces(), **words)
    with pytest.raises(ConfigError, match="cannot be written as text"):
        wrapped(gymnasium.spaces.Graph(gymnasium.spaces.Discrete(2), None))
    with pytest.raises(ConfigError, match="2 names of actions do not fit"):
        taxi(actions=["a", "b"])()
    with pytest.raises(ConfigError, match=r'with the options \{"wings": 2\}'):
        taxi(actions=MOVES)(wings=2)
    with pytest.raises(ConfigError, match="no split 'test'; there are: all"):
        taxi(actions=MOVES).list_tasks("test")
    with pytest.raises(TypeError, match="success"):
        embodied.wrap_gymnasium("Taxi-v4", instruction="Go.")  # type: ignore[call-arg]


def test_tasks_are_seeds_by_split_and_observations_can_be_worded() -> None:
    kind = taxi(
        actions=MOVES,
        name="cab",
        splits={"train": range(3), "test": range(7, 9)},
        describe=lambda step: f"state {step.observation}, reward {step.reward:g}",
    )
    assert [task.id for task in kind.list_tasks()] == ["cab-0", "cab-1", "cab-2"]
    assert [task.seed for task in kind.list_tasks("test")] == [7, 8]
    env = kind(is_rainy=True)
    assert env.reset(kind.list_tasks()[0]).text.startswith("Drive.\nstate ")
    assert "reward -1" in env.step("south").observation.text
    assert "the actions are: south, north" in env.step("fly").observation.text
    assert kind.data_version()["gymnasium"] == gymnasium.__version__


def test_observations_are_rendered_so_that_they_can_be_read() -> None:
    import numpy as np

    from embodied.gymnasium.describe import describe_observation as describe

    seen = {"where": np.array([0.123456, 2.0]), "picture": np.zeros((9, 9, 3)), "n": np.int64(3)}
    assert describe(seen).splitlines() == [
        "where: [0.1235, 2.0]",
        "picture: (an array of shape (9, 9, 3), float64)",
        "n: 3",
    ]
    assert describe("as it is") == "as it is"
    assert describe((1, 2, False)) == "[1, 2, false]"


def numbers(environment: str, **settings: Any) -> Any:
    return embodied.wrap_gymnasium(
        environment, instruction="Do.", success=lambda step: False, **settings
    )


def test_ids_are_refused_at_once_whatever_form_they_have() -> None:
    for name in ("Taxi-v44", "no-such", "gymnasium.envs:Taxy-v4", ""):
        with pytest.raises(ConfigError, match="Gymnasium knows no environment"):
            numbers(name, actions=["a"])
    for name in ("Taxi", "Taxi-v4", "gymnasium:Taxi-v4"):
        assert numbers(name, actions=MOVES).default_limits == {"steps": 200}


def test_the_limit_of_steps_is_the_registered_one() -> None:
    assert numbers("CartPole-v1").default_limits == {"steps": 500}
    made = gymnasium.make("CartPole-v1", max_episode_steps=7)
    assert numbers(made).default_limits == {"steps": 7}
    assert wrapped(gymnasium.spaces.Discrete(2)).default_limits == {}


PARTLY_MISSING = """\
import embodied

words = {"instruction": "Go.", "success": lambda step: False}
Taxi = embodied.wrap_gymnasium("Taxi-v4", **words)
Elsewhere = embodied.wrap_gymnasium("no_such_package:Arm-v0", **words)


def made():
    import no_such_library


Function = embodied.wrap_gymnasium(made, **words)
"""


def test_what_is_missing_for_one_class_does_not_spoil_the_others(tmp_path: Path) -> None:
    (tmp_path / "several.py").write_text(PARTLY_MISSING)
    assert embodied.list_tasks(f"{tmp_path}/several.py:Taxi")
    for name, said in (("Elsewhere", "no_such_package"), ("Function", "no_such_library")):
        with pytest.raises(ConfigError, match=said):
            embodied.list_tasks(f"{tmp_path}/several.py:{name}")
        with pytest.raises(ConfigError, match=said):
            embodied.make_environment(f"{tmp_path}/several.py:{name}")


def test_numbers_have_the_words_that_they_are_given() -> None:
    fields = ["cart (m)", "speed (m/s)", "angle (rad)", "turning (rad/s)"]
    kind = numbers("CartPole-v1", fields=fields)
    lines = kind().reset(kind.list_tasks()[0]).text.splitlines()
    assert [line.partition(": ")[0] for line in lines] == ["Do.", *fields]
    with pytest.raises(ConfigError, match="2 fields do not fit"):
        numbers("CartPole-v1", fields=["a", "b"])()


@pytest.mark.parametrize(
    ("name", "options", "seen"),
    [
        ("FrozenLake-v1", {"is_slippery": False}, "row 0 of 0 to 3, column 1 of 0 to 3"),
        ("CliffWalking-v1", {}, "row 3 of 0 to 3, column 0 of 0 to 11"),
    ],
)
def test_cells_of_grids_are_rows_and_columns(name: str, options: Any, seen: str) -> None:
    kind = numbers(name)
    env = kind(**options)
    env.reset(kind.list_tasks()[0])
    command = "2" if name == "FrozenLake-v1" else "3"
    assert env.step(command).observation.text == seen


def test_small_tables_are_shown_by_rows_and_others_as_before() -> None:
    import numpy as np

    from embodied.gymnasium.describe import describe_observation as describe

    assert describe({"map": np.arange(6).reshape(2, 3)}) == "map: \n0 1 2\n3 4 5"
    assert describe(np.eye(2)) == "[[1.0, 0.0], [0.0, 1.0]]"
    assert describe(np.array([1.0]), ["x", "y"]) == "[1.0]"


def test_many_are_played_at_a_time_by_gymnasiums_vectors() -> None:
    many = gymnasium.vector.SyncVectorEnv(
        [lambda: embodied.to_gymnasium(Corridor) for _ in range(3)]
    )
    texts, _ = many.reset(seed=0)
    assert len(texts) == 3 and "You are in cell" in texts[0]
    texts, _, _, _, info = many.step(["go left", "dance", "go left"])
    assert texts[0] != texts[1] == "That cannot be done here."
    assert list(info["success"]) == [False] * 3
    many.close()


TAXI_FILE = """\
import embodied

Taxi = embodied.wrap_gymnasium(
    "Taxi-v4",
    instruction="Bring the passenger to the destination.",
    actions=["south", "north", "east", "west", "pick_up", "drop_off"],
    success=lambda step: step.reward == 20,
)


class Careful(embodied.wrap_gymnasium("Taxi-v4", instruction="Go.", success=lambda step: False)):
    pass
"""


def test_a_file_of_a_few_lines_is_played_from_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "cab.py").write_text(TAXI_FILE)
    name = f"{tmp_path}/cab.py:Taxi"
    check_environment(name)
    assert controller_name(None, name, environment_class(name)) == f"{name}.Robot"
    careful = environment_class(f"{tmp_path}/cab.py:Careful")
    assert controller_name(None, "", careful) == f"{tmp_path}/cab.py:Careful.Robot"
    words = ["run", "--env", "cab.py:Taxi", "--policy", "human", "--runner.kind", "local"]
    typed = 'act("south")\nact(action="north")\n\n'
    played = subprocess.run(
        [sys.executable, "-m", "embodied", *words, "--tasks.limit", "1", "--json"],
        cwd=tmp_path,
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert played.returncode == 0, played.stderr
    assert '"infrastructure_errors": 0' in played.stdout
    protocol = (tmp_path / "runs" / "latest" / "protocol.yaml").read_text()
    assert "controller: cab.py:Taxi.Robot" in protocol


@pytest.mark.parametrize("name", [Corridor, f"{corridor.__file__}:Corridor"])
def test_an_environment_passes_gymnasiums_own_check(name: str | type[Environment]) -> None:
    env = embodied.to_gymnasium(name, split="all", length=4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*not having a spec.*")
        checker.check_env(env)
    env.close()


def test_alfworld_passes_gymnasiums_own_check(tmp_path: Path) -> None:
    pytest.importorskip("alfworld", reason="needs: pip install 'embodied-codeact[alfworld]'")
    environment_class("alfworld").generate(tmp_path, 4, 0)
    env = embodied.to_gymnasium("alfworld", split="train", data=tmp_path)
    checker.check_env(env)
    first, info = env.reset(seed=3)
    assert env.reset(seed=3)[0] == first
    assert {env.reset(seed=seed)[1]["task"] for seed in range(20)} == {
        task.id for task in embodied.list_tasks("alfworld", "train", data=tmp_path)
    }
    raw = embodied.make_environment("alfworld", data=tmp_path)
    task = next(
        t for t in embodied.list_tasks("alfworld", "train", data=tmp_path) if t.id == info["task"]
    )
    assert raw.reset(task).text == env.reset(options={"task": task.id})[0]
    for command in raw.plan():
        text, reward, terminated, truncated, info = env.step(command)
        mine = raw.step(command)
        assert (text, reward, terminated, truncated) == (
            *(mine.observation.text, mine.reward),
            *(mine.terminated, mine.truncated),
        )
    assert info["success"]
    assert info["task"] == task.id
    raw.close()
    env.close()


def test_a_task_that_does_not_exist_and_a_step_before_reset() -> None:
    env = embodied.to_gymnasium(Corridor)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step("go left")
    with pytest.raises(ConfigError, match="no task 'corridor-9'; did you mean 'corridor-"):
        env.reset(options={"task": "corridor-9"})
    with pytest.raises(ConfigError, match="no task 3; there are: corridor-0"):
        env.reset(options={"task": 3})


def test_there_and_back_again() -> None:
    """A wrapped text environment takes the same commands as the one inside."""
    inner = Corridor()
    kind = embodied.wrap_gymnasium(
        lambda: embodied.to_gymnasium(Corridor),
        instruction="Go.",
        success=lambda step: step.info["success"],
        name="corridor",
    )
    outer = kind()
    outer.reset(kind.list_tasks()[0])
    task_id = outer._raw.reset(seed=0)[1]["task"]
    inner.reset(next(task for task in Corridor.list_tasks() if task.id == task_id))
    for command in inner.plan():
        mine, theirs = inner.step(command), outer.step(command)
        assert (mine.observation, mine.success) == (theirs.observation, theirs.success)
    assert theirs.success
    assert issubclass(kind.Robot, Controller)


def test_a_registered_environment_has_the_robot_that_is_registered_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cab_plugin.py").write_text(TAXI_FILE)
    monkeypatch.syspath_prepend(str(tmp_path))
    robot = EntryPoint("cab", "cab_plugin:Taxi.Robot", "embodied.controllers")
    monkeypatch.setattr("embodied.plugins.registry._registered", lambda group: {"cab": robot})
    module = importlib.import_module("cab_plugin")
    assert controller_name(None, "cab", module.Taxi) == "cab"
    with pytest.raises(ConfigError, match=r"registered as cab_plugin:Careful\.Robot"):
        controller_name(None, "careful", module.Careful)


def test_what_a_partial_makes_can_be_wrapped() -> None:
    kind = embodied.wrap_gymnasium(
        functools.partial(Spaces, gymnasium.spaces.Discrete(2)),
        instruction="Do.",
        success=lambda step: False,
    )
    assert kind.list_tasks()[0].id == "spaces-0"


def test_a_missing_gymnasium_gives_a_sentence() -> None:
    code = (
        "import sys; sys.modules['gymnasium'] = None\n"
        "import embodied\n"
        "from embodied import *\n"
        "try:\n    embodied.wrap_gymnasium\n"
        "except embodied.ConfigError as error:\n    print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'embodied-codeact[gymnasium]'" in said.stdout


def test_gymnasium_is_imported_only_where_it_is_used() -> None:
    code = "import sys, embodied; print('gymnasium' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "False\n"


def test_the_plugin_in_the_documentation_is_one(tmp_path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "plugins.md").read_text()
    code = next(
        block.partition("```")[0] for block in page.split("```python\n") if "Taxi-v4" in block
    )
    (tmp_path / "taxi.py").write_text(code[code.index("import embodied") :])
    check_environment(f"{tmp_path}/taxi.py:Taxi", split="train")
    check_controller(f"{tmp_path}/taxi.py:Taxi.Robot", f"{tmp_path}/taxi.py:Taxi")
