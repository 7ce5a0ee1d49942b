"""The operators of a game: its actions with all their parameters, found as they become possible.

Operators are grounded when a fact that they need comes true for the first time, so that opening a
game costs little and playing it costs less and less.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import RLock
from typing import TypeAlias

from embodied_envs.alfworld.domain import (
    ActionSchema,
    BrokenGameError,
    Domain,
    Effect,
    LiftedClause,
)
from embodied_envs.alfworld.facts import FactTable, State
from embodied_envs.alfworld.grammar import Placeholder, Symbol
from embodied_envs.alfworld.grounding import Grounder, JoinPlan, Terms, put_in
from embodied_envs.alfworld.narrator import Narrator
from embodied_envs.alfworld.pddl.conditions import Atom
from embodied_envs.alfworld.pddl.problem import Fact

MAX_OPERATORS = 100_000
"""How many operators a game may have. ALFWorld's have some 10,000."""


@dataclass(frozen=True, slots=True)
class Need:
    """Changeable facts that must hold, and some that must not, by number."""

    wanted: frozenset[int]
    unwanted: frozenset[int]

    def met(self, state: State) -> bool:
        """Return whether a state meets it."""
        return self.wanted <= state and self.unwanted.isdisjoint(state)


def need_of(
    clause_wanted: Iterable[Atom], clause_unwanted: Iterable[Atom], terms: Terms, facts: FactTable
) -> Need | None:
    """Return the changeable part of a condition; None where its constant part is false."""
    numbers: tuple[set[int], set[int]] = (set(), set())
    parts = ((clause_wanted, numbers[0], True), (clause_unwanted, numbers[1], False))
    for atoms, found, truth in parts:
        for atom in atoms:
            fact = put_in(atom, terms)
            if facts.can_change(atom.predicate):
                found.add(facts.number(fact))
            elif facts.is_constant(fact) is not truth:
                return None
    return Need(frozenset(numbers[0]), frozenset(numbers[1]))


@dataclass(frozen=True, slots=True)
class Change:
    """Facts that come true and facts that cease to be."""

    when: tuple[Need, ...]
    """It happens where one of these is met."""
    adds: frozenset[int]
    deletes: frozenset[int]


@dataclass(frozen=True, slots=True)
class Operator:
    """An action with all its parameters."""

    command: str
    answer: tuple[Symbol, ...]
    binding: Mapping[Placeholder, str]
    changes: tuple[Change, ...]

    def apply(self, state: State) -> State:
        """Return the state after it; the same object where nothing changes."""
        happening = [c for c in self.changes if any(need.met(state) for need in c.when)]
        if all(c.adds <= state and c.deletes.isdisjoint(state) for c in happening):
            return state
        changed = set(state)
        for change in happening:
            changed -= change.deletes
        for change in happening:
            changed |= change.adds
        return frozenset(changed)


Option: TypeAlias = tuple[Need, Operator]
"""An operator and one way in which it is possible."""


