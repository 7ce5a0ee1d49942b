"""Write a generated game as text: its PDDL problem, its instruction and ALFRED's metadata."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from random import Random
from typing import Any

from embodied_envs.alfworld.generate_goal import Goal
from embodied_envs.alfworld.generate_scene import Receptacle, Scene, Thing, portable_types
from embodied_envs.alfworld.names import display_names
from embodied_envs.alfworld.pddl.problem import Fact
from embodied_envs.alfworld.planner.plan import PlanStep
from embodied_envs.alfworld.rules import GRID, Pose, Rules, load_goal, load_rules, type_of

_MANGLED = str.maketrans(
    {"|": "_bar_", "+": "_plus_", "-": "_minus_", ".": "_dot_", ",": "_comma_"}
)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def mangle(identifier: str) -> str:
    """Turn an AI2-THOR identifier into a PDDL name, in the way of ALFRED's own writer.

    Raises:
        ValueError: the result would not be a PDDL name.
    """
    name = identifier.translate(_MANGLED)
    if not _WORD.fullmatch(name):
        raise ValueError(f"{identifier!r} cannot be written as a PDDL name")
    return name


def instruction(goal: Goal, rng: Random) -> str:
    """Word the task in English, lower case and without a full stop, by a drawn template."""
    return rng.choice(load_goal(goal.kind).instructions).format(**_holes(goal, str.lower))


def problem(name: str, scene: Scene, goal: Goal) -> str:
    """Write the PDDL problem, laid out like an official one. `name` must be a PDDL name."""
    facts = "\n        ".join(f"({' '.join(fact)})" for fact in _facts(scene, goal, load_rules()))
    return (
        f"\n(define (problem {mangle(name)})\n(:domain alfred)\n(:objects\n"
        + "\n        ".join(_declarations(scene))
        + f"\n        )\n    \n\n(:init\n        {facts}\n        )\n    \n"
        + load_goal(goal.kind).pddl.format(**_holes(goal))
    )


def display_names_of(scene: Scene) -> dict[str, str]:
    """Name each PDDL name as the game does, such as ``mug 2``. PDDL names are in lower case."""
    things = [thing.identifier for thing in scene.things if thing.pose is not None]
    places = [place.identifier for place in scene.receptacles]
    return display_names(_pddl_word(identifier) for identifier in things + places)


def metadata(
    scene: Scene, goal: Goal, plan: Iterable[PlanStep], task: str, seed: int
) -> dict[str, Any]:
    """Make ``traj_data.json`` but for ``task_id``: what ALFRED records of a demonstration.

    What only a simulated demonstration has (images, low-level actions, object poses) is empty. The
    one annotation repeats the instruction.
    """
    entries = _plan_entries(scene, plan)
    annotation = {
        "assignment_id": "generated",
        "high_descs": [" ".join([action, *words]) for action, words, _ in entries[:-1]],
        "task_desc": f"{task[0].upper()}{task[1:]}.",
        "votes": [1],
    }
    return {
        "images": [],
        "pddl_params": {
            "mrecep_target": "",
            "object_sliced": False,
            "object_target": goal.target,
            "parent_target": goal.destination,
            "toggle_target": goal.lamp,
        },
        "plan": {
            "high_pddl": [
                {
                    "discrete_action": {"action": action, "args": words},
                    "high_idx": index,
                    "planner_action": planner_action,
                }
                for index, (action, words, planner_action) in enumerate(entries)
            ],
            "low_actions": [],
        },
        "scene": _scene_metadata(scene, seed),
        "task_type": goal.kind,
        "turk_annotations": {"anns": [annotation]},
    }


def _holes(goal: Goal, change: Any = str) -> dict[str, str]:
    holes = {"obj": goal.target, "recep": goal.destination, "toggle": goal.lamp, "mrecep": ""}
    return {hole: change(value) for hole, value in holes.items()}


def _declarations(scene: Scene) -> list[str]:
    rules = load_rules()
    poses = {place.pose for place in scene.receptacles} | {scene.start}
    poses.update(thing.pose for thing in scene.things if thing.pose is not None)
    groups: list[tuple[str, Iterable[str]]] = [
        ("agent", ["agent1"]),
        ("object", rules.object_types),
        ("otype", [f"{kind}Type" for kind in rules.object_types]),
        ("rtype", [f"{kind}Type" for kind in rules.receptacle_types]),
        ("object", [thing.identifier for thing in scene.things]),
        ("receptacle", [place.identifier for place in scene.receptacles]),
        ("location", [pose.identifier for pose in sorted(poses)]),
    ]
    return [f"{mangle(name)} - {kind}" for kind, names in groups for name in names]


def _facts(scene: Scene, goal: Goal, rules: Rules) -> list[Fact]:
    places, things = scene.receptacles, [thing for thing in scene.things if thing.pose is not None]
    portable = [thing for thing in things if thing.type in portable_types()]
    facts: list[Fact] = [("receptacleType", mangle(p.identifier), f"{p.type}Type") for p in places]
    facts += [("objectType", mangle(t.identifier), f"{t.type}Type") for t in things]
    facts += _containment(places, {thing.type for thing in portable}, rules)
    facts += _unary("pickupable", portable, portable_types())
    facts += _unary("isReceptacleObject", portable, rules.movable_receptacles)
    facts += [("openable", mangle(place.identifier)) for place in places if place.openable]
    facts.append(("atLocation", "agent1", mangle(scene.start.identifier)))
    for predicate in ("cleanable", "heatable", "coolable", "toggleable", "sliceable"):
        facts += _unary(predicate, things, rules.affordances[predicate.capitalize()])
    facts += [("isCool", mangle(t.identifier)) for t in _cooled(things, goal)]
    facts += [
        ("inReceptacle", mangle(thing.identifier), mangle(thing.receptacle))
        for thing in things
        if thing.receptacle
    ]
    facts += [
        ("receptacleAtLocation", mangle(place.identifier), mangle(place.pose.identifier))
        for place in places
    ]
    facts += [
        ("objectAtLocation", mangle(thing.identifier), mangle(thing.pose.identifier))
        for thing in things
        if thing.pose
    ]
    return facts


def _containment(
    places: Iterable[Receptacle], present: Collection[str], rules: Rules
) -> list[Fact]:
    return [
        ("canContain", f"{outer}Type", f"{inner}Type")
        for outer in sorted({place.type for place in places})
        for inner in sorted(rules.contents.get(outer, frozenset()) & set(present))
    ]


def _unary(predicate: str, things: Iterable[Thing], kinds: Collection[str]) -> list[Fact]:
    return [(predicate, mangle(thing.identifier)) for thing in things if thing.type in kinds]


def _cooled(things: Iterable[Thing], goal: Goal) -> list[Thing]:
    """List the targets that start in the fridge: they are cool from the start, in ALFRED too."""
    return [
        thing
        for thing in things
        if thing.type == goal.target and thing.receptacle and type_of(thing.receptacle) == "Fridge"
    ]


def _plan_entries(
    scene: Scene, plan: Iterable[PlanStep]
) -> list[tuple[str, list[str], dict[str, Any]]]:
    """Write ALFRED's high-level plan, which opens things unsaid and ends with a ``NoOp``."""
    places = {_pddl_word(place.identifier): place for place in scene.receptacles}
    things = {_pddl_word(thing.identifier): thing.identifier for thing in scene.things}
    entries = [_plan_entry(step, places, things) for step in plan if step.action != "OpenObject"]
    return [*entries, ("NoOp", [], {"action": "End", "value": 1})]


