"""Plans: that they win on stock TextWorld, and that none is shorter."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from embodied_envs.alfworld.names import display_names, named_ids
from embodied_envs.alfworld.pddl.conditions import (
    And,
    Atom,
    Condition,
    Equals,
    Exists,
    Forall,
    Not,
    Or,
    read_condition,
)
from embodied_envs.alfworld.pddl.grounding import Clause, ground, is_satisfied
from embodied_envs.alfworld.pddl.problem import Fact, Problem, read_problem
from embodied_envs.alfworld.pddl.s_expressions import Group, read_expression, typed_names, words_of
from embodied_envs.alfworld.planner import search
from embodied_envs.alfworld.planner.plan import PlanStep, detect_dialect, render
from embodied_envs.alfworld.planner.search import PlanningLimitError, Unsolvable, shortest_plan
from embodied_envs.alfworld.planner.world import UnsupportedProblemError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

GOALS = {
    "place": "(exists (?r - receptacle ?o - object) (and (inReceptacle ?o ?r)"
    " (objectType ?o AppleType) (receptacleType ?r {place})))",
    "look": "(and (exists (?t - object ?r - receptacle ?a - agent ?l - location) (and"
    " (objectType ?t DeskLampType) (toggleable ?t) (isToggled ?t) (receptacleAtLocation ?r ?l)"
    " (atLocation ?a ?l) (inReceptacle ?t ?r)))"
    " (exists (?o - object ?a - agent) (and (objectType ?o AppleType) (holds ?a ?o))))",
    "two": "(exists (?r - receptacle) (exists (?o - object) (and (objectType ?o AppleType)"
    " (receptacleType ?r {place}) (inReceptacle ?o ?r) (exists (?p - object) (and"
    " (not (= ?o ?p)) (objectType ?p AppleType) (inReceptacle ?p ?r))))))",
} | {
    kind: "(exists (?r - receptacle ?o - object) (and (inReceptacle ?o ?r)"
    " (objectType ?o AppleType) (receptacleType ?r {place}) " + conditions + "))"
    for kind, conditions in {
        "clean": "(cleanable ?o) (isClean ?o)",
        "heat": "(heatable ?o) (isHot ?o)",
        "cool": "(coolable ?o) (isCool ?o)",
        "slice": "(sliceable ?o) (isSliced ?o)",
        "heat slice": "(sliceable ?o) (isSliced ?o) (heatable ?o) (isHot ?o)",
    }.items()
}
RECEPTACLE_TYPES = ("TableType", "SinkBasinType", "MicrowaveType", "FridgeType")
OBJECT_TYPES = ("AppleType", "KnifeType", "DeskLampType")


def make_problem(
    goal: str, facts: list[str], receptacles: int, objects: int, places: int
) -> Problem:
    """Make a problem whose things are called r0.., o0.. and l0..; `facts` are in PDDL."""
    named = {"receptacle": ("r", receptacles), "object": ("o", objects), "location": ("l", places)}
    declared = [
        f"{letter}{number} - {kind}"
        for kind, (letter, amount) in named.items()
        for number in range(amount)
    ]
    types = " ".join(RECEPTACLE_TYPES) + " - rtype " + " ".join(OBJECT_TYPES) + " - otype"
    return read_problem(
        f"(define (problem p) (:domain alfred) (:objects a - agent {' '.join(declared)} {types})"
        f" (:init {' '.join(facts)}) (:goal {goal}))"
    )


@st.composite
def small_problems(draw: st.DrawFn) -> Problem:
    """Rooms of three receptacles, some at one place, some closed, with objects in one or two."""
    places = [draw(st.integers(0, 2)) for _ in range(3)]
    first = draw(st.sampled_from(RECEPTACLE_TYPES))
    kinds = [first, *(draw(st.sampled_from(RECEPTACLE_TYPES)) for _ in range(2))]
    facts = [f"(atLocation a l{draw(st.integers(0, 3))})"]
    for number, (place, kind) in enumerate(zip(places, kinds, strict=True)):
        facts += [
            f"(receptacleAtLocation r{number} l{place})",
            f"(receptacleType r{number} {kind})",
        ]
        facts += draw(st.sampled_from(([], [f"(openable r{number})"])))
        facts += draw(st.sampled_from(([], [], [f"(opened r{number})"])))
    for pair in product(RECEPTACLE_TYPES, OBJECT_TYPES):
        facts += draw(st.sampled_from(([f"(canContain {pair[0]} {pair[1]})"],) * 3 + ([],)))
    amount = draw(st.integers(2, 3))
    held = draw(st.sampled_from((None, None, None, 0, 1)))
    for number in range(amount):
        facts += draw(_object_facts(number, places, number == held))
    goal = GOALS[draw(st.sampled_from(sorted(GOALS)))].format(place=first)
    return make_problem(goal, facts, 3, amount, 4)


def _object_facts(number: int, places: list[int], held: bool) -> st.SearchStrategy[list[str]]:
    @st.composite
    def facts(draw: st.DrawFn) -> list[str]:
        name = f"o{number}"
        kind = draw(st.sampled_from(OBJECT_TYPES if number else ("AppleType",)))
        found = [f"(objectType {name} {kind})"]
        for able in ("pickupable", "cleanable", "heatable", "coolable", "sliceable", "toggleable"):
            found += draw(st.sampled_from(([f"({able} {name})"],) * 4 + ([],)))
        found += draw(st.sampled_from(([], [], [f"(isHot {name})"], [f"(isCool {name})"])))
        if held:
            return [*found, f"(holds a {name})", "(holdsAny a)"]
        homes = draw(st.sets(st.integers(0, 2), min_size=1, max_size=2))
        found += [f"(inReceptacle {name} r{home})" for home in sorted(homes)]
        return [*found, f"(objectAtLocation {name} l{places[min(homes)]})"]

    return facts()


class Simulation:
    """Plays a problem by the text of ALFWorld's own domain, one ground action after the other.

    Made without any of the planner's reductions. Facts of ``checked`` are left out, as nothing asks
    for them.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._changing: set[str] = set()
        schemas = [self._schema(group) for group in _action_groups()]
        self.actions = [action for schema in schemas for action in self._instances(*schema)]

    def _schema(self, group: Group) -> tuple[str, list[tuple[str, str]], Condition, Group]:
        fields = dict(zip(group.items[2::2], group.items[3::2], strict=True))
        parts = {getattr(key, "text", ""): value for key, value in fields.items()}
        parameters, condition, effect = (
            parts[key] for key in (":parameters", ":precondition", ":effect")
        )
        assert isinstance(parameters, Group)
        assert isinstance(effect, Group)
        variables = [
            (name.text, kind) for name, kind in typed_names(parameters.items, "parameters")
        ]
        scope = frozenset(name for name, _ in variables)
        constants = {"sinktype", "sinkbasintype", "microwavetype", "fridgetype", "knifetype"}
        names = constants | {"butterknifetype"}
        read = read_condition(condition, names, scope)
        self._changing.update(fact[0] for fact, _ in _effects(effect, {}, set()))
        return words_of(Group(group.items[1:2], 0), "name")[0], variables, read, effect

    def _instances(
        self, name: str, variables: list[tuple[str, str]], condition: Condition, effect: Group
    ) -> Iterator[tuple[str, dict[str, str], list[Clause], Group]]:
        objects = self.problem.objects_by_type()
        facts = set(self.problem.init)
        for chosen in product(*(objects.get(kind, ()) for _, kind in variables)):
            binding = dict(zip((variable for variable, _ in variables), chosen, strict=True))
            bound = _substituted(condition, binding)
            clauses = ground(bound, facts, objects, lambda fact: fact[0] in self._changing)
            if clauses:
                yield name, binding, clauses, effect

    def next_states(self, facts: frozenset[Fact]) -> Iterator[frozenset[Fact]]:
        for _, binding, clauses, effect in self.actions:
            if any(clause.holds_in(facts) for clause in clauses):
                yield _applied(effect, binding, facts)

    def shortest_length(self, limit: int, state_limit: int = 30_000) -> int | None:
        """Find the length of a shortest plan breadth-first; None if none is within the limit.

        Raises `OverflowError` past the state limit.
        """
        goal = ground(
            self.problem.goal,
            set(self.problem.init),
            self.problem.objects_by_type(),
            lambda fact: fact[0] in self._changing,
        )
        layer = {frozenset(self.problem.init)}
        seen = set(layer)
        for length in range(limit + 1):
            if any(clause.holds_in(facts) for facts in layer for clause in goal):
                return length
            layer = {after for facts in layer for after in self.next_states(facts)} - seen
            seen |= layer
            if len(seen) > state_limit:
                raise OverflowError
            if not layer:
                return None
        return None


