"""Says why a game refuses a command.

The reason is found in the action's own conditions: the command is read by the grammar's templates,
and the first condition that does not hold is put into words. What the robot can not know from where
it stands, such as what lies in a closed fridge, is never the reason while there is a nearer one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

from embodied_envs.alfworld.domain import ActionSchema, LiftedClause
from embodied_envs.alfworld.facts import State
from embodied_envs.alfworld.grammar import ActionTexts
from embodied_envs.alfworld.grounding import put_in
from embodied_envs.alfworld.pddl.conditions import Atom
from embodied_envs.alfworld.pddl.problem import Fact

if TYPE_CHECKING:
    from embodied_envs.alfworld.compiled import CompiledGame

UNKNOWN = "The game knows no such command."
USELESS = "It would change nothing."

_WANTED = {
    "openable": "The {0} cannot be opened or closed.",
    "pickupable": "The {0} cannot be picked up.",
    "heatable": "The {0} cannot be heated.",
    "coolable": "The {0} cannot be cooled.",
    "cleanable": "The {0} cannot be cleaned.",
    "sliceable": "The {0} cannot be sliced.",
    "toggleable": "The {0} cannot be switched on.",
    "receptacletype": "The {0} is no {1}.",
    "objecttype": "The {0} is no {1}.",
    "cancontain": "It does not belong there.",
    "atlocation": "You are not there.",
    "receptacleatlocation": "You are not at the {0}.",
    "opened": "The {0} is closed.",
    "holds": "You are not carrying the {1}.",
    "inreceptacle": "The {0} is not in/on the {1}.",
    "objectatlocation": "There is no {0} here.",
}
"""What is said where a fact is missing, the most telling first."""

_UNWANTED = {
    "holdsany": "You are already carrying something.",
    "opened": "The {0} is already open.",
}
"""What is said where a fact is in the way."""

_ORDER = {name: place for place, name in enumerate(_WANTED)}
_SLOT = re.compile(r"\[?\{(\w+)[^{}]*\}\]?")

_Words = Mapping[str, str]


@dataclass(frozen=True)
class _Missing:
    """A condition that does not hold."""

    fact: Fact
    wanted: bool
    lasting: bool
    """No action can change it."""

    @property
    def place(self) -> int:
        """Where it stands in the order of reasons."""
        return _ORDER.get(self.fact[0], len(_ORDER)) if self.wanted else len(_ORDER)


def refusal_reason(game: CompiledGame, state: State, command: str) -> str:
    """Say in one sentence why a game refuses a command in a state."""
    readings = list(_readings(game, command))
    if not readings:
        return UNKNOWN
    known = set(game.names.values())
    for _, words in readings:
        for word in words.values():
            if word not in known:
                return f"There is no {word:.60} here."
    found = [
        missing
        for schema, words in readings
        for terms in _meanings(game, schema, words)
        for missing in (_Search(game, state, clause, terms).missing() for clause in schema.clauses)
    ]
    if not found:
        return "That cannot be done with it."
    nearest = min(found, key=lambda missing: (len(missing), sum(m.lasting for m in missing)))
    return _said(game, min(nearest, key=lambda missing: missing.place)) if nearest else USELESS


def _said(game: CompiledGame, missing: _Missing) -> str:
    predicate, *objects = missing.fact
    names = [game.names.get(id_, id_).strip().removesuffix("type") for id_ in objects]
    if predicate in (sentences := _WANTED if missing.wanted else _UNWANTED):
        return sentences[predicate].format(*names)
    verb = "needs" if missing.wanted else "must not be that"
    return f"It {verb} {predicate}({', '.join(names)})."


def _readings(game: CompiledGame, command: str) -> Iterator[tuple[ActionSchema, _Words]]:
    """Yield the actions whose form a command has, and the words in their places."""
    for schema in game.domain.actions.values():
        match = _pattern(game.grammar.actions[schema.name]).fullmatch(command)
        if match:
            yield schema, match.groupdict()


@lru_cache(maxsize=1024)
def _pattern(texts: ActionTexts) -> re.Pattern[str]:
    pieces = _SLOT.split(texts.template.strip())
    seen: set[str] = set()
    pattern = re.escape(pieces[0])
    for name, words in zip(pieces[1::2], pieces[2::2], strict=True):
        pattern += f"(?P={name})" if name in seen else f"(?P<{name}>.+?)"
        pattern += re.escape(words)
        seen.add(name)
    return re.compile(pattern)


def _meanings(game: CompiledGame, schema: ActionSchema, words: _Words) -> Iterator[dict[str, str]]:
    """Yield what an action's variables may stand for, where words say it or one choice fits."""
    objects = game.problem.objects
    choices: dict[str, list[str]] = {}
    for name, type_name in schema.parameters:
        word = words.get(name.removeprefix("?"))
        fitting = [id_ for id_ in objects if game.domain.is_a(objects[id_], type_name)]
        if word is not None:
            choices[name] = [id_ for id_ in fitting if game.names.get(id_) == word]
        elif len(fitting) == 1:
            choices[name] = fitting
    for values in product(*choices.values()):
        yield dict(zip(choices, values, strict=True))


class _Search:
    """Goes through the conditions of a clause, the best known ones first."""

    def __init__(
        self, game: CompiledGame, state: State, clause: LiftedClause, terms: Mapping[str, str]
    ) -> None:
        self._facts = game.facts
        self._state = state
        self._clause = clause
        self._terms = dict(terms)

    def missing(self) -> list[_Missing]:
        """List the conditions that do not hold."""
        found = []
        left = list(self._clause.wanted)
        while left:
            atom = min(left, key=self._difficulty)
            left.remove(atom)
            if not self._settle(atom):
                found.append(self._not_so(atom, wanted=True))
        for atom in self._clause.unwanted:
            if self._facts.holds(put_in(atom, self._terms), self._state):
                found.append(self._not_so(atom, wanted=False))
        return found

    def _difficulty(self, atom: Atom) -> tuple[int, bool]:
        unknown = sum(term[0] == "?" and term not in self._terms for term in atom.terms)
        return unknown, not self._facts.can_change(atom.predicate)

    def _settle(self, atom: Atom) -> bool:
        """Make an atom true by a choice of its unknown variables; returns whether there is one."""
        pattern = [self._terms.get(term, None if term[0] == "?" else term) for term in atom.terms]
        for fact, number in self._facts.matching(atom.predicate, pattern):
            fits = all(p is None or p == v for p, v in zip(pattern, fact[1:], strict=False))
            if fits and (number < 0 or number in self._state):
                choice = zip(atom.terms, fact[1:], strict=False)
                self._terms.update((term, value) for term, value in choice if term[0] == "?")
                return True
        return False

    def _not_so(self, atom: Atom, *, wanted: bool) -> _Missing:
        return _Missing(
            put_in(atom, self._terms), wanted, not self._facts.can_change(atom.predicate)
        )