def _plan_entry(
    step: PlanStep, places: Mapping[str, Receptacle], things: Mapping[str, str]
) -> tuple[str, list[str], dict[str, Any]]:
    """Return action, words and ``planner_action`` of one step of ALFRED's high-level plan."""
    place = places.get(step.receptacle or "")
    if step.object is None:
        if place is None:
            raise ValueError(f"{step} goes nowhere in this scene")
        planner_action = {"action": step.action, "location": place.pose.identifier}
        return step.action, [place.type.lower()], planner_action
    thing = things[step.object]
    planner_action = {"action": step.action, "objectId": thing}
    words = [type_of(thing).lower()]
    if step.action == "PutObject" and place is not None:
        planner_action["receptacleObjectId"] = place.identifier
        words.append(place.type.lower())
    return step.action, words, planner_action


def _pddl_word(identifier: str) -> str:
    return mangle(identifier).lower()


def _scene_metadata(scene: Scene, seed: int) -> dict[str, Any]:
    lamps = sorted({t.type for t in scene.things} & load_rules().affordances["Toggleable"])
    return {
        "dirty_and_empty": False,
        "floor_plan": f"FloorPlan{scene.floor_plan}",
        "init_action": _teleport(scene.start),
        "object_poses": [],
        "object_toggles": [{"isOn": False, "objectType": lamp} for lamp in lamps],
        "random_seed": seed,
        "scene_num": scene.floor_plan,
    }


def _teleport(pose: Pose) -> dict[str, Any]:
    return {
        "action": "TeleportFull",
        "horizon": pose.horizon,
        "rotateOnTeleport": True,
        "rotation": pose.turn * 90,
        "x": pose.x * GRID,
        "y": 0.9,
        "z": pose.z * GRID,
    }
