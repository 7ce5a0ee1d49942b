"""Plugins that cannot be had: each gets a sentence."""

from __future__ import annotations

import importlib.metadata
import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import embodied
from embodied import ConfigError
from embodied._util.suggestion import suggestion
from embodied.config.schema import RunConfig
from embodied.plugins import registry
from embodied.plugins.registry import (
    controller_class,
    controller_name,
    environment_class,
    load,
    with_options,
)
from embodied.protocol import RunProtocol
from embodied.runner.plan import resolve
from embodied.testing import Corridor, corridor

GROUP = "embodied.environments"


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    (tmp_path / "needy_plugin.py").write_text("import a_package_that_is_nowhere")
    (tmp_path / "odd_plugin.py").write_text("from json import nothing_of_the_sort")
    (tmp_path / "quitting_plugin.py").write_text("import sys; sys.exit(3)")
    monkeypatch.syspath_prepend(tmp_path)
    values = {
        "renamed": "embodied.task:Tsk",
        "moved": "embodied.rooms.corridor:Corridor",
        "quits": "quitting_plugin:Quits",
        "odd": "odd_plugin:Odd",
        "needy": "needy_plugin:Needy",
        "ray": "needy_plugin:Needy",
    }
    points = [EntryPoint(name, value, GROUP) for name, value in values.items()]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points)
    registry._registered.cache_clear()
    yield
    registry._registered.cache_clear()


@pytest.mark.usefixtures("register")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("reamed", "did you mean 'renamed'?"),
        ("renamed", "cannot be loaded from embodied.task:Tsk: .* no attribute 'Tsk'"),
        ("moved", "its module embodied.rooms.corridor is not there; install it anew with: pip "),
        ("quits", r"cannot be loaded from quitting_plugin:Quits: SystemExit\(3\)"),
        ("odd", r"cannot be loaded from odd_plugin:Odd: cannot import name"),
        ("needy", "needs the package 'a_package_that_is_nowhere', which is not installed$"),
        ("ray", r"install it with: pip install 'embodied-codeact\[ray\]'"),
    ],
)
def test_a_plugin_that_cannot_be_loaded(name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load(GROUP, name)


def test_a_long_list_of_what_there_is_is_cut() -> None:
    names = [f"{number:03}" for number in range(2_000)]
    assert suggestion("zzz", names).endswith("048, 049 and 1,950 more")
    assert suggestion("zzz", names[:2]) == "; there are: 000, 001"
    assert suggestion("1499", names) == "; did you mean '1499'?"


def test_options_that_a_function_does_not_take() -> None:
    with pytest.raises(ConfigError, match=r"options of the environment 'hall': .*'bogus'"):
        with_options("hall", Corridor, bogus=1)
    assert len(with_options("hall", Corridor.list_tasks, None, length=3)) == 8


def test_the_controller_of_an_environment() -> None:
    class Hall(Corridor):
        default_controller = "walker"

    class Nobodys(Corridor):
        default_controller = None

    assert controller_name(None, "hall", Hall) == "walker"
    assert controller_name("other", "hall", Hall) == "other"
    with pytest.raises(ConfigError, match="'hall' has no default controller"):
        controller_name(None, "hall", Nobodys)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of a user, with a plugin in a file of its own."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(str(corridor.__file__), tmp_path / "rooms.py")
    return tmp_path


def test_a_plugin_in_a_file_needs_no_packaging(folder: Path) -> None:
    tasks = embodied.list_tasks("rooms.py:Corridor")
    environment = embodied.make_environment("rooms.py:Corridor", length=3)
    robot = embodied.make_controller("rooms.py:CorridorRobot", environment)
    robot.begin(environment.reset(tasks[0]), max_steps=9)
    assert "of 3" in robot.call("go", ["left"]) + robot.call("go", ["right"])
    assert type(environment) is environment_class(str(folder / "rooms.py") + ":Corridor")
    assert load("embodied.experts", "rooms.py:CorridorRobot").__name__ == "solve"


def test_a_file_names_the_controller_beside_its_environment(folder: Path) -> None:
    kind = environment_class("rooms.py:Corridor")
    named = controller_name(None, "rooms.py:Corridor", kind)
    assert named == f"{folder}/rooms.py:CorridorRobot"
    assert controller_name("./rooms.py:CorridorRobot", "corridor", kind) == named
    with pytest.raises(ConfigError, match="was not named by a file"):
        controller_name(None, "corridor", corridor.Corridor)


def test_threads_load_a_file_once(folder: Path) -> None:
    (folder / "slow.py").write_text(
        "import time, embodied\ntime.sleep(0.2)\nclass Robot(embodied.Controller):\n    pass\n"
    )
    with ThreadPoolExecutor(4) as threads:
        kinds = list(threads.map(controller_class, ["slow.py:Robot"] * 4))
    assert len(set(kinds)) == 1


def test_what_a_file_defines_can_be_pickled(folder: Path) -> None:
    (folder / "data.py").write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "import embodied\n@dataclass\nclass Point:\n    x: int\n"
        "class Robot(embodied.Controller):\n    point = Point(1)\n"
    )
    robot = load("embodied.controllers", "data.py:Robot")
    assert pickle.loads(pickle.dumps(robot.point)) == robot.point


