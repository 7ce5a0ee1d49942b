"""The goal test of a game, and how near a state is to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from embodied_envs.alfworld.domain import LiftedClause
from embodied_envs.alfworld.facts import FactTable, State
from embodied_envs.alfworld.grounding import Grounder
from embodied_envs.alfworld.operators import Need, need_of


class Goal:
    """The needs of which one must be met."""

    def __init__(
        self, clauses: Sequence[LiftedClause], grounder: Grounder, facts: FactTable
    ) -> None:
        self._facts = facts
        self._needs = tuple(dict.fromkeys(_needs(clauses, grounder, facts)))
        self._numbers = frozenset(
            number for need in self._needs for number in need.wanted | need.unwanted
        )

    def is_met(self, state: State) -> bool:
        """Test whether a state meets the goal."""
        return any(need.met(state) for need in self._needs)

    def concerns(self, numbers: State) -> bool:
        """Return whether a change of these facts can change the test."""
        return not self._numbers.isdisjoint(numbers)

    def progress(self, state: State, names: Mapping[str, str]) -> dict[str, bool]:
        """Say which conditions hold of the way to the goal that has the fewest unmet ones.

        A condition is written with the names that the game shows, such as
        `inreceptacle(mug 1, desk 1)` or `not opened(fridge 1)`. Those that no action can change
        are left out. Empty where the goal cannot be met at all.
        """
        if not self._needs:
            return {}
        nearest = min(self._needs, key=lambda need: len(_unmet(need, state)))
        wanted = {self._said(n, names): n in state for n in nearest.wanted}
        unwanted = {f"not {self._said(n, names)}": n not in state for n in nearest.unwanted}
        return dict(sorted((wanted | unwanted).items()))

    def _said(self, number: int, names: Mapping[str, str]) -> str:
        predicate, *objects = self._facts.fact(number)
        return f"{predicate}({', '.join(names.get(id_, id_).strip() for id_ in objects)})"


def _unmet(need: Need, state: State) -> State:
    return (need.wanted - state) | (need.unwanted & state)


def _needs(clauses: Sequence[LiftedClause], grounder: Grounder, facts: FactTable) -> Iterator[Need]:
    for clause in clauses:
        for terms in grounder.groundings(grounder.plan(clause, keyed=False), None):
            need = need_of(clause.wanted, clause.unwanted, terms, facts)
            if need is not None:
                yield need
