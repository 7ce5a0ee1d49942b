"""The household expert: goals, observations, common sense, and whole episodes.

Whole episodes are played against a small fake household written here, which speaks as ALFWorld's
games do and knows no more than one hand, receptacles and a few treatments, and against real
TextWorld games where the shared ALFWorld data is at hand.
"""

import contextlib
import io
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from embodied_controllers.experts.common_sense import (
    CLOSABLE,
    LAMP_PLACES,
    OBJECT_PLACES,
    search_order,
    type_of,
)
from embodied_controllers.experts.household import MAX_ACTIONS, solve
from embodied_controllers.experts.household_goal import EVERY, STATIONS, Goal, parse_goal
from embodied_controllers.experts.household_memory import Memory
from hypothesis import given, settings
from hypothesis import strategies as st

from embodied.interpreter.monty import wire
from embodied.interpreter.monty.pool import MontyPool
from embodied.limits import Limits

NOTHING = "Nothing happens."


# Goals


def _goal_of(task_kind: str) -> Goal | None:
    """Return the goal that a task kind of alfworld's goal library means, if the expert knows it."""
    if "movable_recep" in task_kind:
        return None
    sliced = task_kind.endswith("_slice")
    if task_kind.startswith("look_at_obj"):
        return Goal("apple", lamp="floorlamp", sliced=sliced)
    counts = {"pick_two": 2, "pick_three": 3, "place_all": EVERY}
    count = next((n for start, n in counts.items() if task_kind.startswith(start)), 1)
    treatment = next((verb for verb in STATIONS if f"pick_{verb}_" in task_kind), None)
    return Goal("apple", "fridge", treatment=treatment, count=count, sliced=sliced)


def test_every_wording_of_the_goal_library_is_understood_or_refused() -> None:
    library = pytest.importorskip("alfworld.gen.goal_library").gdict
    for task_kind, entry in library.items():
        for template in entry["templates"]:
            sentence = template.format(
                obj="apple", recep="fridge", toggle="floorlamp", mrecep="bowl"
            )
            text = f"You are in a room.\n\nYour task is to: {sentence}."
            if expected := _goal_of(task_kind):
                assert parse_goal(text) == expected, template
            else:
                with pytest.raises(ValueError, match="goal not understood"):
                    parse_goal(text)


@pytest.mark.parametrize(
    ("sentence", "goal"),
    [
        ("Put a cold mug in the coffeemachine", Goal("mug", "coffeemachine", treatment="cool")),
        ("examine the cd with the desklamp.", Goal("cd", lamp="desklamp")),
        ("put all mugs in cabinet", Goal("mug", "cabinet", count=EVERY)),
        ("put some glassbottle on shelf", Goal("glassbottle", "shelf")),
    ],
)
def test_goals_are_read_from_sentences(sentence: str, goal: Goal) -> None:
    assert parse_goal(sentence) == goal


def test_a_freely_worded_goal_is_refused_with_its_wording() -> None:
    with pytest.raises(ValueError, match="tidy up the kitchen"):
        next(solve("Your task is to: tidy up the kitchen."))


# Observations

ROOM = (
    "-= Welcome to TextWorld, ALFRED! =-\n\nYou are in the middle of a room. Looking quickly "
    "around you, you see a desk 2, a desk 10, and a toaster 1.\n\n"
    "Your task is to: put a pen in desk."
)


def test_the_room_lists_its_receptacles() -> None:
    assert Memory.of_room(ROOM).places == ["desk 2", "desk 10", "toaster 1"]


@pytest.mark.parametrize("put", ["put the pen 1 in/on the", "move the pen 1 to the"])
def test_memory_follows_an_object_in_both_dialects(put: str) -> None:
    memory = Memory.of_room(ROOM)
    memory.read("You arrive at loc 3. On the desk 2, you see a pen 1, a pencil 1, and a pen 2.")
    assert list(memory.sightings("pen")) == [("pen 1", "desk 2"), ("pen 2", "desk 2")]
    memory.read("You pick up the pen 1 from the desk 2.\nYou arrive at desk 10. ")
    assert memory.holding == "pen 1"
    memory.read(f"On the desk 10, you see nothing.\nYou {put} desk 10.")
    assert memory.holding is None
    assert memory.here == "desk 10"
    assert memory.contents == {"desk 2": ["pencil 1", "pen 2"], "desk 10": ["pen 1"]}


