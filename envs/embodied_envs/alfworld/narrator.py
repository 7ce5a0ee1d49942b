"""Makes the texts of a game from its grammar and the facts of a state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from embodied_envs.alfworld.domain import BrokenGameError, Domain
from embodied_envs.alfworld.facts import FactTable, State
from embodied_envs.alfworld.grammar import (
    ForEach,
    Grammar,
    Listing,
    Literal,
    Placeholder,
    Query,
    Rule,
    Symbol,
    Text,
    Value,
)

MAX_WORK = 200_000
"""How many symbols and facts one text may take; ALFWorld's take a few hundred."""

Binding: TypeAlias = Mapping[Placeholder, str]
"""What placeholders stand for: ids of objects."""


@dataclass(frozen=True, slots=True)
class Entity:
    """An object of a game as the expressions of its grammar see it."""

    id: str
    name: str
    type: str
    definite: str = "the"
    indefinite: str = "a"

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Narrator:
    """Tells what a grammar says of a game's states."""

    grammar: Grammar
    domain: Domain
    facts: FactTable
    entities: Mapping[str, Entity]

    def text(self, symbols: Iterable[Symbol], binding: Binding, state: State) -> str:
        """Write the text of symbols where placeholders stand for what `binding` says.

        Raises:
            BrokenGameError: the text has no end, or names an object that the game gives no name.
        """
        parts: list[str] = []
        _Telling(self, state).tell(symbols, binding, parts)
        return "".join(parts)


class _Telling:
    """The making of one text."""

    __slots__ = ("_entities", "_facts", "_is_a", "_rules", "_state", "_work")

    def __init__(self, narrator: Narrator, state: State) -> None:
        self._rules = narrator.grammar.rules
        self._is_a = narrator.domain.is_a
        self._facts = narrator.facts
        self._entities = narrator.entities
        self._state = state
        self._work = MAX_WORK

    def tell(self, symbols: Iterable[Symbol], binding: Binding, parts: list[str]) -> None:
        """Add the text of symbols to `parts`."""
        for symbol in symbols:
            self._spend()
            if isinstance(symbol, Text):
                parts.append(symbol.words)
            elif isinstance(symbol, Rule):
                self._rule(symbol.name, binding, parts)
            elif isinstance(symbol, ForEach):
                parts.extend(self._each(symbol, binding))
            else:
                self._listing(symbol, binding, parts)

    def _rule(self, name: str, binding: Binding, parts: list[str]) -> None:
        for production in self._rules[name]:
            condition = production.condition
            if not condition or any(True for _ in self._answers(condition, binding)):
                self.tell(production.symbols, binding, parts)
                return

    def _each(self, each: ForEach, binding: Binding) -> Iterator[str]:
        for answer in self._answers(each.query, binding):
            if isinstance(each.symbol, Rule):
                parts: list[str] = []
                self._rule(each.symbol.name, answer, parts)
                yield "".join(parts)
            else:
                yield self._value(each.symbol, answer)

    def _value(self, value: Value, binding: Binding) -> str:
        entities = {}
        for placeholder, id_ in binding.items():
            if placeholder.name in value.names:
                entities[placeholder.name] = self._entity(id_)
        return str(value.expression(entities))

    def _entity(self, id_: str) -> Entity:
        entity = self._entities.get(id_)
        if entity is None:
            raise BrokenGameError(f"the object {id_:.60} has no name: no first fact mentions it")
        return entity

    def _listing(self, listing: Listing, binding: Binding, parts: list[str]) -> None:
        items = list(self._each(listing.each, binding))
        if not items:
            self._rule("list_empty", binding, parts)
            return
        parts.append(items[0])
        for item in items[1:-1]:
            self._rule("list_separator", binding, parts)
            parts.append(item)
        if len(items) > 1:
            self._rule("list_last_separator", binding, parts)
            parts.append(items[-1])

    def _answers(self, query: Query, binding: Binding, index: int = 0) -> Iterator[Binding]:
        """Find all answers to a query, in TextWorld's order: sorted facts, literal by literal.

        New placeholders stand for objects that no other placeholder stands for. An empty query has
        one answer.
        """
        if index == len(query):
            yield binding
            return
        self._spend()
        literal = query[index]
        pattern = [binding.get(argument) for argument in literal.arguments]
        if None not in pattern:
            fact = (literal.predicate, *pattern)
            if self._facts.holds(fact, self._state):  # type: ignore[arg-type]
                yield from self._answers(query, binding, index + 1)
            return
        state = self._state
        for found, number in self._facts.matching(literal.predicate, pattern):
            self._spend()
            if number < 0 or number in state:
                new = self._new_values(literal, found, binding)
                if new is not None:
                    yield from self._answers(query, {**binding, **new}, index + 1)

    def _new_values(
        self, literal: Literal, fact: tuple[str, ...], binding: Binding
    ) -> Binding | None:
        """Match a literal's new placeholders with a fact; None where it does not match."""
        if len(literal.arguments) != len(fact) - 1:
            return None
        new: dict[Placeholder, str] = {}
        for placeholder, value in zip(literal.arguments, fact[1:], strict=True):
            known = binding.get(placeholder, new.get(placeholder))
            if known is None:
                if value in binding.values() or value in new.values():
                    return None
                if not self._is_a(self._entity(value).type, placeholder.type):
                    return None
                new[placeholder] = value
            elif known != value:
                return None
        return new

    def _spend(self) -> None:
        self._work -= 1
        if self._work < 0:
            raise BrokenGameError("a text takes too long to make")
