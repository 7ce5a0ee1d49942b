"""Shortest plans for ALFWorld games, from the goal that the game's PDDL problem states.

A plan is shortest in commands sent to the game. The search is A* over a reduced copy of the game;
it is exact for three reasons.

The actions are those of ALFWorld's domain (``alfred.pddl``), and the reductions keep a shortest
plan:

* The goal is grounded to clauses of facts that must become true together. A plan reaches the goal
  where it makes one clause true, so the clauses are searched side by side in one queue.
* In a shortest plan for one clause, only the objects in that clause, an object already held and
  (where something must be sliced) knives are ever moved: every action on another object can be
  deleted, and what remains is still a plan, for a goal without negation and a hand that only gets
  emptier.
* Going anywhere costs one command from everywhere, so a plan never loses by going only where it
  does something next. Opening a receptacle serves only to take from it or put into it, so it may
  wait until just before that. Nothing needs a closed receptacle, so none is closed. So one edge of
  the search is one deed together with the going and opening that it needs, and costs one to three
  commands.

The estimate of the remaining cost never exceeds it. It counts deeds that are still missing,
receptacles that one of those deeds will find closed, and moves. Each counted move is an arrival
somewhere, with an object in hand or without it, that every plan must contain; two such moves are
both counted only if no single arrival could be both (`_Move.differs_from`).
"""

import heapq
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Literal, NamedTuple, TypeAlias

from embodied_envs.alfworld.pddl import Clause, Fact, Problem, ground

MAX_EXPANSIONS = 100_000
"""How many states a search may expand. The official games need a few dozen."""

Dialect: TypeAlias = Literal["put", "move"]
"""How a game calls putting: ``put X in/on Y`` (made before alfworld 0.4) or ``move X to Y``."""

_PUT_TEMPLATES: Mapping[Dialect, str] = {
    "put": "put {object} in/on {receptacle}",
    "move": "move {object} to {receptacle}",
}

_TEMPLATES: Mapping[str, str] = {
    "GotoLocation": "go to {receptacle}",
    "OpenObject": "open {receptacle}",
    "PickupObject": "take {object} from {receptacle}",
    "CleanObject": "clean {object} with {receptacle}",
    "HeatObject": "heat {object} with {receptacle}",
    "CoolObject": "cool {object} with {receptacle}",
    "ToggleObject": "use {object}",
    "SliceObject": "slice {object} with {tool}",
}

_GRAMMAR_PUT = re.compile(
    r"\baction\s+PutObject\s*\{\s*template\s*::\s*\"([^\"\n]*)\"", re.IGNORECASE
)


class Unsolvable(Exception):  # noqa: N818 - a finding about the problem, not a fault
    """No sequence of commands reaches the goal."""


class UnsupportedProblemError(ValueError):
    """The problem lies outside what the planner knows to plan shortest for."""