def test_memory_tells_closed_from_empty_and_notes_what_was_done() -> None:
    memory = Memory.of_room(ROOM)
    memory.read("The fridge 1 is closed.")
    assert (memory.here, memory.contents) == ("fridge 1", {})
    memory.read("You open the fridge 1. The fridge 1 is open. In it, you see nothing.")
    assert memory.contents == {"fridge 1": []}
    memory.read(
        "You heat the egg 1 using the microwave 1.\nYou sliced the egg 1 with the knife 1.\n"
        "You turn on the desklamp 1.\nYou are carrying: a egg 1.\nNothing happens."
    )
    assert memory.treated == {("heat", "egg 1")}
    assert (memory.sliced, memory.lit, memory.holding) == ({"egg 1"}, {"desklamp 1"}, "egg 1")
    memory.read("You are not carrying anything.")
    assert memory.holding is None


# Common sense


def test_the_table_holds_exactly_what_the_rules_of_alfworld_allow() -> None:
    rules = pytest.importorskip("alfworld.gen.constants")
    allowed: dict[str, set[str]] = {}
    for receptacle, objects in rules.VAL_RECEPTACLE_OBJECTS.items():
        if receptacle not in rules.MOVABLE_RECEPTACLES_SET:
            for name in objects:
                allowed.setdefault(name.lower(), set()).add(receptacle.lower())
    whole = {name: kinds for name, kinds in allowed.items() if not name.endswith("sliced")}
    assert {name: set(row.split()) for name, row in OBJECT_PLACES.items()} == whole
    assert all(len(set(row.split())) == len(row.split()) for row in OBJECT_PLACES.values())
    closable = {name.lower() for name in rules.OPENABLE_CLASS_SET - rules.MOVABLE_RECEPTACLES_SET}
    assert closable == CLOSABLE
    assert set(LAMP_PLACES) == {n.lower() for n in rules.VAL_ACTION_OBJECTS["Toggleable"]}


def test_the_search_order_weighs_likelihood_against_steps_and_leaves_nothing_out() -> None:
    places = ["drawer 2", "toaster 1", "drawer 1", "desk 10", "safe 1", "desk 2"]
    order = ["desk 2", "desk 10", "drawer 1", "drawer 2", "toaster 1", "safe 1"]
    assert search_order("pen", places) == order
    unknown = ["desk 2", "desk 10", "toaster 1", "safe 1", "drawer 1", "drawer 2"]
    assert sorted(search_order("gizmo", places)) == sorted(unknown)
    assert [type_of(p) in CLOSABLE for p in search_order("gizmo", places)] == [False] * 3 + [
        True
    ] * 3
    assert search_order("breadsliced", places) == search_order("bread", places)


# A small fake household


