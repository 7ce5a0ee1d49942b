"""Estimates how many commands are left.

The estimate never exceeds the cost that remains. It counts deeds that are still missing,
receptacles that one of those deeds will find closed, and moves. Each counted move is an arrival
somewhere, with an object in hand or without it, that every plan must contain; two such moves are
both counted only if no single arrival could be both (`Move.differs_from`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from embodied_envs.alfworld.pddl.problem import Fact
from embodied_envs.alfworld.planner.task import Task, facts_about, object_of
from embodied_envs.alfworld.planner.world import TREATMENTS, State


class Move(NamedTuple):
    """An arrival at one of `places` that a plan must contain, with `name` in hand or without it."""

    name: str
    in_hand: bool
    places: frozenset[str]

    def differs_from(self, other: Move) -> bool:
        """Return whether no single arrival can be both moves."""
        if self.name == other.name:
            other_hand = self.in_hand != other.in_hand
        else:
            other_hand = self.in_hand and other.in_hand
        return other_hand or self.places.isdisjoint(other.places)


class Heuristic:
    """Estimates the cost of the commands that a task still needs."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._world = task.world

    def estimate(self, state: State) -> int | None:
        """Estimate how many commands are left, never too many; None if no number will do."""
        unmet = self._task.unmet(state)
        if any(self._is_hopeless(fact, state) for fact in unmet):
            return None
        deeds = 0
        closed: set[str] = set()
        moves: list[Move] = []
        in_hand: dict[str, list[Fact]] = {}
        for fact in unmet:
            match fact:
                case ("atlocation", _, location):
                    moves.append(Move("", False, frozenset((location,))))
                case ("istoggled", lamp):
                    deeds += 1
                    moves.extend(self._moves_to_lamp(lamp, state))
                case ("issliced", _):
                    deeds += 1
                case _:
                    in_hand.setdefault(object_of(fact), []).append(fact)
        for name, facts in in_hand.items():
            deeds += self._handling(name, facts, state, closed, moves)
        deeds += self._knife_needed(state, unmet, in_hand)
        return deeds + len(closed) + _count_different(moves)

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
        return name != state.held and not self._task.containers(name, state)

    def _moves_to_lamp(self, lamp: str, state: State) -> Iterator[Move]:
        places = frozenset(self._world.place[r] for r in self._task.containers(lamp, state))
        if lamp not in self._world.movable and state.location not in places:
            yield Move(lamp, False, places)

    def _handling(
        self, name: str, facts: list[Fact], state: State, closed: set[str], moves: list[Move]
    ) -> int:
        """Count the deeds of an object that must be in hand; adds to `closed` and `moves`."""
        containers = self._task.containers(name, state)
        places = {self._world.place[receptacle] for receptacle in containers}
        deeds = 0
        if name == state.held:
            places.add(state.location)
        else:
            deeds += 1
            if len(containers) == 1 and self._task.is_closed(containers[0], state):
                closed.add(containers[0])
            if state.location not in places:
                moves.append(Move(name, False, frozenset(places)))
        for fact in facts:
            if fact[0] == "holds":
                continue
            deeds += 1
            if fact[0] == "inreceptacle" and self._task.is_closed(fact[2], state):
                closed.add(fact[2])
            goals = self._places_for(fact)
            if goals.isdisjoint(places):
                moves.append(Move(name, True, goals))
        return deeds

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


def _count_different(moves: Iterable[Move]) -> int:
    chosen: list[Move] = []
    for move in moves:
        if all(move.differs_from(other) for other in chosen):
            chosen.append(move)
    return len(chosen)
