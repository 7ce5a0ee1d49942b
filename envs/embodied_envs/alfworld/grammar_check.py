"""Finds out, before a game is played, whether its grammar can always answer.

Playing then needs no checks: every rule exists and has a production for every case, none calls
itself, and every expression knows its variables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from embodied_envs.alfworld.domain import (
    ActionSchema,
    BrokenGameError,
    Domain,
    UnsupportedGameError,
)
from embodied_envs.alfworld.grammar import (
    ActionTexts,
    ForEach,
    Grammar,
    Listing,
    Production,
    Rule,
    Symbol,
    Text,
    Value,
    literals_of,
)

INTRO = "intro"
"""The rule of a game's first text."""

MAX_DEPTH = 50
"""How many rules may lead to one another."""

MAX_CHECKS = 10_000

_LISTING_RULES = ("list_empty", "list_separator", "list_last_separator")

_Names = frozenset[str]


def check_grammar(grammar: Grammar, domain: Domain) -> None:
    """Check what can be said in the course of a game.

    Raises:
        UnsupportedGameError: it says too little, or the text of a command depends on the state.
        BrokenGameError: a rule calls itself.
    """
    telling = ((name, rule) for name, rule in grammar.rules.items() if not _is_plain(rule))
    plain = frozenset(name for name, rule in grammar.rules.items() if _is_plain(rule))
    _check(frozenset(telling), plain, tuple(grammar.actions.items()), domain)


def _is_plain(rule: tuple[Production, ...]) -> bool:
    """Return whether a rule is nothing but words, as the sentence of the task is."""
    return len(rule) == 1 and not rule[0].condition and _all_words(rule[0].symbols)


def _all_words(symbols: Iterable[Symbol]) -> bool:
    return all(isinstance(symbol, Text) for symbol in symbols)


@lru_cache(maxsize=64)
def _check(
    rules: frozenset[tuple[str, tuple[Production, ...]]],
    plain: frozenset[str],
    actions: tuple[tuple[str, ActionTexts], ...],
    domain: Domain,
) -> None:
    """Do the work of `check_grammar`, once for all games that differ in words only."""
    checker = _Checker({**dict.fromkeys(plain, ()), **dict(rules)}, plain)
    checker.check_rule(INTRO, frozenset(), ())
    if not plain.issuperset(_LISTING_RULES):
        raise UnsupportedGameError("the grammar's lists have no plain separators")
    texts = dict(actions)
    for schema in domain.actions.values():
        if schema.name not in texts:
            raise UnsupportedGameError(f"the grammar has no action {schema.name}")
        _check_command(schema, texts[schema.name], domain)
        names = frozenset(variable.name.removeprefix("?") for variable in schema.parameters)
        checker.check(texts[schema.name].command, names, ())
        checker.check(texts[schema.name].answer, names, ())


def _check_command(schema: ActionSchema, texts: ActionTexts, domain: Domain) -> None:
    for symbol in texts.command:
        inner = symbol.each if isinstance(symbol, Listing) else symbol
        if isinstance(inner, Rule) or (
            isinstance(inner, ForEach) and isinstance(inner.symbol, Rule)
        ):
            raise UnsupportedGameError(f"the command of {schema.name} uses a rule")
        for literal in literals_of(symbol):
            if literal.predicate.removeprefix("not_") in domain.fluents:
                raise UnsupportedGameError(f"the command of {schema.name} depends on the state")


@dataclass
class _Checker:
    """Walks through all that rules can lead to; `callers` are the rules on the way."""

    rules: Mapping[str, tuple[Production, ...]]
    plain: frozenset[str]
    done: set[tuple[str, _Names]] = field(default_factory=set)

    def check_rule(self, name: str, names: _Names, callers: tuple[str, ...]) -> None:
        """Check a rule that may use the variables `names`."""
        if name in callers or len(callers) > MAX_DEPTH or len(self.done) > MAX_CHECKS:
            raise BrokenGameError(f"the grammar's rule {name!r:.60} calls itself, or too many")
        if name in self.plain or (name, names) in self.done:
            return
        productions = self.rules.get(name, ())
        if not productions or productions[-1].condition:
            raise UnsupportedGameError(f"the grammar's rule {name!r:.60} does not answer all cases")
        for production in productions:
            self.check(production.symbols, names, (*callers, name))
        self.done.add((name, names))

    def check(self, symbols: Iterable[Symbol], names: _Names, callers: tuple[str, ...]) -> None:
        """Check symbols that may use the variables `names`."""
        for symbol in symbols:
            match symbol:
                case Rule(name):
                    self.check_rule(name, names, callers)
                case ForEach():
                    self._check_each(symbol, names, callers)
                case Listing(each):
                    self._check_each(each, names, callers)

    def _check_each(self, each: ForEach, names: _Names, callers: tuple[str, ...]) -> None:
        told = (argument.name for literal in each.query for argument in literal.arguments)
        names = names.union(told)
        match each.symbol:
            case Rule(name):
                self.check_rule(name, names, callers)
            case Value(names=used) if not used <= names:
                unknown = sorted(used - names)[0]
                raise UnsupportedGameError(f"the grammar uses {unknown!r:.60} where nobody says it")