@dataclass
class FakeHousehold:
    """Receptacles with objects, one hand, and the texts of ALFWorld."""

    sentence: str
    contents: dict[str, list[str]]
    closed: set[str] = field(default_factory=set)
    neighbours: tuple[str, ...] = ()
    """Receptacles at one spot: going from one to another is refused."""
    refuses: Mapping[str, set[str]] = field(default_factory=dict)
    """Per function, the receptacles at which it never works."""
    here: str = ""
    hand: str = ""
    done: set[tuple[str, str]] = field(default_factory=set)
    steps: int = 0

    @property
    def first_observation(self) -> str:
        """The text that a game begins with."""
        names = ", ".join(f"a {place}" for place in self.contents)
        return (
            "-= Welcome to TextWorld, ALFRED! =-\n\nYou are in the middle of a room. Looking "
            f"quickly around you, you see {names}.\n\nYour task is to: {self.sentence}."
        )

    def functions(self) -> dict[str, Callable[..., str]]:
        """Return the functions that actions may call."""
        names = (
            "goto take_from put open_receptacle close_receptacle use clean heat cool slice look "
            "inventory examine"
        )
        return {name: self._counted(name) for name in names.split()}

    def _counted(self, name: str) -> Callable[..., str]:
        method: Callable[..., str | None] = getattr(self, f"_{name}")

        def function(*arguments: str) -> str:
            self.steps += 1
            if set(arguments) & self.refuses.get(name, set()):
                return NOTHING
            return method(*arguments) or NOTHING

        return function

    def _at(self, place: str) -> bool:
        return place == self.here or {place, self.here} <= set(self.neighbours)

    def _reaches(self, place: str) -> bool:
        return self._at(place) and place not in self.closed

    def _examine(self, place: str) -> str | None:
        if place not in self.contents or not self._at(place):
            return None
        if place in self.closed:
            return f"The {place} is closed."
        seen = ", and ".join(f"a {name}" for name in self.contents[place]) or "nothing"
        if type_of(place) in CLOSABLE:
            return f"The {place} is open. In it, you see {seen}."
        return f"On the {place}, you see {seen}."

    def _goto(self, place: str) -> str | None:
        if place not in self.contents or self._at(place):
            return None
        self.here = place
        return self._examine(place)

    def _open_receptacle(self, place: str) -> str | None:
        if not self._at(place) or place not in self.closed:
            return None
        self.closed.remove(place)
        return f"You open the {place}. {self._examine(place)}"

    def _close_receptacle(self, place: str) -> str | None:
        raise AssertionError("the expert has no reason to close anything")

    def _take_from(self, name: str, place: str) -> str | None:
        if self.hand or not self._reaches(place) or name not in self.contents[place]:
            return None
        self.contents[place].remove(name)
        self.hand = name
        return f"You pick up the {name} from the {place}."

    def _put(self, name: str, place: str) -> str | None:
        if name != self.hand or not self._reaches(place):
            return None
        self.contents[place].append(name)
        self.hand = ""
        return f"You move the {name} to the {place}."

    def _treat(self, verb: str, name: str, place: str, station: str) -> str | None:
        if name != self.hand or not self._at(place) or type_of(place) != station:
            return None
        self.done.add((verb, name))
        return f"You {verb} the {name} using the {place}."

    def _clean(self, name: str, place: str) -> str | None:
        return self._treat("clean", name, place, "sinkbasin")

    def _heat(self, name: str, place: str) -> str | None:
        return self._treat("heat", name, place, "microwave")

    def _cool(self, name: str, place: str) -> str | None:
        return self._treat("cool", name, place, "fridge")

    def _use(self, name: str) -> str | None:
        if not self._sees(name):
            return None
        self.done.add(("use", name))
        return f"You turn on the {name}."

    def _slice(self, name: str, knife: str) -> str | None:
        if knife != self.hand or "knife" not in knife or not self._sees(name):
            return None
        self.done.add(("slice", name))
        return f"You sliced the {name} with the {knife}."

    def _sees(self, name: str) -> bool:
        return any(self._reaches(p) and name in names for p, names in self.contents.items())

    def _look(self) -> str:
        return f"You are facing the {self.here}. Next to it, you see nothing."

    def _inventory(self) -> str:
        return (
            f"You are carrying: a {self.hand}." if self.hand else "You are not carrying anything."
        )

    def holds(self, *names: str, at: str, after: str = "") -> bool:
        """Return whether one receptacle of type `at` holds all of these, having been treated so."""
        treated = all((after, name) in self.done for name in names) if after else True
        return treated and any(
            set(names) <= set(seen) for place, seen in self.contents.items() if type_of(place) == at
        )


Execute = Callable[[str], str]


@contextlib.contextmanager
def _cpython(functions: Mapping[str, Callable[..., str]]) -> Iterator[Execute]:
    scope: dict[str, Any] = dict(functions)

    def execute(code: str) -> str:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(code, scope)
        return printed.getvalue()

    yield execute


