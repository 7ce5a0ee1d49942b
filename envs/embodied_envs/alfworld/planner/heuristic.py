"""Estimates how many commands are left.

The estimate never exceeds the cost that remains. It counts actions that are still missing,
receptacles that one of those actions will find closed, and landmarks. A landmark is an arrival
somewhere, with an object in hand or without it, that every plan must contain; two of them are both
counted only if no single arrival could be both (`Landmark.differs_from`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from embodied_envs.alfworld.pddl.problem import Fact
from embodied_envs.alfworld.planner.subproblem import Subproblem, facts_about, object_of
from embodied_envs.alfworld.planner.world import TREATMENTS, State


class Landmark(NamedTuple):
    """An arrival at one of `places` that a plan must contain, with `name` in hand or without it."""

    name: str
    in_hand: bool
    places: frozenset[str]

    def differs_from(self, other: Landmark) -> bool:
        """Return whether no single arrival can be both landmarks."""
        if self.name == other.name:
            other_hand = self.in_hand != other.in_hand
        else:
            other_hand = self.in_hand and other.in_hand
        return other_hand or self.places.isdisjoint(other.places)


class Heuristic:
    """Estimates the cost of the commands that a subproblem still needs."""

    def __init__(self, subproblem: Subproblem) -> None:
        self._subproblem = subproblem
        self._world = subproblem.world

    def estimate(self, state: State) -> int | None:
        """Estimate how many commands are left, never too many; None if the goal is out of reach."""
        unmet = self._subproblem.unmet(state)
        if any(self._is_hopeless(fact, state) for fact in unmet):
            return None
        actions = 0
        closed: set[str] = set()
        landmarks: list[Landmark] = []
        in_hand: dict[str, list[Fact]] = {}
        for fact in unmet:
            match fact:
                case ("atlocation", _, location):
                    landmarks.append(Landmark("", False, frozenset((location,))))
                case ("istoggled", lamp):
                    actions += 1
                    landmarks.extend(self._landmarks_of_lamp(lamp, state))
                case ("issliced", _):
                    actions += 1
                case _:
                    in_hand.setdefault(object_of(fact), []).append(fact)
        for name, facts in in_hand.items():
            actions += self._handling(name, facts, state, closed, landmarks)
        actions += self._knife_needed(state, unmet, in_hand)
        return actions + len(closed) + _count_different(landmarks)

    def _is_hopeless(self, fact: Fact, state: State) -> bool:
        """Return whether the fact can never become true from here."""
        world = self._world
        match fact:
            case ("atlocation", _, location):
                return location not in world.receptacle_at
            case ("inreceptacle", name, receptacle) if not world.accepts(receptacle, name):
                return True
            case ("issliced", name):
                lying = facts_about("objectatlocation", name, state)
                if any(
                    place in world.receptacle_at or place == state.location for *_, place in lying
                ):
                    return False
        if any(not world.can_treat(each, fact[1]) for each in TREATMENTS if each.result == fact[0]):
            return True
        name = object_of(fact)
        return name != state.held and not self._subproblem.containers(name, state)

    def _landmarks_of_lamp(self, lamp: str, state: State) -> Iterator[Landmark]:
        places = frozenset(self._world.place[r] for r in self._subproblem.containers(lamp, state))
        if lamp not in self._world.movable and state.location not in places:
            yield Landmark(lamp, False, places)

    def _handling(
        self,
        name: str,
        facts: list[Fact],
        state: State,
        closed: set[str],
        landmarks: list[Landmark],
    ) -> int:
        """Count the actions of an object that must be in hand; adds to `closed` and `landmarks`."""
        containers = self._subproblem.containers(name, state)
        places = {self._world.place[receptacle] for receptacle in containers}
        actions = 0
        if name == state.held:
            places.add(state.location)
        else:
            actions += 1
            if len(containers) == 1 and self._subproblem.is_closed(containers[0], state):
                closed.add(containers[0])
            if state.location not in places:
                landmarks.append(Landmark(name, False, frozenset(places)))
        for fact in facts:
            if fact[0] == "holds":
                continue
            actions += 1
            if fact[0] == "inreceptacle" and self._subproblem.is_closed(fact[2], state):
                closed.add(fact[2])
            goals = self._places_for(fact)
            if goals.isdisjoint(places):
                landmarks.append(Landmark(name, True, goals))
        return actions

    def _places_for(self, fact: Fact) -> frozenset[str]:
        """Return where an object must be carried to make the fact true."""
        if fact[0] == "inreceptacle":
            return frozenset((self._world.place[fact[2]],))
        appliances = next(self._world.appliances[t] for t in TREATMENTS if t.result == fact[0])
        return frozenset(self._world.place[receptacle] for receptacle in appliances)

    def _knife_needed(self, state: State, unmet: Sequence[Fact], in_hand: Collection[str]) -> bool:
        """Return whether a knife must be taken that is not counted yet."""
        due = any(fact[0] == "issliced" for fact in unmet)
        knives = self._world.knives
        return due and state.held not in knives and knives.isdisjoint(in_hand)


def _count_different(landmarks: Iterable[Landmark]) -> int:
    chosen: list[Landmark] = []
    for landmark in landmarks:
        if all(landmark.differs_from(other) for other in chosen):
            chosen.append(landmark)
    return len(chosen)
