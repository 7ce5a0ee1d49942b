"""Finds the objects that an action's variables can stand for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from embodied_envs.alfworld.domain import BrokenGameError, Domain, LiftedClause
from embodied_envs.alfworld.facts import FactTable
from embodied_envs.alfworld.pddl.conditions import Atom, Equals
from embodied_envs.alfworld.pddl.problem import Fact

MAX_GROUNDINGS = 1_000_000
"""How many facts and objects may be tried for one game, in all. ALFWorld's take some 50,000."""

MAX_INSTANCES = 10_000_000
"""How many instances a clause may have, were all changeable facts true. ALFWorld's have up to
some 100,000."""

Terms = Mapping[str, str]
"""What variables stand for."""


def put_in(atom: Atom, terms: Terms) -> Fact:
    """Return the fact that an atom is when its variables stand for objects."""
    return (atom.predicate, *[terms.get(term, term) for term in atom.terms])


@dataclass(frozen=True, slots=True)
class JoinPlan:
    """The order in which a clause's constant facts are joined."""

    key: Atom | None
    """The changeable fact that tells most about the clause's variables; None: it needs none."""
    joins: tuple[Atom, ...]
    """Constant facts, each with as many variables known before it as can be."""
    free: tuple[str, ...]
    """Variables that neither key nor joins tell."""
    never: tuple[Atom, ...]
    """Constant facts that must not be."""
    unequal: tuple[Equals, ...]
    types: Mapping[str, frozenset[str]]
    """The objects that each variable may stand for."""


class Grounder:
    """Grounds clauses by joining the facts that never change."""

    def __init__(self, domain: Domain, facts: FactTable, objects: Mapping[str, str]) -> None:
        """Index objects; `objects` has the type of each."""
        self._domain = domain
        self._facts = facts
        self._objects = objects
        self._by_type: dict[str, frozenset[str]] = {}
        self._budget = MAX_GROUNDINGS

    def plan(self, clause: LiftedClause, *, keyed: bool = True) -> JoinPlan:
        """Plan how to ground a clause: one key at a time, or all that there can ever be."""
        types = {variable.name: self._of_type(variable.type) for variable in clause.variables}
        key = self._key(clause, types) if keyed else None
        known = _variables(key)
        joins: list[Atom] = []
        left = [atom for atom in clause.wanted if not self._facts.can_change(atom.predicate)]
        while left:
            best = min(left, key=lambda atom: len(_variables(atom) - known))
            left.remove(best)
            joins.append(best)
            known |= _variables(best)
        return JoinPlan(
            key=key,
            joins=tuple(joins),
            free=tuple(name for name in types if name not in known),
            never=tuple(a for a in clause.unwanted if not self._facts.can_change(a.predicate)),
            unequal=clause.unequal,
            types=types,
        )

    def groundings(self, plan: JoinPlan, fact: Fact | None) -> Iterator[dict[str, str]]:
        """Yield what a clause's variables can stand for where its key is the given fact.

        Raises:
            BrokenGameError: the game has used up `MAX_GROUNDINGS`.
        """
        start: dict[str, str] | None = {}
        if plan.key is not None and fact is not None:
            start = _unified(plan.key, fact, {}, plan.types)
        if start is None:
            return
        for joined in self._joined(plan, 0, start):
            for terms in self._completed(plan, plan.free, joined):
                self._spend()
                if self._allowed(plan, terms):
                    yield terms

    def check_size(self, clause: LiftedClause) -> None:
        """Check that an engine which grounds a clause in advance comes to an end.

        Raises:
            BrokenGameError: the clause may have more than `MAX_INSTANCES` instances.
        """
        plan = self.plan(clause, keyed=False)
        choices = prod(len(plan.types[name]) for name in plan.free)
        found = sum(1 for _ in self._joined(plan, 0, {}))
        if found * choices > MAX_INSTANCES:
            raise BrokenGameError("the game has too many operators")

    def _key(self, clause: LiftedClause, types: Mapping[str, frozenset[str]]) -> Atom | None:
        """Choose the fact that tells most; variables with a single object tell nothing."""
        telling = {name for name, members in types.items() if len(members) > 1}
        fluents = [atom for atom in clause.wanted if self._facts.can_change(atom.predicate)]
        return max(fluents, key=lambda atom: len(telling & _variables(atom)), default=None)

    def _joined(
        self, plan: JoinPlan, index: int, terms: dict[str, str]
    ) -> Iterator[dict[str, str]]:
        if index == len(plan.joins):
            yield terms
            return
        atom = plan.joins[index]
        pattern = [terms.get(term, None if term[0] == "?" else term) for term in atom.terms]
        if None not in pattern:
            if self._facts.is_constant((atom.predicate, *pattern)):  # type: ignore[arg-type]
                yield from self._joined(plan, index + 1, terms)
            return
        for fact, _ in self._facts.matching(atom.predicate, pattern):
            self._spend()
            unified = _unified(atom, fact, terms, plan.types)
            if unified is not None:
                yield from self._joined(plan, index + 1, unified)

    def _completed(
        self, plan: JoinPlan, free: Sequence[str], terms: dict[str, str]
    ) -> Iterator[dict[str, str]]:
        """Yield all choices for the variables that no fact has told."""
        if not free:
            yield terms
            return
        for value in sorted(plan.types[free[0]]):
            self._spend()
            yield from self._completed(plan, free[1:], {**terms, free[0]: value})

    def _allowed(self, plan: JoinPlan, terms: Terms) -> bool:
        if any(self._facts.is_constant(put_in(atom, terms)) for atom in plan.never):
            return False
        return all(terms.get(p.left, p.left) != terms.get(p.right, p.right) for p in plan.unequal)

    def _of_type(self, type_name: str) -> frozenset[str]:
        found = self._by_type.get(type_name)
        if found is None:
            is_a = self._domain.is_a
            found = frozenset(name for name, kind in self._objects.items() if is_a(kind, type_name))
            self._by_type[type_name] = found
        return found

    def _spend(self) -> None:
        self._budget -= 1
        if self._budget < 0:
            raise BrokenGameError("the game has too many operators")


def _variables(atom: Atom | None) -> set[str]:
    return set() if atom is None else {term for term in atom.terms if term[0] == "?"}


def _unified(
    atom: Atom, fact: Fact, terms: Terms, types: Mapping[str, frozenset[str]]
) -> dict[str, str] | None:
    """Extend the terms so that the atom is the fact; None where it cannot be."""
    if atom.predicate != fact[0] or len(atom.terms) != len(fact) - 1:
        return None
    unified = dict(terms)
    for term, value in zip(atom.terms, fact[1:], strict=True):
        if term[0] != "?":
            if term != value:
                return None
        elif term in unified:
            if unified[term] != value:
                return None
        elif value in types[term]:
            unified[term] = value
        else:
            return None
    return unified
