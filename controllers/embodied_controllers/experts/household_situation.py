"""What the household expert concludes from its memory: what fits the goal, and where to go next."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from embodied_controllers.experts.common_sense import (
    OBJECT_PLACES,
    number_of,
    search_order,
    type_of,
)
from embodied_controllers.experts.household_goal import STATIONS, Goal, Treatment
from embodied_controllers.experts.household_memory import Memory

PLACES_AT_ONCE = 6
"""How many places one search action looks at, so that its output stays readable."""

PATIENCE = 2
"""How often something may fail before the expert stops trying it."""


@dataclass(frozen=True)
class Wanted:
    """What a search is for, and what it does on finding it."""

    types: tuple[str, ...]
    """Object types, one of which is enough."""
    call: str
    """The call to make, with `{found}` for the object and `{place}` for where it lies."""
    leave: str | None = None
    """A receptacle type at which a find is noticed, but left."""
    avoid: str | None = None
    """A receptacle that holds only what belongs there."""


@dataclass
class Situation:
    """The goal seen against the memory and the failures so far."""

    goal: Goal
    memory: Memory
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often each attempt failed, such as `("put", "drawer 1")`."""
    looked_again: set[tuple[str, str]] = field(default_factory=set)
    """Pairs of an object type and a place that has been searched for it a second time."""

    def fits(self, name: str) -> bool:
        """Return whether this is an object of the goal's type, sliced if that is asked for."""
        wanted = type_of(name) == self.goal.object_type
        return wanted and (not self.goal.sliced or name in self.memory.sliced)

    def is_ready(self, name: str) -> bool:
        """Return whether an object fits and has had its treatment."""
        treatment = self.goal.treatment
        return self.fits(name) and (not treatment or (treatment, name) in self.memory.treated)

    def ready_at(self, place: str) -> list[str]:
        """List the ready objects known to lie at a place."""
        return [name for name in self.memory.contents.get(place, []) if self.is_ready(name)]

    def reached(self) -> bool:
        """Return whether the goal is reached, as far as the expert can know."""
        if self.goal.lamp:
            lit = any(type_of(lamp) == self.goal.lamp for lamp in self.memory.lit)
            return lit and self.fits(self.memory.holding or "")
        return any(
            len(self.ready_at(place)) >= self.goal.count
            for place in self._of_type(self.goal.destination)
        )

    def needs_slicing(self) -> bool:
        """Return whether more objects must be cut before the bringing begins."""
        return self.goal.sliced and len(self.memory.sliced) < self.goal.count

    def target(self) -> str | None:
        """Choose the receptacle to bring things to: where most of them are, else the nearest."""

        def preference(place: str) -> tuple[int, int, bool, bool, int]:
            return (
                -len(self.ready_at(place)),
                self.failures["put", place],
                place != self.memory.here,
                place not in self.memory.contents,
                number_of(place),
            )

        places = self.worth_trying("put", self._of_type(self.goal.destination))
        return min(places, key=preference, default=None)

    def station(self, treatment: Treatment) -> str | None:
        """Choose the receptacle to give the treatment at, if there is one."""
        places = self.worth_trying(treatment, self._of_type(STATIONS[treatment]))
        return min(places, key=number_of, default=None)

    def known(self) -> list[tuple[str, str]]:
        """List fitting objects that are not where they belong, and where each was seen."""
        target = self.target()
        done = self.ready_at(target) if target else []
        seen = self.memory.sightings(self.goal.object_type)
        return [(name, place) for name, place in seen if self.fits(name) and name not in done]

    def leave(self) -> str | None:
        """Return the receptacle type where the first of several objects stays if found there."""
        target = self.target()
        if self.goal.count > 1 and target and not self.ready_at(target):
            return self.goal.destination
        return None

    def resting_place(self, name: str) -> str | None:
        """Choose a receptacle that takes an object which is in the way."""
        kinds = OBJECT_PLACES.get(type_of(name), "").split()
        places = [p for p in search_order(type_of(name), self.memory.places) if type_of(p) in kinds]
        places = self.worth_trying("put", places)
        return min(places, key=lambda place: place != self.memory.here, default=None)

    def worth_trying(self, what: str, names: Iterable[str]) -> list[str]:
        """Return the names with which `what` has not failed too often."""
        return [name for name in names if self.failures[what, name] < PATIENCE]

    def next_places(self, wanted: Wanted) -> list[str]:
        """List the next few places to look at, the best first: unseen ones, then all once more.

        Empty if every place has been looked at twice.
        """
        order = search_order(wanted.types[0], self.memory.places)
        order = [place for place in order if not self._is_futile(place, wanted)]
        unseen = [p for p in self.worth_trying("look", order) if p not in self.memory.contents]
        if unseen:
            return sorted(unseen, key=lambda p: self.failures["look", p])[:PLACES_AT_ONCE]
        again = [p for p in order if (wanted.types[0], p) not in self.looked_again][:PLACES_AT_ONCE]
        self.looked_again.update((wanted.types[0], place) for place in again)
        return again

    def _is_futile(self, place: str, wanted: Wanted) -> bool:
        """Return whether a wanted object that lay here would already be where it belongs."""
        goal = self.goal
        if type_of(place) != goal.destination or goal.object_type not in wanted.types:
            return False
        would_be_done = goal.count == 1 and not goal.treatment and not goal.sliced
        return would_be_done or place == wanted.avoid or bool(self.ready_at(place))

    def _of_type(self, kind: str | None) -> list[str]:
        return [place for place in self.memory.places if type_of(place) == kind]
