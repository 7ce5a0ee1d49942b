"""What stays as it is while a game is played, and what of a state may change."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from embodied_envs.alfworld.pddl.problem import Fact


class UnsupportedProblemError(ValueError):
    """The problem lies outside what the planner knows to plan shortest for."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """Something done to a held object at a certain type of receptacle."""

    action: str
    ability: str
    result: str
    receptacle_type: str
    undoes: str | None = None


TREATMENTS = (
    Treatment("CleanObject", "cleanable", "isclean", "sinkbasintype"),
    Treatment("HeatObject", "heatable", "ishot", "microwavetype", undoes="iscool"),
    Treatment("CoolObject", "coolable", "iscool", "fridgetype", undoes="ishot"),
)
_ARITIES = (
    dict.fromkeys(("openable", "opened", "pickupable", "toggleable", "istoggled", "holdsany"), 1)
    | dict.fromkeys(("sliceable", "issliced", "cleanable", "isclean"), 1)
    | dict.fromkeys(("heatable", "ishot", "coolable", "iscool"), 1)
    | dict.fromkeys(("atlocation", "receptacleatlocation", "objectatlocation", "inreceptacle"), 2)
    | dict.fromkeys(("receptacletype", "objecttype", "cancontain", "holds"), 2)
)
_KNIFE_TYPES = frozenset(("knifetype", "butterknifetype"))
UNPLANNED = frozenset(("opened", "checked", "ison", "holdsany", "objectatlocation"))


class World:
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
            for treatment in TREATMENTS
        }
        self._abilities = {each: self.all_that(each.ability) for each in TREATMENTS}

    def all_that(self, predicate: str) -> frozenset[str]:
        """Return the names for which a predicate of one argument is true."""
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

    def _suits(self, treatment: Treatment, receptacle: str) -> bool:
        return treatment.receptacle_type in self._receptacle_types.get(receptacle, ())

    def can_treat(self, treatment: Treatment, name: str) -> bool:
        """Return whether the treatment could ever be given to the object."""
        return bool(self.appliances[treatment]) and name in self._abilities[treatment]

    def accepts(self, receptacle: str, name: str) -> bool:
        """Return whether the object may be put into the receptacle, which can be reached."""
        types = self._object_types.get(name, set())
        return receptacle in self.place and any(
            not types.isdisjoint(self._contents_of_type.get(each, ()))
            for each in self._receptacle_types.get(receptacle, ())
        )

    def may_change(self, fact: Fact) -> bool:
        """Return whether a fact that a goal names could differ later from what it is now."""
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
                return any(self._changes(each, result, name) for each in TREATMENTS)
        return fact[0] in UNPLANNED

    def _changes(self, treatment: Treatment, result: str, name: str) -> bool:
        return result in (treatment.result, treatment.undoes) and self.can_treat(treatment, name)


class State(NamedTuple):
    """One situation of the game, as far as it matters for a subproblem."""

    location: str
    held: str | None
    facts: frozenset[Fact]
