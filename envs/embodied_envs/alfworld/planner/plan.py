"""Plans: their steps, and the game commands that these are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

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
    """Find the dialect of a game, from the text under the key ``grammar`` of its file.

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
    """Write a plan as game commands. `names` maps ids to display names (`names.display_names`)."""
    commands = []
    for step in plan:
        template = (
            _PUT_TEMPLATES[dialect] if step.action == "PutObject" else _TEMPLATES[step.action]
        )
        roles = {"object": step.object, "receptacle": step.receptacle, "tool": step.tool}
        fields = {role: names[name] for role, name in roles.items() if name is not None}
        commands.append(template.format_map(fields))
    return commands
