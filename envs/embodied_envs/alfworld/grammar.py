"""The grammar of a game: the texts that its actions answer with.

A grammar file (`.twl2`) holds, for each action, a command template and the rule of its answer, and
production rules whose conditions are queries over the facts. This module reads it into symbols;
`narrator` makes texts of them. As in TextWorld, a text ends at a sign that stands for nothing
(`;`, `|`, `<`, `>`, `]` or `}`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from embodied_envs.alfworld.domain import BrokenGameError, UnsupportedGameError
from embodied_envs.alfworld.expressions import (
    Expression,
    UnsupportedExpressionError,
    compile_expression,
    names_in,
)

MAX_LITERALS = 50
"""How many parts a query may have. ALFWorld's have up to four."""


class Placeholder(NamedTuple):
    """A variable of a query, such as `r:receptacle`."""

    name: str
    type: str


class Literal(NamedTuple):
    """One part of a query: facts of a predicate. Explicitly false facts are called `not_…`."""

    predicate: str
    arguments: tuple[Placeholder, ...]


Query = tuple[Literal, ...]


@dataclass(frozen=True)
class Text:
    """Words."""

    words: str


@dataclass(frozen=True)
class Rule:
    """The text of a rule, by its name."""

    name: str


@dataclass(frozen=True)
class Value:
    """The value of an expression."""

    expression: Expression
    names: frozenset[str]
    """The variables that it uses."""


@dataclass(frozen=True)
class ForEach:
    """A text for each answer to a query, one after the other; without a query, once."""

    symbol: Rule | Value
    query: Query


@dataclass(frozen=True)
class Listing:
    """As `ForEach`, with the grammar's separators between the texts."""

    each: ForEach


Symbol = Text | Rule | ForEach | Listing


@dataclass(frozen=True, eq=False)
class Production:
    """A rule's text, where its condition has an answer. The first one that applies counts.

    Equal only to itself; grammars with the same production share it.
    """

    condition: Query
    symbols: tuple[Symbol, ...]


@dataclass(frozen=True, eq=False)
class ActionTexts:
    """How an action is said and answered. Equal only to itself, and shared like `Production`."""

    template: str
    """The command's form as the file has it."""
    command: tuple[Symbol, ...]
    answer: tuple[Symbol, ...]


@dataclass(frozen=True)
class Grammar:
    """The texts of a game."""

    actions: Mapping[str, ActionTexts]
    """By the action's name in lower case."""
    rules: Mapping[str, tuple[Production, ...]]

    def literals(self) -> Iterator[Literal]:
        """Yield all literals of all queries of the rules."""
        for productions in self.rules.values():
            for production in productions:
                yield from production.condition
                for symbol in production.symbols:
                    yield from literals_of(symbol)


def literals_of(symbol: Symbol) -> Query:
    """Read the literals of a symbol's own query."""
    match symbol:
        case ForEach(query=query) | Listing(each=ForEach(query=query)):
            return query
        case _:
            return ()


_COMMENT = re.compile(r"#.*")
_BLOCK = re.compile(r'grammar\s*::\s*"""(.*?)"""\s*;', re.DOTALL)
_ACTION = re.compile(r'action\s+([\w/-]+)\s*\{((?:[^{}"]|"""(?:.|\n)*?"""|"[^"]*")*)\}')
_FIELD = re.compile(r'(template|feedback)\s*::\s*"([^"]*)"\s*;')


@lru_cache(maxsize=16)
def read_grammar(text: str) -> Grammar:
    """Read a grammar file; grammars share the rules in which they agree.

    Raises:
        UnsupportedGameError: it is malformed, or uses what the engine does not play.
    """
    actions: dict[str, ActionTexts] = {}
    rules: dict[str, tuple[Production, ...]] = {}
    rest = text
    for match in _ACTION.finditer(text):
        name, body = match.groups()
        fields = dict(_FIELD.findall(body))
        if fields.keys() != {"template", "feedback"}:
            raise UnsupportedGameError(f"the grammar's action {name} lacks template or feedback")
        actions[name.lower()] = _action_texts(fields["template"], fields["feedback"])
        for block in _BLOCK.findall(body):
            rules |= _rules("\n".join(_uncommented(block)))
        rest = rest.replace(match.group(0), "")
    for block in _BLOCK.findall(rest):
        rules |= _rules(block)
    if _COMMENT.sub("", _BLOCK.sub("", rest)).strip():
        raise UnsupportedGameError("the grammar file holds more than actions and grammars")
    return Grammar(actions, rules)