class PlanningLimitError(RuntimeError):
    """The search gave up after `MAX_EXPANSIONS` states, with neither a plan nor a proof of none."""


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One command of a plan: an action of ``alfred.pddl`` and the ids that fill its roles."""

    action: str
    """The name in ``alfred.pddl``, for example ``GotoLocation``."""

    object: str | None = None
    """What is taken, put, cleaned, heated, cooled, used or sliced."""

    receptacle: str | None = None
    """Where to go, what to open, take from, put into, or clean, heat or cool with."""

    tool: str | None = None
    """The knife to slice with."""


def detect_dialect(grammar: str) -> Dialect:
    """The dialect of a game, from the text under the key ``grammar`` of its file.

    Raises `ValueError` if the grammar has no action ``PutObject`` or calls it neither way.
    """
    templates = _GRAMMAR_PUT.findall(grammar)
    if not templates:
        raise ValueError("the grammar has no template for the action PutObject")
    match templates[-1]:
        case "put {o} in/on {r}":
            return "put"
        case "move {o} to {r}":
            return "move"
        case other:
            raise ValueError(f"unknown template for the action PutObject: {other[:60]!r}")


def render(plan: Iterable[PlanStep], names: Mapping[str, str], dialect: Dialect) -> list[str]:
    """The game commands of a plan. `names` maps ids to display names (`names.display_names`)."""
    commands = []
    for step in plan:
        template = (
            _PUT_TEMPLATES[dialect] if step.action == "PutObject" else _TEMPLATES[step.action]
        )
        roles = {"object": step.object, "receptacle": step.receptacle, "tool": step.tool}
        fields = {role: names[name] for role, name in roles.items() if name is not None}
        commands.append(template.format_map(fields))
    return commands


def shortest_plan(problem: Problem, facts: Collection[Fact] | None = None) -> list[PlanStep]:
    """A plan with the fewest commands that reaches the problem's goal; empty if the goal is met.

    The plan starts where the problem does or, to plan in the middle of a game, in the state that
    `facts` describes. The same problem and facts always give the same plan.

    Raises `Unsolvable`, `UnsupportedProblemError` (see there), `PlanningLimitError`, and the errors
    of `pddl.ground`.
    """
    start = frozenset(problem.init if facts is None else facts)
    world = _World(start)
    clauses = ground(problem.goal, start, problem.objects_by_type(), world.may_change)
    tasks = [_Task(world, clause, start) for clause in clauses]
    if not tasks:
        raise Unsolvable(f"nothing that can be done changes the goal of {problem.name!r} to true")
    return _Search(tasks, problem.name).run()


@dataclass(frozen=True, slots=True)
class _Treatment:
    """Something done to a held object at a certain type of receptacle."""

    action: str
    ability: str
    result: str
    receptacle_type: str
    undoes: str | None = None


_TREATMENTS = (
    _Treatment("CleanObject", "cleanable", "isclean", "sinkbasintype"),
    _Treatment("HeatObject", "heatable", "ishot", "microwavetype", undoes="iscool"),
    _Treatment("CoolObject", "coolable", "iscool", "fridgetype", undoes="ishot"),
)
_ARITIES = (
    dict.fromkeys(("openable", "opened", "pickupable", "toggleable", "istoggled", "holdsany"), 1)
    | dict.fromkeys(("sliceable", "issliced", "cleanable", "isclean"), 1)
    | dict.fromkeys(("heatable", "ishot", "coolable", "iscool"), 1)
    | dict.fromkeys(("atlocation", "receptacleatlocation", "objectatlocation", "inreceptacle"), 2)
    | dict.fromkeys(("receptacletype", "objecttype", "cancontain", "holds"), 2)
)
_KNIFE_TYPES = frozenset(("knifetype", "butterknifetype"))
_UNPLANNED = frozenset(("opened", "checked", "ison", "holdsany", "objectatlocation"))


class _World:
    """What stays as it is while a game is played, indexed."""

    def __init__(self, facts: Collection[Fact]) -> None:
        self._first_facts = frozenset(facts)
        self._by_predicate: dict[str, set[Fact]] = {}
        for fact in facts:
            if len(fact) - 1 != _ARITIES.get(fact[0], len(fact) - 1):
                raise UnsupportedProblemError(f"wrong number of arguments in {fact!r}")
            self._by_predicate.setdefault(fact[0], set()).add(fact[1:])
        self.agent, self.location = self._only_agent()
        self.place = self._places()
        self.receptacle_at = {self.place[name]: name for name in sorted(self.place, reverse=True)}
        self.openable = self.all_that("openable")
        self.pickupable = self.all_that("pickupable")
        self.movable = self.pickupable | {held for _, held in self._by_predicate.get("holds", ())}
        self.toggleable = self.all_that("toggleable")
        self.sliceable = self.all_that("sliceable")
        self._object_types = self._related("objecttype")
        self._receptacle_types = self._related("receptacletype")
        self._contents_of_type = self._related("cancontain")
        self.knives = frozenset(
            name
            for name in self.movable
            if not _KNIFE_TYPES.isdisjoint(self._object_types.get(name, ()))
        )
        self.appliances = {
            treatment: [name for name in sorted(self.place) if self._suits(treatment, name)]
            for treatment in _TREATMENTS
        }
        self._abilities = {each: self.all_that(each.ability) for each in _TREATMENTS}

    def all_that(self, predicate: str) -> frozenset[str]:
        """The names for which a predicate of one argument is true."""
        return frozenset(fact[0] for fact in self._by_predicate.get(predicate, ()))

    def _related(self, predicate: str) -> dict[str, set[str]]:
        related: dict[str, set[str]] = {}
        for first, second in self._by_predicate.get(predicate, ()):
            related.setdefault(first, set()).add(second)
        return related

    def _only_agent(self) -> tuple[str, str]:
        standing = self._by_predicate.get("atlocation", set())
        holding = self._by_predicate.get("holds", set())
        if len(standing) != 1 or len(holding) > 1:
            raise UnsupportedProblemError(
                "expected one agent at one location with at most one object in hand, got "
                f"{len(standing)} 'atlocation' and {len(holding)} 'holds' facts"
            )
        if bool(holding) != bool(self._by_predicate.get("holdsany")):
            raise UnsupportedProblemError("'holds' and 'holdsany' facts contradict each other")
        agent, location = next(iter(standing))
        return agent, location

    def _places(self) -> dict[str, str]:
        places = self._related("receptacleatlocation")
        several = sorted(name for name, locations in places.items() if len(locations) > 1)
        if several:
            raise UnsupportedProblemError(
                f"'go to' is ambiguous: receptacle {several[0]!r} has several locations"
            )
        return {name: next(iter(locations)) for name, locations in places.items()}

    def _suits(self, treatment: _Treatment, receptacle: str) -> bool:
        return treatment.receptacle_type in self._receptacle_types.get(receptacle, ())

    def can_treat(self, treatment: _Treatment, name: str) -> bool:
        """Whether the treatment could ever be given to the object."""
        return bool(self.appliances[treatment]) and name in self._abilities[treatment]

    def accepts(self, receptacle: str, name: str) -> bool:
        """Whether the object may be put into the receptacle (and the receptacle can be reached)."""
        types = self._object_types.get(name, set())
        return receptacle in self.place and any(
            not types.isdisjoint(self._contents_of_type.get(each, ()))
            for each in self._receptacle_types.get(receptacle, ())
        )

    def may_change(self, fact: Fact) -> bool:
        """Whether a fact that a goal names could differ later from what it is now."""
        match fact:
            case ("inreceptacle", name, receptacle):
                return name in self.movable and (
                    self.accepts(receptacle, name) or fact in self._first_facts
                )
            case ("holds", agent, name):
                return agent == self.agent and name in self.movable
            case ("atlocation", agent, location):
                return agent == self.agent and (
                    location in self.receptacle_at or location == self.location
                )
            case ("istoggled" | "issliced" as result, name):
                able = self.toggleable if result == "istoggled" else self.sliceable
                return name in able and (result == "istoggled" or bool(self.knives))
            case (result, name) if result in ("isclean", "ishot", "iscool"):
                return any(self._changes(each, result, name) for each in _TREATMENTS)
        return fact[0] in _UNPLANNED

    def _changes(self, treatment: _Treatment, result: str, name: str) -> bool:
        return result in (treatment.result, treatment.undoes) and self.can_treat(treatment, name)


class _State(NamedTuple):
    """One situation of the game, as far as it matters for a task."""

    location: str
    held: str | None
    facts: frozenset[Fact]


class _Deed(NamedTuple):
    """One action other than going and opening."""

    step: PlanStep | None
    """None for being at a place, which takes no command but that of going there."""

    location: str
    via: str | None
    """The receptacle to name in going there; None if the agent can only be there already."""

    held: str | None
    """What the agent holds afterwards."""

    adds: tuple[Fact, ...] = ()
    deletes: tuple[Fact, ...] = ()
    through: str | None = None
    """The receptacle that must be open for this, if it can be closed at all."""


class _Move(NamedTuple):
    """An arrival at one of `places` that a plan must contain, with `name` in hand or without it."""

    name: str
    in_hand: bool
    places: frozenset[str]

    def differs_from(self, other: "_Move") -> bool:
        """Whether no single arrival can be both moves."""
        if self.name == other.name:
            other_hand = self.in_hand != other.in_hand
        else:
            other_hand = self.in_hand and other.in_hand
        return other_hand or self.places.isdisjoint(other.places)


_MOVED = frozenset(
    ("inreceptacle", "objectatlocation", "isclean", "ishot", "iscool", "istoggled", "issliced")
)


class _Task:
    """One clause to make true, and the part of the world that this involves."""

    def __init__(self, world: _World, clause: Clause, start: frozenset[Fact]) -> None:
        _check_supported(clause)
        self._world = world
        self._wanted = sorted(clause.wanted)
        self._slices = [fact for fact in self._wanted if fact[0] == "issliced"]
        held = next((fact[2] for fact in start if fact[0] == "holds"), None)
        self._objects = {_object_of(fact) for fact in self._wanted}
        if held is not None:
            self._objects.add(held)
        if not start.issuperset(self._slices):
            self._objects |= world.knives
        self._accepting: dict[str, list[str]] = {}
        facts = frozenset(fact for fact in start if self._matters(fact))
        self.start = _State(world.location, held, facts)

    def _matters(self, fact: Fact) -> bool:
        return fact[0] == "opened" or (fact[0] in _MOVED and fact[1] in self._objects)

    def unmet(self, state: _State) -> list[Fact]:
        """The wanted facts that are not true yet."""
        return [fact for fact in self._wanted if not self._is_true(fact, state)]

    def _is_true(self, fact: Fact, state: _State) -> bool:
        match fact:
            case ("atlocation", _, location):
                return location == state.location
            case ("holds", _, name):
                return name == state.held
            case _:
                return fact in state.facts

    def _closed(self, receptacle: str, state: _State) -> bool:
        return receptacle in self._world.openable and ("opened", receptacle) not in state.facts

    def _containers(self, name: str, state: _State) -> list[str]:
        """The receptacles that the object is in; official games have objects in two or three."""
        return sorted(
            fact[2]
            for fact in state.facts
            if fact[0] == "inreceptacle" and fact[1] == name and fact[2] in self._world.place
        )

    def successors(self, state: _State) -> Iterator[tuple[tuple[PlanStep, ...], _State]]:
        """Every deed that may serve the task: the commands it takes, the state it leads to."""
        for deed in self._deeds(state):
            yield self._steps(deed, state), self._after(deed, state)

    def _steps(self, deed: _Deed, state: _State) -> tuple[PlanStep, ...]:
        steps = []
        if deed.location != state.location:
            steps.append(PlanStep("GotoLocation", receptacle=deed.via))
        if deed.through is not None and self._closed(deed.through, state):
            steps.append(PlanStep("OpenObject", receptacle=deed.through))
        if deed.step is not None:
            steps.append(deed.step)
        return tuple(steps)

    def _after(self, deed: _Deed, state: _State) -> _State:
        facts = state.facts.difference(deed.deletes).union(deed.adds)
        if deed.through is not None and self._closed(deed.through, state):
            facts |= {("opened", deed.through)}
        return _State(deed.location, deed.held, facts)

    def _deeds(self, state: _State) -> Iterator[_Deed]:
        if state.held is None:
            yield from self._takes(state)
        else:
            yield from self._puts(state, state.held)
            yield from self._treatments(state, state.held)
            yield from self._slicings(state, state.held)
        yield from self._toggles(state)
        yield from self._visits(state)

    def _takes(self, state: _State) -> Iterator[_Deed]:
        for predicate, name, *rest in sorted(state.facts):
            if predicate != "inreceptacle" or name not in self._world.pickupable:
                continue
            receptacle = rest[0]
            location = self._world.place.get(receptacle)
            if location is None:
                continue
            gone = (("inreceptacle", name, receptacle), ("objectatlocation", name, location))
            step = PlanStep("PickupObject", name, receptacle)
            yield _Deed(step, location, receptacle, name, deletes=gone, through=receptacle)

    def _puts(self, state: _State, held: str) -> Iterator[_Deed]:
        for receptacle in self._receptacles_for(held):
            location = self._world.place[receptacle]
            added = (("inreceptacle", held, receptacle), ("objectatlocation", held, location))
            step = PlanStep("PutObject", held, receptacle)
            yield _Deed(step, location, receptacle, None, adds=added, through=receptacle)

    def _receptacles_for(self, name: str) -> list[str]:
        if name not in self._accepting:
            world = self._world
            self._accepting[name] = [r for r in sorted(world.place) if world.accepts(r, name)]
        return self._accepting[name]

    def _treatments(self, state: _State, held: str) -> Iterator[_Deed]:
        for treatment, fact in self._treatments_due(state):
            if fact[1] != held:
                continue
            undone = ((treatment.undoes, held),) if treatment.undoes else ()
            for receptacle in self._world.appliances[treatment]:
                step = PlanStep(treatment.action, held, receptacle)
                location = self._world.place[receptacle]
                yield _Deed(step, location, receptacle, held, adds=(fact,), deletes=undone)

    def _treatments_due(self, state: _State) -> Iterator[tuple[_Treatment, Fact]]:
        for fact in self._wanted:
            for treatment in _TREATMENTS:
                due = fact[0] == treatment.result and fact not in state.facts
                if due and self._world.can_treat(treatment, fact[1]):
                    yield treatment, fact

    def _slicings(self, state: _State, held: str) -> Iterator[_Deed]:
        if held not in self._world.knives:
            return
        for fact in self._slices:
            if fact in state.facts:
                continue
            for _, _, location in sorted(_facts_about("objectatlocation", fact[1], state)):
                step = PlanStep("SliceObject", fact[1], tool=held)
                yield from self._reachable(
                    _Deed(step, location, self._world.receptacle_at.get(location), held, (fact,)),
                    state,
                )

    def _toggles(self, state: _State) -> Iterator[_Deed]:
        for fact in self._wanted:
            if fact[0] != "istoggled" or fact in state.facts:
                continue
            if fact[1] not in self._world.toggleable:
                continue
            for receptacle in self._containers(fact[1], state):
                step = PlanStep("ToggleObject", fact[1])
                location = self._world.place[receptacle]
                yield _Deed(step, location, receptacle, state.held, adds=(fact,))

    def _visits(self, state: _State) -> Iterator[_Deed]:
        for fact in self._wanted:
            if fact[0] == "atlocation" and fact[2] != state.location:
                via = self._world.receptacle_at.get(fact[2])
                yield from self._reachable(_Deed(None, fact[2], via, state.held), state)

    def _reachable(self, deed: _Deed, state: _State) -> Iterator[_Deed]:
        if deed.via is not None or deed.location == state.location:
            yield deed

    def estimate(self, state: _State) -> int | None:
        """A number of commands below which the task cannot be done; None if it never can be."""
        unmet = self.unmet(state)
        if any(self._is_hopeless(fact, state) for fact in unmet):
            return None
        deeds = 0
        closed: set[str] = set()
        moves: list[_Move] = []
        in_hand: dict[str, list[Fact]] = {}
        for fact in unmet:
            match fact:
                case ("atlocation", _, location):
                    moves.append(_Move("", False, frozenset((location,))))
                case ("istoggled", lamp):
                    deeds += 1
                    moves.extend(self._moves_to_lamp(lamp, state))
                case ("issliced", _):
                    deeds += 1
                case _:
                    in_hand.setdefault(_object_of(fact), []).append(fact)
        for name, facts in in_hand.items():
            deeds += self._handling(name, facts, state, closed, moves)
        deeds += self._knife_needed(state, unmet, in_hand)
        return deeds + len(closed) + _count_different(moves)

    def _is_hopeless(self, fact: Fact, state: _State) -> bool:
        """Whether the fact can never become true from here."""
        world = self._world
        match fact:
            case ("atlocation", _, location):
                return location not in world.receptacle_at
            case ("inreceptacle", name, receptacle) if not world.accepts(receptacle, name):
                return True
            case ("issliced", name):
                lying = _facts_about("objectatlocation", name, state)
                if any(
                    place in world.receptacle_at or place == state.location for *_, place in lying
                ):
                    return False
        if any(
            not world.can_treat(each, fact[1]) for each in _TREATMENTS if each.result == fact[0]
        ):
            return True
        name = _object_of(fact)
        return name != state.held and not self._containers(name, state)

    def _moves_to_lamp(self, lamp: str, state: _State) -> Iterator[_Move]:
        places = frozenset(self._world.place[r] for r in self._containers(lamp, state))
        if lamp not in self._world.movable and state.location not in places:
            yield _Move(lamp, False, places)

    def _handling(
        self, name: str, facts: list[Fact], state: _State, closed: set[str], moves: list[_Move]
    ) -> int:
        """The deeds of one object that must be in hand; adds to what is closed and to the moves."""
        containers = self._containers(name, state)
        places = {self._world.place[receptacle] for receptacle in containers}
        deeds = 0
        if name == state.held:
            places.add(state.location)
        else:
            deeds += 1
            if len(containers) == 1 and self._closed(containers[0], state):
                closed.add(containers[0])
            if state.location not in places:
                moves.append(_Move(name, False, frozenset(places)))
        for fact in facts:
            if fact[0] == "holds":
                continue
            deeds += 1
            if fact[0] == "inreceptacle" and self._closed(fact[2], state):
                closed.add(fact[2])
            goals = self._places_for(fact)
            if goals.isdisjoint(places):
                moves.append(_Move(name, True, goals))
        return deeds

    def _places_for(self, fact: Fact) -> frozenset[str]:
        """Where an object must be carried to make the fact true."""
        if fact[0] == "inreceptacle":
            return frozenset((self._world.place[fact[2]],))
        appliances = next(self._world.appliances[t] for t in _TREATMENTS if t.result == fact[0])
        return frozenset(self._world.place[receptacle] for receptacle in appliances)

    def _knife_needed(self, state: _State, unmet: Sequence[Fact], in_hand: Collection[str]) -> bool:
        """Whether a knife must be taken that is not counted yet."""
        due = any(fact[0] == "issliced" for fact in unmet)
        knives = self._world.knives
        return due and state.held not in knives and knives.isdisjoint(in_hand)


def _check_supported(clause: Clause) -> None:
    for fact in sorted(clause.wanted):
        if fact[0] in _UNPLANNED:
            raise UnsupportedProblemError(
                f"the goal asks for '{fact[0]}', which is not planned for"
            )
    for fact in sorted(clause.unwanted):
        raise UnsupportedProblemError(f"the goal asks for '{fact[0]}' to be false")


def _object_of(fact: Fact) -> str:
    """The object that a wanted fact is about."""
    return fact[2] if fact[0] == "holds" else fact[1]


def _facts_about(predicate: str, name: str, state: _State) -> Iterator[Fact]:
    return (fact for fact in state.facts if fact[:2] == (predicate, name))


def _count_different(moves: Iterable[_Move]) -> int:
    chosen: list[_Move] = []
    for move in moves:
        if all(move.differs_from(other) for other in chosen):
            chosen.append(move)
    return len(chosen)


class _Node(NamedTuple):
    """A state reached in the search, and how."""

    task: int
    state: _State
    cost: int
    steps: tuple[PlanStep, ...] = ()
    parent: "_Node | None" = None


class _Search:
    """A* over several tasks at once.

    Ties go to the node with more commands behind it, then to the older. The estimate need not be
    consistent, so a state is expanded again where a shorter way to it turns up.
    """

    def __init__(self, tasks: Sequence[_Task], name: str) -> None:
        self._tasks = tasks
        self._name = name
        self._queue: list[tuple[int, int, int, _Node]] = []
        self._costs: dict[tuple[int, _State], int] = {}
        self._ages = count()
        for index, task in enumerate(tasks):
            self._push(_Node(index, task.start, 0))

    def run(self) -> list[PlanStep]:
        """The steps to the first goal taken from the queue."""
        for _ in range(MAX_EXPANSIONS):
            if not self._queue:
                raise Unsolvable(f"no sequence of commands reaches the goal of {self._name!r}")
            node = heapq.heappop(self._queue)[-1]
            if node.cost > self._costs[node.task, node.state]:
                continue
            task = self._tasks[node.task]
            if not task.unmet(node.state):
                return _steps_to(node)
            for steps, state in task.successors(node.state):
                self._push(_Node(node.task, state, node.cost + len(steps), steps, node))
        raise PlanningLimitError(f"gave up on {self._name!r} after {MAX_EXPANSIONS} states")

    def _push(self, node: _Node) -> None:
        key = (node.task, node.state)
        known = self._costs.get(key)
        if known is not None and known <= node.cost:
            return
        self._costs[key] = node.cost
        estimate = self._tasks[node.task].estimate(node.state)
        if estimate is not None:
            entry = (node.cost + estimate, -node.cost, next(self._ages), node)
            heapq.heappush(self._queue, entry)


def _steps_to(node: _Node) -> list[PlanStep]:
    parts = []
    current: _Node | None = node
    while current is not None:
        parts.append(current.steps)
        current = current.parent
    return [step for part in reversed(parts) for step in part]