class OperatorTable:
    """The operators that the facts so far make possible. May be used from many threads."""

    def __init__(self, domain: Domain, grounder: Grounder, narrator: Narrator) -> None:
        self._grounder = grounder
        self._narrator = narrator
        self._facts = narrator.facts
        self._lock = RLock()
        self._operators: dict[tuple[str, ...], Operator] = {}
        self._told_negations = {
            literal.predicate
            for literal in narrator.grammar.literals()
            if literal.predicate.startswith("not_")
        }
        self._by_command: dict[str, list[Option]] = {}
        self._by_fact: dict[int, tuple[Option, ...]] = {}
        self._keyed: dict[str | None, list[tuple[ActionSchema, LiftedClause, JoinPlan]]] = {}
        for schema in domain.actions.values():
            for clause in schema.clauses:
                plan = grounder.plan(clause)
                predicate = plan.key.predicate if plan.key else None
                self._keyed.setdefault(predicate, []).append((schema, clause, plan))
        self._always = tuple(self._ground(None, None))
        self.enable(self._facts.initial)

    def enable(self, numbers: Iterable[int]) -> None:
        """Ground the operators that facts make possible; needed when a fact comes true.

        Raises:
            BrokenGameError: there are too many.
        """
        for number in numbers:
            if number not in self._by_fact:
                with self._lock:
                    if number not in self._by_fact:
                        fact = self._facts.fact(number)
                        self._by_fact[number] = tuple(self._ground(fact[0], fact))

    def named(self, command: str) -> Sequence[Option]:
        """List the options that a command stands for, possible now or not."""
        return self._by_command.get(command, ())

    def possible(self, state: State) -> Iterator[Operator]:
        """Yield the operators possible in a state whose facts were enabled; some repeatedly."""
        by_fact = self._by_fact
        for options in (self._always, *[by_fact[number] for number in state]):
            for need, operator in options:
                if need.wanted <= state and need.unwanted.isdisjoint(state):
                    yield operator

    def _ground(self, predicate: str | None, fact: Fact | None) -> Iterator[Option]:
        """Ground the options that a fact keys; also make their commands known."""
        for schema, clause, plan in self._keyed.get(predicate, ()):
            for terms in self._grounder.groundings(plan, fact):
                operator = self._operator(schema, terms)
                need = need_of(clause.wanted, clause.unwanted, terms, self._facts)
                if need is not None and _has_effect(need, operator):
                    option = need, operator
                    self._by_command.setdefault(operator.command, []).append(option)
                    yield option

    def _operator(self, schema: ActionSchema, terms: Terms) -> Operator:
        values = tuple(terms[variable.name] for variable in schema.parameters)
        found = self._operators.get((schema.name, *values))
        if found is None:
            if len(self._operators) >= MAX_OPERATORS:
                raise BrokenGameError(f"the game has more than {MAX_OPERATORS:,} operators")
            texts = self._narrator.grammar.actions[schema.name]
            binding = dict(zip(_placeholders(schema), values, strict=True))
            found = Operator(
                self._narrator.text(texts.command, binding, self._facts.initial),
                texts.answer,
                binding,
                tuple(self._changes(schema.effects, terms)),
            )
            self._operators[schema.name, *values] = found
        return found

    def _changes(self, effects: Iterable[Effect], terms: Terms) -> Iterator[Change]:
        for effect in effects:
            whens = [need_of(c.wanted, c.unwanted, terms, self._facts) for c in effect.when]
            when = tuple(need for need in whens if need is not None)
            adds = {put_in(atom, terms) for atom in effect.adds}
            deletes = {put_in(atom, terms) for atom in effect.deletes} - adds
            if when and (adds or deletes):
                no_longer, no_more = self._negations(deletes), self._negations(adds)
                yield Change(
                    when, self._numbers(adds | no_longer), self._numbers(deletes | no_more)
                )

    def _negations(self, facts: Iterable[Fact]) -> set[Fact]:
        """Return the explicit negations of facts, as far as the grammar asks for them."""
        negations = {(f"not_{predicate}", *values) for predicate, *values in facts}
        return {fact for fact in negations if fact[0] in self._told_negations}

    def _numbers(self, facts: Iterable[Fact]) -> frozenset[int]:
        return frozenset(self._facts.number(fact) for fact in facts)


@lru_cache(maxsize=1024)
def _placeholders(schema: ActionSchema) -> tuple[Placeholder, ...]:
    """Name the parameters of an action as the grammar does."""
    return tuple(Placeholder(v.name.removeprefix("?"), v.type) for v in schema.parameters)


def _has_effect(need: Need, operator: Operator) -> bool:
    """Return whether an operator changes anything: TextWorld's planner drops those that cannot."""
    nothing = Need(frozenset(), frozenset())
    return any(
        change.when != (nothing,)
        or not change.adds <= need.wanted
        or not change.deletes <= need.unwanted
        for change in operator.changes
    )