def _action_groups() -> list[Group]:
    package = importlib.util.find_spec("alfworld")
    if package is None or package.origin is None:
        pytest.skip("alfworld is not installed")
    text = (Path(package.origin).parent / "data" / "alfred.pddl").read_text(encoding="utf-8")
    passive = {"look", "inventory", "help", "examinereceptacle", "examineobject"}
    groups = [item for item in read_expression(text).items if isinstance(item, Group)]
    actions = [group for group in groups if getattr(group.items[0], "text", "") == ":action"]
    return [group for group in actions if getattr(group.items[1], "text", "") not in passive]


def _substituted(condition: Condition, binding: Mapping[str, str]) -> Condition:
    match condition:
        case Atom(predicate, terms):
            return Atom(predicate, tuple(binding.get(term, term) for term in terms))
        case Equals(left, right):
            return Equals(binding.get(left, left), binding.get(right, right))
        case And(parts) | Or(parts):
            return type(condition)(tuple(_substituted(part, binding) for part in parts))
        case Not(part):
            return Not(_substituted(part, binding))
        case Exists(variables, part) | Forall(variables, part):
            return type(condition)(variables, _substituted(part, binding))


def _effects(
    effect: Group, binding: Mapping[str, str], facts: set[Fact]
) -> Iterator[tuple[Fact, bool]]:
    """Return the facts that an effect makes true or false; ``when`` only where it applies."""
    head = getattr(effect.items[0], "text", "")
    parts = [item for item in effect.items[1:] if isinstance(item, Group)]
    if head == "and":
        for part in parts:
            yield from _effects(part, binding, facts)
    elif head == "when":
        condition = _substituted(read_condition(parts[0], (), frozenset({"?o"})), binding)
        if is_satisfied(condition, facts, {}):
            yield from _effects(parts[1], binding, facts)
    elif head not in ("increase", "checked"):
        words = words_of(parts[0] if head == "not" else effect, "an effect")
        yield tuple(binding.get(word, word) for word in words), head != "not"