@contextlib.contextmanager
def _monty(functions: Mapping[str, Callable[..., str]]) -> Iterator[Execute]:
    with contextlib.closing(MontyPool()) as pool, pool.borrow(Limits(), seed=0) as worker:

        def execute(code: str) -> str:
            printed: list[str] = []
            event = worker.feed(code, printed.append, tuple(functions))
            while isinstance(event, wire.Called):
                args, kwargs = event.arguments()
                answer = functions[event.name](*args, **kwargs)
                event = worker.ask(wire.give(event.number, answer))
            assert isinstance(event, wire.Completed), event
            return "".join(printed)

        yield execute


def _play(first_observation: str, execute: Execute) -> list[str]:
    """Let the expert act until it has nothing more to do; return its scripts."""
    scripts: list[str] = []
    expert = solve(first_observation)
    plan = next(expert, None)
    while plan is not None:
        assert plan.thought
        scripts.append(plan.code)
        try:
            plan = expert.send(execute(plan.code))
        except StopIteration:
            plan = None
    return scripts


def _kitchen(sentence: str, **changes: Any) -> FakeHousehold:
    contents = {
        "cabinet 1": [],
        "cabinet 2": ["cup 10", "mug 1"],
        "countertop 1": ["cup 1", "pencil 1", "butterknife 1"],
        "countertop 2": ["potato 1", "pencil 2"],
        "desk 1": ["desklamp 1"],
        "drawer 1": ["peppershaker 1"],
        "drawer 2": ["peppershaker 2", "pen 1"],
        "fridge 1": ["lettuce 1"],
        "microwave 1": ["bowl 1"],
        "sinkbasin 1": [],
        "toaster 1": ["statue 1"],
    }
    closed = {place for place in contents if type_of(place) in CLOSABLE}
    return FakeHousehold(sentence, contents, **({"closed": closed} | changes))


Reached = Callable[[FakeHousehold], bool]


def _lies(*names: str, at: str, after: str = "") -> Reached:
    return lambda house: house.holds(*names, at=at, after=after)


GOALS: list[tuple[str, Reached]] = [
    ("put a pen in desk", _lies("pen 1", at="desk")),
    ("put some statue on countertop", _lies("statue 1", at="countertop")),
    ("look at mug under the desklamp", lambda h: h.hand == "mug 1" and h.here == "desk 1"),
    ("put a clean lettuce in countertop", _lies("lettuce 1", at="countertop", after="clean")),
    ("clean some mug and put it in cabinet", _lies("mug 1", at="cabinet", after="clean")),
    ("heat some potato and put it in fridge", _lies("potato 1", at="fridge", after="heat")),
    ("put a hot potato in microwave", _lies("potato 1", at="microwave", after="heat")),
    ("put a cool bowl in cabinet", _lies("bowl 1", at="cabinet", after="cool")),
    ("put two peppershaker in desk", _lies("peppershaker 1", "peppershaker 2", at="desk")),
    (
        "find two peppershaker and put them in drawer",
        _lies("peppershaker 1", "peppershaker 2", at="drawer"),
    ),
    ("find two cup and put them in cabinet", _lies("cup 1", "cup 10", at="cabinet")),
    ("put all pencils in drawer", _lies("pencil 1", "pencil 2", at="drawer")),
    ("put a hot slice of potato in fridge", _lies("potato 1", at="fridge", after="heat")),
]


@pytest.mark.parametrize("interpreter", [_cpython, _monty])
@pytest.mark.parametrize(("sentence", "is_reached"), GOALS)
def test_the_expert_reaches_every_kind_of_goal_and_stops(
    sentence: str, is_reached: Reached, interpreter: Any
) -> None:
    """Played in the fake household above, in both interpreters."""
    house = _kitchen(sentence)
    with interpreter(house.functions()) as execute:
        scripts = _play(house.first_observation, execute)
    assert is_reached(house)
    assert "slice" not in sentence or ("slice", "potato 1") in house.done
    assert sum("def visit" in script for script in scripts) == 1
    assert max(map(len, "\n".join(scripts).splitlines())) <= 100


