"""Goals for generated games, and which of them make sense in a floor plan."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from math import sqrt
from random import Random

from embodied_envs.alfworld.generate_scene import FLOOR_TYPES, ROOM_FOR_ONE, furnish, portable_types
from embodied_envs.alfworld.rules import load_floor_plan, load_rules


@dataclass(frozen=True, slots=True)
class Treatment:
    """Something to be done to an object before it is put away."""

    affordance: str
    """The key of `Rules.affordances` that lists the types it works on."""
    appliance: str
    """The receptacle type that does it."""


#: The treatment that a task kind asks for.
TREATMENTS = {
    "pick_clean_then_place_in_recep": Treatment("Cleanable", "SinkBasin"),
    "pick_heat_then_place_in_recep": Treatment("Heatable", "Microwave"),
    "pick_cool_then_place_in_recep": Treatment("Coolable", "Fridge"),
}

#: The lamp of ``look_at_obj_in_light``. Floor lamps do not do: the goal wants one in a receptacle.
LAMP = "DeskLamp"


@dataclass(frozen=True, slots=True, order=True)
class Goal:
    """What the robot is asked to do."""

    kind: str
    target: str
    """The type of the object to handle."""
    destination: str
    """The receptacle type it must end in; empty for ``look_at_obj_in_light``."""

    @property
    def treatment(self) -> Treatment | None:
        """What must be done to the target before it is put away; None for nothing."""
        return TREATMENTS.get(self.kind)

    @property
    def lamp(self) -> str:
        """The type of the lamp to use; empty for all kinds but ``look_at_obj_in_light``."""
        return "" if self.destination else LAMP

    @property
    def wanted(self) -> int:
        """How many objects of the target type the robot has to handle."""
        return 2 if self.kind == "pick_two_obj_and_place" else 1

    def may_start_in(self, receptacle_type: str) -> bool:
        """Return whether a target may lie in such a receptacle at the start, as in ALFRED's tasks.

        Not in the appliance that treats it, nor in the destination where no treatment is due.
        """
        if self.treatment is not None:
            return receptacle_type != self.treatment.appliance
        return receptacle_type != self.destination


@cache
def goals_for(floor_plan: int, kind: str) -> tuple[Goal, ...]:
    """List the goals of one kind that make sense in a floor plan, sorted."""
    rules, plan = load_rules(), load_floor_plan(floor_plan)
    if plan.room not in rules.rooms_of_kind[kind]:
        return ()
    furniture = furnish(floor_plan)
    receptacles = {place.type for place in furniture.receptacles}
    if kind == "look_at_obj_in_light":
        lit = any(thing.type == LAMP and thing.receptacle for thing in furniture.fixtures)
        destinations = [""] if lit else []
    else:
        destinations = sorted(receptacles)
    candidates = (
        Goal(kind, target, destination)
        for target in sorted(portable_types() & set(plan.types) - FLOOR_TYPES)
        for destination in destinations
    )
    return tuple(goal for goal in candidates if _makes_sense(goal, receptacles))


def draw_goal(floor_plan: int, kind: str, floor_plans: tuple[int, ...], rng: Random) -> Goal:
    """Draw a goal of one kind for a floor plan, which must have one.

    Targets and destinations that few of `floor_plans` offer are drawn the more often where they
    are offered, so that over all floor plans none dominates. ALFRED, too, drew against frequency
    (``sample_task_params`` of its ``generate_trajectories.py``).
    """
    targets, destinations = _offers(kind, floor_plans)
    goals = goals_for(floor_plan, kind)
    target = _draw_rare({goal.target for goal in goals}, targets, rng)
    choice = {goal.destination for goal in goals if goal.target == target}
    return Goal(kind, target, _draw_rare(choice, destinations, rng))


@cache
def _offers(kind: str, floor_plans: tuple[int, ...]) -> tuple[Counter[str], Counter[str]]:
    """Count how many floor plans offer each target, and each destination."""
    targets, destinations = Counter[str](), Counter[str]()
    for number in floor_plans:
        goals = goals_for(number, kind)
        targets.update({goal.target for goal in goals})
        destinations.update({goal.destination for goal in goals})
    return targets, destinations


def _draw_rare(names: set[str], offers: Counter[str], rng: Random) -> str:
    """Draw a name. The root keeps the rarest from taking over the floor plan that has it."""
    choice = sorted(names)
    return rng.choices(choice, [1 / sqrt(offers[name]) for name in choice])[0]


def _makes_sense(goal: Goal, receptacles: set[str]) -> bool:
    rules, treatment = load_rules(), goal.treatment
    if treatment is not None and (
        goal.target not in rules.affordances[treatment.affordance]
        or treatment.appliance not in receptacles
        or goal.destination == treatment.appliance
    ):
        return False
    if goal.destination and goal.target not in rules.contents.get(goal.destination, ()):
        return False
    if goal.wanted > 1 and goal.destination in ROOM_FOR_ONE:
        return False
    homes = [kind for kind in receptacles if goal.target in rules.contents.get(kind, ())]
    return any(goal.may_start_in(home) for home in homes)