def _applied(effect: Group, binding: Mapping[str, str], facts: frozenset[Fact]) -> frozenset[Fact]:
    changes = list(_effects(effect, binding, set(facts)))
    removed = {fact for fact, becomes in changes if not becomes}
    return (facts - removed) | {fact for fact, becomes in changes if becomes}


def _check_shortest(problem: Problem) -> None:
    simulation = Simulation(problem)
    try:
        plan = shortest_plan(problem)
    except Unsolvable:
        assert simulation.shortest_length(12) is None
        return
    assert simulation.shortest_length(len(plan)) == len(plan)
    _check_executable(problem, plan, simulation)


def _check_executable(problem: Problem, plan: list[PlanStep], simulation: Simulation) -> None:
    facts = frozenset(problem.init)
    for step in plan:
        states = [
            _applied(effect, binding, facts)
            for name, binding, clauses, effect in simulation.actions
            if name == step.action.lower() and _fits(step, binding)
            if any(clause.holds_in(facts) for clause in clauses)
        ]
        assert len(set(states)) == 1, step
        facts = states[0]
    assert is_satisfied(problem.goal, facts, problem.objects_by_type())


def _fits(step: PlanStep, binding: Mapping[str, str]) -> bool:
    return (
        step.object in (None, binding.get("?o"), binding.get("?co"))
        and step.receptacle in (None, binding.get("?r"))
        and step.tool in (None, binding.get("?ko"))
    )


@settings(max_examples=4, suppress_health_check=list(HealthCheck))
@given(small_problems())
def test_no_plan_is_shorter_in_small_rooms(problem: Problem) -> None:
    with suppress(OverflowError):
        _check_shortest(problem)


@pytest.mark.long
@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(small_problems())
def test_no_plan_is_shorter_in_many_small_rooms(problem: Problem) -> None:
    with suppress(OverflowError):
        _check_shortest(problem)


def _room(*facts: str) -> list[str]:
    """Make a table r0 at l0, a closed fridge r1 at l1 and a microwave r2 at l1; the agent at l2."""
    return [
        "(atLocation a l2)",
        "(receptacleAtLocation r0 l0) (receptacleType r0 TableType)",
        "(receptacleAtLocation r1 l1) (receptacleType r1 FridgeType) (openable r1)",
        "(receptacleAtLocation r2 l1) (receptacleType r2 MicrowaveType) (openable r2)",
        "(canContain TableType AppleType) (canContain FridgeType AppleType)",
        "(canContain MicrowaveType AppleType) (canContain TableType KnifeType)",
        *facts,
    ]