def _run(house: FakeHousehold) -> list[str]:
    with _cpython(house.functions()) as execute:
        return _play(house.first_observation, execute)


def test_similar_names_are_not_confused() -> None:
    house = _kitchen("put a pen in desk")
    _run(house)
    assert "pencil 1" in house.contents["countertop 1"]
    assert house.contents["desk 1"] == ["desklamp 1", "pen 1"]


def test_what_was_seen_on_the_way_is_not_searched_for_again() -> None:
    contents = {"desk 1": ["desklamp 1"], "shelf 1": [], "drawer 1": ["cd 1"], "bed 1": []}
    house = FakeHousehold("examine the cd with the desklamp", contents, closed={"drawer 1"})
    scripts = _run(house)
    assert scripts[-1] == 'print(goto("desk 1"))\nprint(use("desklamp 1"))'


def test_an_object_that_lies_at_the_destination_already_stays_there() -> None:
    contents = {"shelf 1": ["vase 1"], "desk 1": ["vase 2"], "safe 1": []}
    house = FakeHousehold("put two vase in shelf", contents)
    scripts = _run(house)
    assert house.holds("vase 1", "vase 2", at="shelf")
    assert not any('"vase 1"' in script for script in scripts)


def test_going_to_a_neighbouring_receptacle_is_refused_and_still_it_is_looked_into() -> None:
    drawers = ("drawer 1", "drawer 2", "drawer 3")
    contents = {"drawer 1": [], "drawer 2": ["pen 1"], "drawer 3": [], "desk 1": []}
    house = FakeHousehold("put a pen in desk", contents, closed=set(drawers), neighbours=drawers)
    _run(house)
    assert house.holds("pen 1", at="desk")


@pytest.mark.parametrize(
    ("function", "place"),
    [("put", "drawer 1"), ("put", "drawer 2"), ("open_receptacle", "drawer 1")],
)
def test_a_receptacle_that_refuses_is_replaced_by_another(function: str, place: str) -> None:
    house = _kitchen("put a statue in drawer", refuses={function: {place}})
    _run(house)
    assert house.holds("statue 1", at="drawer")


@pytest.mark.parametrize(
    ("sentence", "refuses"),
    [
        ("put a statue in drawer", {"put": {"drawer 1", "drawer 2"}}),
        ("put a hot potato in fridge", {"heat": {"microwave 1"}}),
        ("put a pen in desk", {"take_from": {"drawer 2"}}),
        ("look at mug under the desklamp", {"use": {"desklamp 1"}}),
        ("look at mug under the desklamp", {"take_from": {"cabinet 2"}}),
        ("put sliced potato in fridge", {"slice": {"potato 1"}}),
        ("put a unicorn in fridge", {}),
        ("put a statue in bathtub", {}),
    ],
)
def test_the_expert_gives_up_when_nothing_is_left_to_try(
    sentence: str, refuses: dict[str, set[str]]
) -> None:
    scripts = _run(_kitchen(sentence, refuses=refuses))
    assert 0 < len(scripts) < MAX_ACTIONS / 2


@pytest.mark.parametrize("answer", ["", NOTHING, "RuntimeError: Nothing happens."])
def test_the_expert_ends_when_it_learns_nothing(answer: str) -> None:
    house = _kitchen("put two peppershaker in desk")
    assert 0 < len(_play(house.first_observation, lambda _code: answer)) <= MAX_ACTIONS


def test_an_error_in_the_middle_of_a_search_does_not_end_the_search() -> None:
    """Controllers may raise on a refused command; the expert then goes on with the other places."""
    house = _kitchen("put a statue in desk")
    functions = house.functions()
    goto = functions["goto"]

    def broken(place: str) -> str:
        if place == "countertop 1":
            raise RuntimeError(NOTHING)
        return goto(place)

    scope: dict[str, Any] = functions | {"goto": broken}

    def execute(code: str) -> str:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            try:
                exec(code, scope)
            except RuntimeError as error:
                print(f"RuntimeError: {error}")
        return printed.getvalue()

    _play(house.first_observation, execute)
    assert house.holds("statue 1", at="desk")


