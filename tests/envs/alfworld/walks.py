"""Random walks through a game on two backends at a time, and what differs between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from embodied_envs.alfworld.native_game import NativeGame
from embodied_envs.alfworld.textworld_game import TextWorldGame

NONSENSE = (
    "",
    " ",
    "xyzzy",
    "go to",
    "go to nowhere 1",
    "take",
    "take all",
    "open open 1",
    "inventory 1",
    "look at me",
    "use",
    "go  to desk 1",
    "look\nlook",
    "{o.name}",
    "#look.feedback#",
    "tàke múg 1",
    "a" * 500,
)
RARE = ("heat", "clean", "cool", "slice", "use", "put", "move", "open", "close", "take")
"""Actions that a uniform choice would seldom take."""


@dataclass
class Findings:
    """What walks have met."""

    steps: int = 0
    refused: int = 0
    won: int = 0
    """Steps after which the goal was met."""
    actions: Counter[str] = field(default_factory=Counter)
    """Accepted commands by their first word."""
    differences: list[str] = field(default_factory=list)

    def __add__(self, other: Findings) -> Findings:
        return Findings(
            self.steps + other.steps,
            self.refused + other.refused,
            self.won + other.won,
            self.actions + other.actions,
            self.differences + other.differences,
        )

    def __str__(self) -> str:
        actions = ", ".join(f"{name} {count}" for name, count in self.actions.most_common())
        return (
            f"{self.steps} steps, {self.refused} refused, {self.won} with the goal met, "
            f"{len(self.differences)} differences; accepted: {actions}"
        )


def compare(path: Path, steps: int, seed: int, opening: Sequence[str] = ()) -> Findings:
    """Walk through a game on both backends and compare all that they tell.

    The walk begins with `opening`, for example a plan that reaches the goal; `steps` follow.
    """
    native, stock = NativeGame(), TextWorldGame()
    try:
        return _walk(native, stock, path, Random(seed), steps, opening)
    finally:
        native.close()
        stock.close()


def _walk(
    native: NativeGame,
    stock: TextWorldGame,
    path: Path,
    rng: Random,
    steps: int,
    opening: Sequence[str],
) -> Findings:
    findings = Findings()
    told: list[str] = []

    def check(what: str, ours: object, theirs: object) -> None:
        if ours != theirs:
            findings.differences.append(
                f"{path.parent}: {what} after {told[-3:]}: {ours!r:.300} != {theirs!r:.300}"
            )

    check("first text", native.load(path), stock.load(path))
    check("templates", native.command_templates(), stock.command_templates())
    valid = stock.valid_commands()
    check("valid commands", native.valid_commands(), valid)
    seen = set(valid)
    for step in range(len(opening) + steps):
        in_opening = step < len(opening)
        command = opening[step] if in_opening else _command(rng, valid, sorted(seen))
        told.append(command)
        ours, theirs = native.step(command), stock.step(command)
        check("answer", ours, theirs)
        findings.steps += 1
        findings.refused += theirs[0] == "Nothing happens."
        findings.won += theirs[1]
        if theirs[0] != "Nothing happens.":
            findings.actions[command.split()[0]] += 1
        valid = stock.valid_commands()
        seen.update(valid)
        check("valid commands", native.valid_commands(), valid)
        if findings.differences:
            break
    return findings


def _command(rng: Random, valid: list[str], seen: list[str]) -> str:
    chance = rng.random()
    if chance < 0.72:
        return _valid(rng, valid)
    if chance < 0.80:
        return rng.choice(seen)
    if chance < 0.86:
        return rng.choice(NONSENSE)
    return rng.choice(list(_near(rng, rng.choice(seen))))


def _valid(rng: Random, valid: list[str]) -> str:
    """Choose the kind of action first, so that all kinds occur."""
    kinds = sorted({command.split()[0] for command in valid})
    rare = [kind for kind in kinds if kind in RARE]
    kind = rng.choice(rare if rare and rng.random() < 0.6 else kinds)
    return rng.choice([command for command in valid if command.split()[0] == kind])


def _near(rng: Random, command: str) -> Iterator[str]:
    """Commands that are nearly the same."""
    words = command.split(" ")
    yield f"  {command} "
    yield f"{command}\n"
    yield command.upper()
    yield command.replace(" ", "  ", 1)
    yield " ".join(words[:-1])
    yield f"{command} {rng.randrange(5)}"
    yield " ".join(str(rng.randrange(12)) if word.isdigit() else word for word in words)
    yield command.replace(" in/on ", " in ").replace(" to ", " into ")
    yield command.replace("put ", "move ").replace("in/on", "to")
    yield " ".join(reversed(words))