APPLE = "(objectType o0 AppleType) (pickupable o0) (heatable o0) (sliceable o0)"
TO_FRIDGE = GOALS["place"].format(place="FridgeType")


def commands(goal: str, *facts: str) -> list[str]:
    """Plan the commands for a goal in the room, with ids as names."""
    problem = make_problem(goal, _room(*facts), 3, 2, 3)
    _check_shortest(problem)
    return render(shortest_plan(problem), {name: name for name in problem.objects}, "move")


def test_a_closed_receptacle_is_opened_first() -> None:
    assert commands(TO_FRIDGE, APPLE, "(inReceptacle o0 r0)") == [
        "go to r0",
        "take o0 from r0",
        "go to r1",
        "open r1",
        "move o0 to r1",
    ]


def test_an_open_receptacle_is_not_opened() -> None:
    assert "open r1" not in commands(TO_FRIDGE, APPLE, "(inReceptacle o0 r0) (opened r1)")


def test_receptacles_at_one_place_need_one_move() -> None:
    goal = GOALS["heat"].format(place="FridgeType")
    assert commands(goal, APPLE, "(inReceptacle o0 r1)") == [
        "go to r1",
        "open r1",
        "take o0 from r1",
        "heat o0 with r2",
        "move o0 to r1",
    ]


def test_a_met_goal_needs_nothing() -> None:
    assert commands(TO_FRIDGE, APPLE, "(inReceptacle o0 r1)") == []


def test_half_of_two_may_be_met() -> None:
    other = "(objectType o1 AppleType) (pickupable o1) (inReceptacle o1 r1)"
    goal = GOALS["two"].format(place="FridgeType")
    assert len(commands(goal, APPLE, "(inReceptacle o0 r0)", other)) == 5


def test_a_slice_needs_a_knife_and_then_an_empty_hand() -> None:
    knife = "(objectType o1 KnifeType) (pickupable o1) (inReceptacle o1 r0)"
    goal = GOALS["slice"].format(place="FridgeType")
    apple = "(inReceptacle o0 r0) (objectAtLocation o0 l0)"
    assert commands(goal, APPLE, apple, knife) == [
        "go to r0",
        "take o1 from r0",
        "slice o0 with o1",
        "move o1 to r0",
        "take o0 from r0",
        "go to r1",
        "open r1",
        "move o0 to r1",
    ]


def test_planning_from_the_middle_of_a_game() -> None:
    problem = make_problem(TO_FRIDGE, _room(APPLE, "(inReceptacle o0 r0)"), 3, 2, 3)
    gone = {("inreceptacle", "o0", "r0"), ("atlocation", "a", "l2")}
    here = {("holds", "a", "o0"), ("holdsany", "a"), ("atlocation", "a", "l1"), ("opened", "r1")}
    facts = (set(problem.init) - gone) | here
    assert shortest_plan(problem, facts) == [PlanStep("PutObject", "o0", "r1")]


def test_what_is_held_may_be_put_down_though_it_cannot_be_picked_up() -> None:
    held = "(objectType o0 AppleType) (holds a o0) (holdsAny a)"
    assert commands(TO_FRIDGE, held) == ["go to r1", "open r1", "move o0 to r1"]


@pytest.mark.parametrize("kind", ["place", "two", "clean", "heat", "slice", "look"])
def test_unsolvable(kind: str) -> None:
    goal = GOALS[kind].format(place="FridgeType")
    problem = make_problem(goal, _room("(objectType o0 AppleType) (inReceptacle o0 r0)"), 3, 2, 3)
    with pytest.raises(Unsolvable):
        shortest_plan(problem)


@pytest.mark.parametrize(
    ("goal", "fact", "message"),
    [
        ("(opened r1)", "", "'opened'"),
        ("(not (inReceptacle o0 r0))", "", "to be false"),
        (TO_FRIDGE, "(atLocation a l1)", "one agent"),
        (TO_FRIDGE, "(holdsAny a)", "contradict"),
        (TO_FRIDGE, "(receptacleAtLocation r0 l1)", "several locations"),
        (TO_FRIDGE, "(openable r0 r1)", "wrong number of arguments"),
    ],
)
def test_unsupported(goal: str, fact: str, message: str) -> None:
    problem = make_problem(goal, _room(APPLE, "(inReceptacle o0 r0)", fact), 3, 2, 3)
    with pytest.raises(UnsupportedProblemError, match=message):
        shortest_plan(problem)