PLACES = [f"{kind} {n}" for kind in ("cabinet", "shelf", "safe", "bed", "cart") for n in (1, 2, 3)]
PLACES += ["sinkbasin 1", "microwave 1", "fridge 1"]


@settings(max_examples=100)
@given(data=st.data())
def test_without_a_step_limit_the_expert_finds_things_wherever_they_are(
    data: st.DataObject,
) -> None:
    """Played in fake households of random layout, against common sense as well."""
    sentence, names, treatment = data.draw(
        st.sampled_from(
            [
                ("put a {} in shelf", 1, ""),
                ("put two {} in shelf", 2, ""),
                ("put a clean {} in cabinet", 1, "clean"),
                ("heat some {} and put it in safe", 1, "heat"),
                ("put a cool {} in fridge", 1, "cool"),
                ("examine the {} with the desklamp", 1, "use"),
            ]
        )
    )
    object_type = data.draw(st.sampled_from(["mug", "plunger", "gizmo"]))
    things = [f"{object_type} {n}" for n in range(1, names + 1)]
    contents: dict[str, list[str]] = {place: [] for place in PLACES}
    for name in [*things, "desklamp 1", f"{object_type}rack 1"]:
        contents[data.draw(st.sampled_from(sorted(contents)))].append(name)
    closed = data.draw(st.sets(st.sampled_from([p for p in contents if type_of(p) in CLOSABLE])))
    neighbours = tuple(data.draw(st.sets(st.sampled_from(sorted(contents)), max_size=3)))
    house = FakeHousehold(sentence.format(object_type), contents, closed, neighbours)
    _run(house)
    if treatment == "use":
        assert house.hand == things[0]
        assert ("use", "desklamp 1") in house.done
    else:
        target = re.findall(r"\w+", sentence)[-1]
        assert house.holds(*things, at=target, after=treatment)


# Real games


def _games() -> list[Any]:
    here = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("ALFWORLD_DATA", here.parent / "shared" / "alfworld"))
    games: dict[str, Path] = {}
    for path in sorted(folder.glob("json_2.1.1/valid_unseen/*/*/game.tw-pddl")):
        games.setdefault(path.parts[-3].partition("-")[0], path)
    missing = pytest.mark.skip(
        reason=f"no ALFWorld games in {folder}: set ALFWORLD_DATA, or put them into shared/alfworld"
    )
    return [pytest.param(path, id=kind) for kind, path in games.items()] or [
        pytest.param(folder, id="no data", marks=missing)
    ]


@pytest.mark.parametrize("game", _games())
def test_the_expert_solves_a_real_game_of_each_kind(game: Path) -> None:
    textworld = pytest.importorskip("textworld")
    wrapper = pytest.importorskip("alfworld.agents.environment.alfred_tw_env").AlfredDemangler
    environment = textworld.start(str(game), textworld.EnvInfos(won=True), wrappers=[wrapper()])
    first_observation = environment.reset().feedback
    won: list[bool] = []

    def command(template: str) -> Callable[..., str]:
        def function(*arguments: str) -> str:
            state, _, _ = environment.step(template.format(*arguments))
            won.append(state["won"])
            return str(state.feedback)

        return function

    templates = {
        "goto": "go to {}",
        "take_from": "take {} from {}",
        "put": "put {} in/on {}",
        "open_receptacle": "open {}",
        "use": "use {}",
        "clean": "clean {} with {}",
        "heat": "heat {} with {}",
        "cool": "cool {} with {}",
        "examine": "examine {}",
        "inventory": "inventory",
    }
    with _cpython({name: command(text) for name, text in templates.items()}) as execute:
        _play(first_observation, execute)
    environment.close()
    assert won.index(True) == len(won) - 1 < 50
