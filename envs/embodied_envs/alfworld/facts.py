"""The facts of a game: which there can be, and quick ways to find them.

A state is a set of numbers, one for each fact that can change. Facts that never change are kept
once for all states.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Container, Iterable, Sequence
from threading import Lock
from typing import TypeAlias

from embodied_envs.alfworld.pddl.problem import Fact

State: TypeAlias = frozenset[int]
"""The numbers of the changeable facts that are true."""

_Row = tuple[Fact, int]


class FactTable:
    """The facts of one game. It grows as new facts come up, and may be used from many threads."""

    ALWAYS = -1
    """The number of facts that never change."""

    def __init__(self, facts: Iterable[Fact], fluents: Container[str]) -> None:
        """Give facts numbers; `fluents` are the predicates of those that can change."""
        self._fluents = fluents
        self._numbers: dict[Fact, int] = {}
        self._facts: list[Fact] = []
        self._rows: dict[str, list[_Row]] = {}
        self._indexes: dict[tuple[str, int], dict[str, list[_Row]]] = {}
        self._lock = Lock()
        for fact in sorted(set(facts)):
            number = self.ALWAYS
            if self.can_change(fact[0]):
                number = len(self._facts)
                self._facts.append(fact)
            self._numbers[fact] = number
            self._rows.setdefault(fact[0], []).append((fact, number))
        self.initial: State = frozenset(range(len(self._facts)))

    def can_change(self, predicate: str) -> bool:
        """Return whether facts of a predicate can change; `not_x` does where `x` does."""
        return predicate in self._fluents or predicate.removeprefix("not_") in self._fluents

    def number(self, fact: Fact) -> int:
        """Return the number of a fact that can change; a new one for a new fact."""
        found = self._numbers.get(fact)
        if found is not None:
            return found
        with self._lock:
            found = self._numbers.get(fact)
            if found is None:
                found = len(self._facts)
                self._facts.append(fact)
                self._insert(fact, found)
                self._numbers[fact] = found
            return found

    def fact(self, number: int) -> Fact:
        """Return the fact of a number."""
        return self._facts[number]

    def holds(self, fact: Fact, state: State) -> bool:
        """Return whether a fact is true in a state."""
        number = self._numbers.get(fact)
        return number is not None and (number < 0 or number in state)

    def is_constant(self, fact: Fact) -> bool:
        """Return whether a fact is true in every state."""
        return self._numbers.get(fact) == self.ALWAYS

    def matching(self, predicate: str, arguments: Sequence[str | None]) -> list[_Row]:
        """List facts that may match a pattern (None: any), with their numbers, sorted by arguments.

        They agree with the first given argument; the others are not looked at.
        """
        for position, value in enumerate(arguments):
            if value is not None:
                index = self._indexes.get((predicate, position))
                if index is None:
                    index = self._make_index(predicate, position)
                return index.get(value, [])
        return self._rows.get(predicate, [])

    def _make_index(self, predicate: str, position: int) -> dict[str, list[_Row]]:
        with self._lock:
            index: dict[str, list[_Row]] = {}
            for row in self._rows.get(predicate, ()):
                if position + 1 < len(row[0]):
                    index.setdefault(row[0][position + 1], []).append(row)
            self._indexes[predicate, position] = index
            return index

    def _insert(self, fact: Fact, number: int) -> None:
        """Index a new fact; the old lists are left to those who are reading them."""
        row = fact, number
        predicate = fact[0]
        self._rows[predicate] = _with_row(self._rows.get(predicate, []), row)
        for position, value in enumerate(fact[1:]):
            index = self._indexes.get((predicate, position))
            if index is not None:
                index[value] = _with_row(index.get(value, []), row)


def _with_row(rows: list[_Row], row: _Row) -> list[_Row]:
    rows = list(rows)
    insort(rows, row)
    return rows