def _uncommented(block: str) -> Iterator[str]:
    return (line for line in block.split("\n") if not line.lstrip().startswith("#"))


def _rules(block: str) -> dict[str, tuple[Production, ...]]:
    try:
        found = json.loads(block)
        return {
            name: tuple(_production(rule["rhs"], rule.get("condition", "")) for rule in rules)
            for name, rules in found.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, UnsupportedGameError | BrokenGameError):
            raise
        raise UnsupportedGameError(f"a grammar block is malformed: {error!r:.80}") from None


@lru_cache(maxsize=1024)
def _action_texts(template: str, feedback: str) -> ActionTexts:
    return ActionTexts(template, tuple(read_symbols(template)), tuple(read_symbols(feedback)))


@lru_cache(maxsize=4096)
def _production(text: str, condition: str) -> Production:
    return Production(read_query(condition), tuple(read_symbols(text)))


_SYMBOL = re.compile(
    r"""\#(?P<rule>[\w()/!<>\-\s,.]+)\#
      | \[\{(?P<listed>[^{}\[\]]+)\}\]
      | \{(?P<inline>[^{}\[\]]+)\}
      | (?P<text>[^;|"<>\[\]\#{}\t]+)""",
    re.VERBOSE,
)


_ENDS_TEXT = frozenset(";|<>]}")


def read_symbols(text: str) -> Iterator[Symbol]:
    """Read the symbols of a production. White space before the first is not part of it.

    Raises:
        UnsupportedGameError: the text has quotes, tabs, comments or unfinished symbols.
    """
    text = text.lstrip()
    if text.startswith("//"):
        raise UnsupportedGameError(f"the text {text!r:.40} begins as a comment")
    position = 0
    while position < len(text):
        match = _SYMBOL.match(text, position)
        if match is None and text[position] in _ENDS_TEXT:
            return
        if match is None:
            raise UnsupportedGameError(f"the text {text!r:.80} cannot be read at {position}")
        position = match.end()
        yield _symbol(match)


def _symbol(match: re.Match[str]) -> Symbol:
    if match["text"] is not None:
        return Text(match["text"].replace("\\n", "\n"))
    if match["rule"] is not None:
        return Rule(match["rule"])
    if match["listed"] is not None:
        return Listing(_for_each(match["listed"]))
    return _for_each(match["inline"])


def _for_each(text: str) -> ForEach:
    what, separator, query = text.partition("|")
    if separator and not query.strip():
        raise UnsupportedGameError(f"{{{text}}} has an empty query")
    rule = re.fullmatch(r"#([\w()/!<>\-\s,.]+)#\s*", what.strip())
    if rule:
        return ForEach(Rule(rule.group(1)), read_query(query))
    try:
        value = Value(compile_expression(what), names_in(what))
        return ForEach(value, read_query(query))
    except UnsupportedExpressionError as error:
        raise UnsupportedGameError(str(error)) from None


_LITERAL = re.compile(r"\s*([\w-]+)\(([^()]*)\)\s*")


def read_query(text: str) -> Query:
    """Read the literals of a query such as `openable(r:receptacle) & opened(r:receptacle)`.

    Raises:
        UnsupportedGameError: it is not of that form.
        BrokenGameError: it has more than `MAX_LITERALS` parts.
    """
    if not text.strip():
        return ()
    parts = text.split("&")
    if len(parts) > MAX_LITERALS:
        raise BrokenGameError("a query of the grammar is too long")
    return tuple(_literal(part) for part in parts)


def _literal(text: str) -> Literal:
    match = _LITERAL.fullmatch(text)
    if match is None:
        raise UnsupportedGameError(f"the query {text!r:.60} cannot be read")
    arguments = []
    for part in filter(None, (part.strip() for part in match.group(2).split(","))):
        name, _, type_name = part.partition(":")
        arguments.append(Placeholder(name.strip(), (type_name or name).strip()))
    return Literal(match.group(1), tuple(arguments))
