"""Grounds conditions: rewrites them to clauses of facts, for the objects that there are.

That is exponential in the number of variables by nature, so it works on a budget.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from embodied_envs.alfworld.pddl.conditions import (
    And,
    Atom,
    Condition,
    Equals,
    Exists,
    Forall,
    Not,
    Or,
    Variable,
)
from embodied_envs.alfworld.pddl.problem import Fact

MAX_GROUNDING = 1_000_000
"""How many bindings, tests and clauses grounding one condition may cost (a second or two)."""


class GroundingLimitError(ValueError):
    """A condition has too many ground instances to go through (see `MAX_GROUNDING`)."""


class Clause(NamedTuple):
    """One way to make a condition true: facts that must be true, and facts that must be false."""

    wanted: frozenset[Fact] = frozenset()
    unwanted: frozenset[Fact] = frozenset()

    def holds_in(self, facts: Collection[Fact]) -> bool:
        """Return whether this clause is true in the state of these facts (a set, for speed)."""
        return all(fact in facts for fact in self.wanted) and not any(
            fact in facts for fact in self.unwanted
        )


ALWAYS = Clause()
"""The clause that is true in every state."""


def is_satisfied(
    condition: Condition,
    facts: Collection[Fact],
    objects_by_type: Mapping[str, Collection[str]],
) -> bool:
    """Return whether a condition without free variables is true in the state of `facts` (a set).

    A type that `objects_by_type` lacks has no objects. Raises `GroundingLimitError`.
    """
    return bool(ground(condition, facts, objects_by_type, lambda fact: False))


def ground(
    condition: Condition,
    facts: Collection[Fact],
    objects_by_type: Mapping[str, Collection[str]],
    may_change: Callable[[Fact], bool],
) -> list[Clause]:
    """List the clauses of which one must be true for the condition to be, now or in a later state.

    Facts for which `may_change` is false keep the truth that they have in `facts` and appear in no
    clause. So the result is ``[]`` for a condition that can never be true and ``[ALWAYS]`` for one
    that always is. No clause is listed twice; the order follows the condition and
    `objects_by_type`.

    Raises `GroundingLimitError` beyond `MAX_GROUNDING`.
    """
    return _Grounder(facts, objects_by_type, may_change).clauses(condition, {}, True)


_Binding: TypeAlias = Mapping[str, str]


class _Grounder:
    """Rewrites conditions to clauses, working off one budget."""

    def __init__(
        self,
        facts: Collection[Fact],
        objects_by_type: Mapping[str, Collection[str]],
        may_change: Callable[[Fact], bool],
    ) -> None:
        self._facts = facts
        self._objects = objects_by_type
        self._may_change = may_change
        self._budget = MAX_GROUNDING

    def clauses(self, condition: Condition, binding: _Binding, positive: bool) -> list[Clause]:
        """Ground the condition, or its negation."""
        self._spend(1)
        match condition:
            case Atom(predicate, terms):
                return self._atom(_bound(predicate, terms, binding), positive)
            case Equals(left, right):
                same = binding.get(left, left) == binding.get(right, right)
                return [ALWAYS] if same == positive else []
            case Not(part):
                return self.clauses(part, binding, not positive)
            case And(parts) | Or(parts):
                alternatives = (self.clauses(part, binding, positive) for part in parts)
                conjunctive = isinstance(condition, And) == positive
            case Exists(variables, part) | Forall(variables, part):
                conjunctive = isinstance(condition, Forall) == positive
                helpful = _necessary(part) if positive and not conjunctive else ()
                bindings = self._bindings(variables, helpful, binding)
                alternatives = (self.clauses(part, each, positive) for each in bindings)
        return self._all(alternatives) if conjunctive else self._any(alternatives)

    def _atom(self, fact: Fact, positive: bool) -> list[Clause]:
        if self._may_change(fact):
            single = frozenset((fact,))
            return [Clause(wanted=single) if positive else Clause(unwanted=single)]
        return [ALWAYS] if (fact in self._facts) == positive else []

    def _any(self, alternatives: Iterator[list[Clause]]) -> list[Clause]:
        found: dict[Clause, None] = {}
        for clauses in alternatives:
            if ALWAYS in clauses:
                return [ALWAYS]
            self._spend(len(clauses))
            found.update(dict.fromkeys(clauses))
        return list(found)

    def _all(self, alternatives: Iterator[list[Clause]]) -> list[Clause]:
        found = [ALWAYS]
        for clauses in alternatives:
            self._spend(len(found) * len(clauses))
            found = list(dict.fromkeys(_joined(a, b) for a in found for b in clauses))
            found = [clause for clause in found if not clause.wanted & clause.unwanted]
            if not found:
                break
        return found

    def _bindings(
        self, variables: tuple[Variable, ...], helpful: Collection[Atom], binding: _Binding
    ) -> Iterator[_Binding]:
        """Yield all ways to bind the variables, but for those that make a helpful atom false."""
        if not variables:
            yield binding
            return
        name, type_name = variables[0]
        still_free = {variable.name for variable in variables[1:]}
        self._spend(len(helpful))
        testable = [a for a in helpful if name in a.terms and still_free.isdisjoint(a.terms)]
        for candidate in self._objects.get(type_name, ()):
            self._spend(1 + len(testable))
            extended = {**binding, name: candidate}
            if all(self._possible(_bound(a.predicate, a.terms, extended)) for a in testable):
                yield from self._bindings(variables[1:], helpful, extended)

    def _possible(self, fact: Fact) -> bool:
        return fact in self._facts or self._may_change(fact)

    def _spend(self, amount: int) -> None:
        self._budget -= amount
        if self._budget < 0:
            raise GroundingLimitError(
                f"the condition has more than {MAX_GROUNDING} ground instances; "
                "use fewer variables or objects"
            )


def _joined(first: Clause, second: Clause) -> Clause:
    return Clause(first.wanted | second.wanted, first.unwanted | second.unwanted)


def _bound(predicate: str, terms: tuple[str, ...], binding: _Binding) -> Fact:
    return (predicate, *(binding.get(term, term) for term in terms))


def _necessary(condition: Condition) -> list[Atom]:
    """Return atoms over the condition's free variables that are true whenever the condition is."""
    match condition:
        case Atom():
            return [condition]
        case And(parts):
            return [atom for part in parts for atom in _necessary(part)]
        case Exists(variables, part):
            inner = {variable.name for variable in variables}
            return [atom for atom in _necessary(part) if inner.isdisjoint(atom.terms)]
        case _:
            return []
