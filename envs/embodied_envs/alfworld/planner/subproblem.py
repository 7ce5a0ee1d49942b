"""One way to reach the goal as a search problem: its states and the steps between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from embodied_envs.alfworld.pddl.grounding import Clause
from embodied_envs.alfworld.pddl.problem import Fact
from embodied_envs.alfworld.planner.plan import PlanStep
from embodied_envs.alfworld.planner.world import (
    TREATMENTS,
    UNPLANNED,
    State,
    Treatment,
    UnsupportedProblemError,
    World,
)

_MOVED = frozenset(
    ("inreceptacle", "objectatlocation", "isclean", "ishot", "iscool", "istoggled", "issliced")
)


class MacroAction(NamedTuple):
    """An action with the going and opening that it needs."""

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


class Subproblem:
    """One clause to make true, and the part of the world that this involves."""

    def __init__(self, world: World, clause: Clause, start: frozenset[Fact]) -> None:
        _check_supported(clause)
        self.world = world
        self._wanted = sorted(clause.wanted)
        self._slices = [fact for fact in self._wanted if fact[0] == "issliced"]
        held = next((fact[2] for fact in start if fact[0] == "holds"), None)
        self._objects = {object_of(fact) for fact in self._wanted}
        if held is not None:
            self._objects.add(held)
        if not start.issuperset(self._slices):
            self._objects |= world.knives
        self._accepting: dict[str, list[str]] = {}
        facts = frozenset(fact for fact in start if self._matters(fact))
        self.start = State(world.location, held, facts)

    def _matters(self, fact: Fact) -> bool:
        return fact[0] == "opened" or (fact[0] in _MOVED and fact[1] in self._objects)

    def unmet(self, state: State) -> list[Fact]:
        """List the wanted facts that are not true yet."""
        return [fact for fact in self._wanted if not self._is_true(fact, state)]

    def _is_true(self, fact: Fact, state: State) -> bool:
        match fact:
            case ("atlocation", _, location):
                return location == state.location
            case ("holds", _, name):
                return name == state.held
            case _:
                return fact in state.facts

    def is_closed(self, receptacle: str, state: State) -> bool:
        """Return whether a receptacle must be opened before use."""
        return receptacle in self.world.openable and ("opened", receptacle) not in state.facts

    def containers(self, name: str, state: State) -> list[str]:
        """List the receptacles that the object is in: up to three in official games."""
        return sorted(
            fact[2]
            for fact in state.facts
            if fact[0] == "inreceptacle" and fact[1] == name and fact[2] in self.world.place
        )

    def successors(self, state: State) -> Iterator[tuple[tuple[PlanStep, ...], State]]:
        """Yield each macro action that may help: its commands, and the state it leads to."""
        for macro in self._macro_actions(state):
            yield self._steps(macro, state), self._after(macro, state)

    def _steps(self, macro: MacroAction, state: State) -> tuple[PlanStep, ...]:
        steps = []
        if macro.location != state.location:
            steps.append(PlanStep("GotoLocation", receptacle=macro.via))
        if macro.through is not None and self.is_closed(macro.through, state):
            steps.append(PlanStep("OpenObject", receptacle=macro.through))
        if macro.step is not None:
            steps.append(macro.step)
        return tuple(steps)

    def _after(self, macro: MacroAction, state: State) -> State:
        facts = state.facts.difference(macro.deletes).union(macro.adds)
        if macro.through is not None and self.is_closed(macro.through, state):
            facts |= {("opened", macro.through)}
        return State(macro.location, macro.held, facts)

    def _macro_actions(self, state: State) -> Iterator[MacroAction]:
        if state.held is None:
            yield from self._takes(state)
        else:
            yield from self._puts(state, state.held)
            yield from self._treatments(state, state.held)
            yield from self._slicings(state, state.held)
        yield from self._toggles(state)
        yield from self._visits(state)

    def _takes(self, state: State) -> Iterator[MacroAction]:
        for predicate, name, *rest in sorted(state.facts):
            if predicate != "inreceptacle" or name not in self.world.pickupable:
                continue
            receptacle = rest[0]
            location = self.world.place.get(receptacle)
            if location is None:
                continue
            gone = (("inreceptacle", name, receptacle), ("objectatlocation", name, location))
            step = PlanStep("PickupObject", name, receptacle)
            yield MacroAction(step, location, receptacle, name, deletes=gone, through=receptacle)

    def _puts(self, state: State, held: str) -> Iterator[MacroAction]:
        for receptacle in self._receptacles_for(held):
            location = self.world.place[receptacle]
            added = (("inreceptacle", held, receptacle), ("objectatlocation", held, location))
            step = PlanStep("PutObject", held, receptacle)
            yield MacroAction(step, location, receptacle, None, adds=added, through=receptacle)

    def _receptacles_for(self, name: str) -> list[str]:
        if name not in self._accepting:
            world = self.world
            self._accepting[name] = [r for r in sorted(world.place) if world.accepts(r, name)]
        return self._accepting[name]

    def _treatments(self, state: State, held: str) -> Iterator[MacroAction]:
        for treatment, fact in self._treatments_due(state):
            if fact[1] != held:
                continue
            undone = ((treatment.undoes, held),) if treatment.undoes else ()
            for receptacle in self.world.appliances[treatment]:
                step = PlanStep(treatment.action, held, receptacle)
                location = self.world.place[receptacle]
                yield MacroAction(step, location, receptacle, held, adds=(fact,), deletes=undone)

    def _treatments_due(self, state: State) -> Iterator[tuple[Treatment, Fact]]:
        for fact in self._wanted:
            for treatment in TREATMENTS:
                due = fact[0] == treatment.result and fact not in state.facts
                if due and self.world.can_treat(treatment, fact[1]):
                    yield treatment, fact

    def _slicings(self, state: State, held: str) -> Iterator[MacroAction]:
        if held not in self.world.knives:
            return
        for fact in self._slices:
            if fact in state.facts:
                continue
            for _, _, location in sorted(facts_about("objectatlocation", fact[1], state)):
                step = PlanStep("SliceObject", fact[1], tool=held)
                yield from self._reachable(
                    MacroAction(
                        step, location, self.world.receptacle_at.get(location), held, (fact,)
                    ),
                    state,
                )

    def _toggles(self, state: State) -> Iterator[MacroAction]:
        for fact in self._wanted:
            if fact[0] != "istoggled" or fact in state.facts:
                continue
            if fact[1] not in self.world.toggleable:
                continue
            for receptacle in self.containers(fact[1], state):
                step = PlanStep("ToggleObject", fact[1])
                location = self.world.place[receptacle]
                yield MacroAction(step, location, receptacle, state.held, adds=(fact,))

    def _visits(self, state: State) -> Iterator[MacroAction]:
        for fact in self._wanted:
            if fact[0] == "atlocation" and fact[2] != state.location:
                via = self.world.receptacle_at.get(fact[2])
                yield from self._reachable(MacroAction(None, fact[2], via, state.held), state)

    def _reachable(self, macro: MacroAction, state: State) -> Iterator[MacroAction]:
        if macro.via is not None or macro.location == state.location:
            yield macro


def _check_supported(clause: Clause) -> None:
    for fact in sorted(clause.wanted):
        if fact[0] in UNPLANNED:
            raise UnsupportedProblemError(
                f"the goal asks for '{fact[0]}', which is not planned for"
            )
    for fact in sorted(clause.unwanted):
        raise UnsupportedProblemError(f"the goal asks for '{fact[0]}' to be false")


def object_of(fact: Fact) -> str:
    """Return the object that a wanted fact is about."""
    return fact[2] if fact[0] == "holds" else fact[1]


def facts_about(predicate: str, name: str, state: State) -> Iterator[Fact]:
    return (fact for fact in state.facts if fact[:2] == (predicate, name))