def test_the_search_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MAX_EXPANSIONS", 1)
    problem = make_problem(TO_FRIDGE, _room(APPLE, "(inReceptacle o0 r0)"), 3, 2, 3)
    with pytest.raises(PlanningLimitError):
        shortest_plan(problem)


def test_dialects() -> None:
    grammar = (
        'action PutObject {{\n    template :: "{}";\n    feedback :: "#PutObject.feedback#";\n}}'
    )
    assert detect_dialect(grammar.format("put {o} in/on {r}")) == "put"
    assert detect_dialect(grammar.format("move {o} to {r}")) == "move"
    with pytest.raises(ValueError, match="unknown template"):
        detect_dialect(grammar.format("throw {o} at {r}"))
    with pytest.raises(ValueError, match="no template"):
        detect_dialect("grammar :: {}")
    names = {"apple": "apple 1", "desk": "desk 2"}
    assert render([PlanStep("PutObject", "apple", "desk")], names, "put") == [
        "put apple 1 in/on desk 2"
    ]


def test_the_plan_does_not_depend_on_hash_seeds(one_game_per_kind: list[Path]) -> None:
    code = (
        "import json, sys; from pathlib import Path;"
        "from embodied_envs.alfworld.pddl.problem import read_problem;"
        "from embodied_envs.alfworld.planner.search import shortest_plan;"
        "load = lambda name: json.loads(Path(name).read_text())['pddl_problem'];"
        "print([shortest_plan(read_problem(load(name))) for name in sys.argv[1:]])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code, *map(str, one_game_per_kind)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1


def _check_on_stock(path: Path, game: dict[str, Any], stock: Callable[..., Any]) -> None:
    """Play the plan of an official game, and compare it with the length of stock's own plan."""
    problem = read_problem(game["pddl_problem"])
    plan = shortest_plan(problem)
    names = display_names(named_ids(problem))
    with stock(path, policy_commands=True) as (environment, first):
        state = first
        stock_length = len(state["policy_commands"])
        environment.request_infos.policy_commands = False
        for number, command in enumerate(render(plan, names, detect_dialect(game["grammar"]))):
            assert not state["won"], (path, number)
            state, _, _ = environment.step(command)
            assert state["feedback"] != "Nothing happens.", (path, command)
        assert state["won"], path
    assert 0 < len(plan) <= stock_length


def test_plans_win_on_stock(
    one_game_per_kind: list[Path],
    load_game: Callable[[Path], dict[str, Any]],
    stock: Callable[..., Any],
) -> None:
    for path in one_game_per_kind[::3]:
        _check_on_stock(path, load_game(path), stock)


@pytest.mark.long
def test_all_plans_win_on_stock(
    official_games: list[Path],
    load_game: Callable[[Path], dict[str, Any]],
    stock: Callable[..., Any],
) -> None:
    for path in official_games:
        _check_on_stock(path, load_game(path), stock)


def _cut_down(problem: Problem) -> Problem:
    """Keep of an official game what its plan uses, and little else of the same kinds."""
    plan = shortest_plan(problem)
    used = {name for step in plan for name in (step.object, step.receptacle) if name}
    used |= {f[2] for f in problem.init if f[0] == "inreceptacle" and f[1] in used}
    alike = {name.partition("_bar_")[0]: name for name in problem.objects if "_bar_" in name}
    kept = used | {alike[name.partition("_bar_")[0]] for name in used}
    for fact in problem.init:
        if fact[0] == "atlocation" or (fact[0] == "receptacleatlocation" and fact[1] in kept):
            kept.update(fact[1:])
    kept.update(name for name, kind in problem.objects.items() if kind in ("rtype", "otype"))
    init = tuple(fact for fact in problem.init if kept.issuperset(fact[1:]))
    objects = {name: kind for name, kind in problem.objects.items() if name in kept}
    types = {fact[2] for fact in init if fact[0] in ("receptacletype", "objecttype")}
    objects = {n: k for n, k in objects.items() if k not in ("rtype", "otype") or n in types}
    return replace(problem, objects=objects, init=init)


def test_no_plan_is_shorter_in_a_cut_down_game(
    one_game_per_kind: list[Path], load_problem: Callable[[Path], Problem]
) -> None:
    for path in one_game_per_kind:
        problem = _cut_down(load_problem(path))
        plan = shortest_plan(problem)
        assert Simulation(problem).shortest_length(len(plan), 10**6) == len(plan)