BAD_FILES = {
    "broken": "x = 1\ndef (:\n",
    "needy": "import a_package_that_is_nowhere",
    "failing": "import embodied\nx = 1 / 0\n",
    "neighbour": "import rooms",
    "quitting": "import sys\nsys.exit()\n",
    "half": "import embodied\nclass Room(embodied.Environment):\n    pass\n",
}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere.py:Corridor", "there is no file .*/nowhere.py"),
        ("rooms.py", r"add the name of the class: rooms.py:CLASS"),
        ("rooms.py:Corridr", "defines no class 'Corridr'; it defines: .*Corridor, CorridorRobot"),
        ("rooms.py:CorridorRobot", "is no environment; it must .* from embodied.Environment"),
        ("rooms.py:solve", "is no environment"),
        ("broken.py:Room", "broken.py, line 2 is not Python: invalid syntax"),
        ("needy.py:Room", "needs the package 'a_package_that_is_nowhere'.*pip install"),
        ("failing.py:Room", "failing.py, line 2 cannot be loaded: ZeroDivisionError"),
        ("quitting.py:Room", "quitting.py, line 2 cannot be loaded: SystemExit"),
        ("neighbour.py:Room", "imports its neighbour 'rooms', .* stands alone"),
        ("half.py:Room", "lacks the methods: close, list_tasks, reset, step"),
        (".:Room", "there is no environment '.:Room'"),
        ("~no-such-user/rooms.py:Room", "there is no file .*/~no-such-user/rooms.py"),
    ],
)
def test_a_file_that_cannot_be_used(folder: Path, name: str, said: str) -> None:
    for stem, text in BAD_FILES.items():
        (folder / f"{stem}.py").write_text(text)
    with pytest.raises(ConfigError, match=said):
        environment_class(name)
    assert not [key for key in sys.modules if key.startswith("embodied_file_broken")]


def prepared(name: str, out: Path) -> RunProtocol:
    config = RunConfig.model_validate({"environment": {"name": name}, "out": out})
    run = resolve(config)
    assert Path(run.config.environment.name).is_absolute()
    return run.protocol


def test_a_protocol_knows_a_file_by_its_content_and_not_by_its_folder(folder: Path) -> None:
    for other, change in (("copy", ""), ("changed", "\n# Another rule.\n")):
        (folder / other).mkdir()
        text = (folder / "rooms.py").read_text() + change
        (folder / other / "rooms.py").write_text(text)
    first, copy, changed = (
        prepared(f"{place}rooms.py:Corridor", folder / "out") for place in ("", "copy/", "changed/")
    )
    assert first.environment == "rooms.py:Corridor"
    assert first.protocol.controller == "rooms.py:CorridorRobot"
    assert first.differences(copy) == []
    different = " ".join(first.differences(changed))
    assert "data.environment_file" in different
    assert "data.controller_file" in different
    assert len(first.differences(changed)) == 2


FLAKY = """
from pathlib import Path
import embodied.testing

class Flaky(embodied.testing.Corridor):
    default_controller = ":Robot"

    def reset(self, task, seed=None):
        print("a reset of", task.id)
        if task.id == "corridor-2" and not (Path(__file__).parent / "repaired").exists():
            raise OSError("the simulator is broken")
        return super().reset(task, seed)

class Robot(embodied.testing.CorridorRobot):
    pass

def solve(observation):
    from embodied.testing.corridor import solve
    return solve(observation)
"""


def types(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "embodied", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_run_of_a_file_is_finished_on_the_pool_from_another_folder(folder: Path) -> None:
    (folder / "flaky.py").write_text(FLAKY)
    (folder / "elsewhere").mkdir()
    local = ("--runner.kind", "local", "--runner.retries", "0")
    words = ("run", "--env", "flaky.py:Flaky", "--tasks.limit", "3", "--out", "run", *local)
    assert types(folder, *words).returncode == 3
    (folder / "repaired").touch()
    pool = ("--runner.kind", "ray", "--runner.workers", "1")
    resumed = types(folder / "elsewhere", "resume", "../run", "--json", *pool)
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout)["successes"] == 3
    assert "starting Ray" in resumed.stderr
    assert ") a reset of corridor-2" in resumed.stderr
    listed = types(folder / "elsewhere", "tasks", "../flaky.py:Flaky")
    assert "8 tasks" in listed.stdout, listed.stderr
