"""What actions return has in plans what its type has, in both interpreters, and is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from embodied import Task
from embodied.interpreter import Interpreters, Session
from embodied.interpreter.session import Output
from tests.conftest import LightSwitch
from tests.interpreter.surveyor import Surveyor


@pytest.fixture(scope="module")
def interpreters() -> Iterator[Interpreters]:
    with Interpreters() as interpreters:
        yield interpreters


@pytest.fixture
def surveyor(task: Task) -> Surveyor:
    robot = Surveyor(LightSwitch())
    robot.begin(robot.environment.reset(task), max_steps=50)
    return robot


@pytest.fixture(params=["restricted", "full"])
def session(
    request: pytest.FixtureRequest, interpreters: Interpreters, surveyor: Surveyor
) -> Iterator[Session]:
    if request.param == "full":
        pytest.importorskip("cloudpickle", reason="needs: pip install 'embodied-codeact[full]'")
    with interpreters.session(request.param, surveyor) as session:
        yield session


def printed(session: Session, code: str) -> str:
    output = session.run(code)
    assert output.error is None and output.limit is None, output
    return output.stdout.strip()


SAME = {
    "pose()": "Pose(x=1.0, y=2.0, tags=['a'])",
    "[pose()]": "[Pose(x=1.0, y=2.0, tags=['a'])]",
    "f'{pose(3.0)} {pose().x + 1}'": "Pose(x=3.0, y=2.0, tags=['a']) 2.0",
    "pose() == pose(), pose() == pose(2.0), pose() != pose()": "(True, False, False)",
    "isinstance(pose(), Pose), type(pose()).__name__": "(True, 'Pose')",
    "Pose(1.0), Pose(y=1.0, x=2.0)": "(Pose(x=1.0, y=0.0, tags=[]), Pose(x=2.0, y=1.0, tags=[]))",
    "goal().then.pose.x, goal().then.then": "(2.0, None)",
    "goal()": "Goal(title='t', pose=Pose(x=1.0, y=0.0, tags=[]), gait=<Gait.RUN: 'run'>, "
    "then=Goal(title='u', pose=Pose(x=2.0, y=0.0, tags=[]), gait=<Gait.WALK: 'walk'>, then=None))",
    "gait()": "Gait.RUN",
    "[gait()], f'{gait()}', gait().name, gait().value": "([<Gait.RUN: 'run'>], 'Gait.RUN', 'RUN', "
    "'run')",
    "gait() is Gait.RUN, gait() == 'run', gait() == Gait('run')": "(True, False, True)",
    "Gait.STROLL is Gait.WALK, Gait.STROLL, Gait.THIRD.value": "(True, <Gait.WALK: 'walk'>, 3)",
    "gaits()[gait()], list(gaits())": "(3, [<Gait.RUN: 'run'>])",
    "settings(), Level.HIGH, Color.RED == 'red', Level(2)": "((2, 'red', 3), 2, True, 2)",
    "settings()[2] & Status.HOT": "2",
    "cells(), Cell(1, 2) in cells()": "({Cell(row=1, column=2)}, True)",
    "poses()[Cell(row=1, column=2)].x": "3.0",
    "pair(), pair().count, pair().cell.row": "(Pair(count=1, cell=Cell(row=2, column=3)), 1, 2)",
    "pair(Pair(4, Cell(5, 6)))": "Pair(count=4, cell=Cell(row=5, column=6))",
    "times()[0], times()[0].year, times()[1].days": "(datetime.datetime(2020, 1, 2, 3, 0, "
    "tzinfo=datetime.timezone.utc), 2020, -1)",
    "times()[0] + times()[1], times()[2]": "(datetime.datetime(2020, 1, 1, 3, 0, 5, "
    "tzinfo=datetime.timezone.utc), datetime.date(2020, 1, 2))",
    "times(times()[0])[0] == times()[0]": "True",
    "file()": "/a/b",
    "find(), find() == find(), find().id": "(Grasp(id='grasp-1'), True, 'grasp-1')",
    "take(find()), take(Grasp('grasp-1'))": "(4, 4)",
    "move(pose()), move(Pose(2.0), Gait.RUN, Level.HIGH)": "(\"Pose(x=1.0, y=2.0, tags=['a']) "
    "Gait.WALK <Level.LOW: 1>\", 'Pose(x=2.0, y=0.0, tags=[]) Gait.RUN <Level.HIGH: 2>')",
    "move({'x': 1}, 'run')": "Pose(x=1.0, y=0.0, tags=[]) Gait.RUN <Level.LOW: 1>",
    "signal(Color.BLUE, Status.HOT), signal('red', 3)": "(\"<Color.BLUE: 'blue'> "
    '<Status.HOT: 2>", "<Color.RED: \'red\'> <Status.READY|HOT: 3>")',
    "follow(Goal(title='x', pose=pose()))": "Goal(title='x', pose=Pose(x=1.0, y=2.0, tags=['a']), "
    "gait=<Gait.RUN: 'run'>, then=None)",
    "visits(cells()), visits([])": "('{Cell(row=1, column=2)}', 'set()')",
    "anything()": "{'of': datetime.date(2020, 1, 2), 'at': (Pose(x=1.0, y=0.0, tags=[]),), "
    "'no': {'value': 7}}",
}


@pytest.mark.parametrize("code", SAME)
def test_a_plan_sees_what_the_signature_shows(session: Session, code: str) -> None:
    assert printed(session, f"print(({code}))") == SAME[code]


REFUSED = {
    "take(Grasp('grasp-9'))": ("TypeError", "grasp-9"),
    "take('grasp-1')\ntake(pose())": ("TypeError", "take(): grasp cannot be"),
    "move(gait())": ("TypeError", "move(): pose cannot be 'run'"),
    "move(pose(), 'hop')": ("TypeError", "move(): gait cannot be 'hop'"),
    "move(Pose('far'))": ("TypeError", "move(): pose cannot be {'x': 'far'"),
    "Gait('hop')": ("ValueError", "'hop' is not a valid Gait"),
    "Level(9)": ("ValueError", "9 is not a valid Level"),
    "Pose()": ("TypeError", "Pose"),
    "Pose(1, 2, [], 4)": ("TypeError", "Pose"),
    "pose().norm": ("AttributeError", "norm"),
    "pose().pose()": ("AttributeError", "pose"),
    "Gait.HOP": ("AttributeError", "HOP"),
    "Cell(1, 2).row = 3": ("AttributeError", "attribute"),
    "{pose(): 1}": ("TypeError", "unhashable"),
}


@pytest.mark.parametrize("code", REFUSED)
def test_what_does_not_fit_is_refused(session: Session, code: str) -> None:
    error = session.run(code).error
    assert error is not None
    assert error.type == REFUSED[code][0] and REFUSED[code][1] in error.message


def test_values_are_kept_and_changed(session: Session) -> None:
    session.run(
        "p = pose()\np.x = 5.5\np.tags.append('b')\ng = goal()\nh = find()\nk = {gait(): p}"
    )
    state = session.dump()
    assert printed(session, "print(p, g.gait is Gait.RUN, k[gait()] is p)") == (
        "Pose(x=5.5, y=2.0, tags=['a', 'b']) True True"
    )
    session.run("p = None")
    session.load(state)
    assert printed(session, "print(move(p), take(h), k[Gait.RUN] == p, pose() == p)") == (
        "Pose(x=5.5, y=2.0, tags=['a', 'b']) Gait.WALK <Level.LOW: 1> 4 True False"
    )


def test_a_default_is_made_anew(session: Session) -> None:
    assert printed(session, "a = Pose(1.0)\na.tags.append('b')\nprint(Pose(1.0).tags)") == "[]"


def test_a_hidden_type_comes_back(session: Session) -> None:
    hidden = "Pose = 5\nGait = 6\nCell = 7\ndel Pose, Gait, Cell\n"
    assert printed(session, f"{hidden}print(Pose(1.0).x, Gait.RUN, Cell(1, 2).row)") == (
        "1.0 Gait.RUN 1"
    )


def test_a_class_of_the_code_with_a_known_name_is_no_more_than_its_values(session: Session) -> None:
    own = "class Gait:\n    def __init__(self):\n        self.value = 'hop'\n"
    error = session.run(f"{own}move(pose(), Gait())").error
    assert error is not None and error.type == "TypeError"


def test_records_hold_plain_data(session: Session) -> None:
    output = session.run("move(pose(), gait())\ngoal()\nfind()\ntake(find())\ntimes()\nposes()")
    calls = [call for call in output.calls if call.name not in ("pose", "gait")]
    pose = {"x": 1.0, "y": 2.0, "tags": ["a"]}
    assert calls[0].arguments == {"pose": pose, "gait": "run"}
    expected: list[Any] = [
        "Pose(x=1.0, y=2.0, tags=['a']) Gait.RUN <Level.LOW: 1>",
        {
            "title": "t",
            "pose": {"x": 1.0, "y": 0.0, "tags": []},
            "gait": "run",
            "then": {
                "title": "u",
                "pose": {"x": 2.0, "y": 0.0, "tags": []},
                "gait": "walk",
                "then": None,
            },
        },
        "grasp-1",
        "grasp-1",
        4,
        ["2020-01-02T03:00:00Z", "-PT23H59M55S", "2020-01-02"],
        {"Cell(row=1, column=2)": {"x": 3.0, "y": 0.0, "tags": []}},
    ]
    assert [call.result for call in calls] == expected


def test_arrays_are_nested_lists(session: Session, surveyor: Surveyor, task: Task) -> None:
    numpy = pytest.importorskip("numpy", reason="needs: pip install 'embodied-codeact[full]'")
    surveyor.grasp = numpy.arange(6).reshape(2, 3)  # type: ignore[assignment] # any result will do
    assert printed(session, "a = find()\nprint(a, a[1][2], len(a))") == "[[0, 1, 2], [3, 4, 5]] 5 2"


def test_values_move_to_the_full_interpreter(
    interpreters: Interpreters, surveyor: Surveyor
) -> None:
    pytest.importorskip("cloudpickle", reason="needs: pip install 'embodied-codeact[full]'")
    with interpreters.session("auto", surveyor) as session:
        session.run("p = pose()\nc = list(poses().items())\nk = {gait(): [pair()]}\nh = find()")
        moved: Output = session.run("import textwrap\nprint(p, c, k, take(h), p == pose())")
        assert moved.interpreter == "full"
        assert moved.stdout.splitlines() == [
            "Pose(x=1.0, y=2.0, tags=['a']) [(Cell(row=1, column=2), Pose(x=3.0, y=0.0, tags=[]))] "
            "{<Gait.RUN: 'run'>: [Pair(count=1, cell=Cell(row=2, column=3))]} 4 True",
        ]
