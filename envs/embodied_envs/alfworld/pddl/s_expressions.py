"""Reads the parenthesised lists that PDDL texts are made of.

Words are case-insensitive in PDDL and reach the game in lower case, so all that is read is in lower
case. The texts come from files that anybody may have made: the reader works in one pass without
recursion, and limits how deep lists may nest (`MAX_DEPTH`), which bounds every recursion over what
it returns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

MAX_DEPTH = 100
"""How deep lists may nest. ALFWorld's own texts stay below 10."""

ROOT_TYPE = "object"
"""The type that every object has in PDDL, whatever type it was declared with."""

_TOKEN = re.compile(r"[()]|\?[^\s()?]*|[^\s()?]+")
_FLAT_LIST = re.compile(r"\s*\(([^()?]*)\)\s*")


class PddlSyntaxError(ValueError):
    """The text is not PDDL as stock TextWorld reads it. `line` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(f"line {line}: {message}")
        self.message = message
        self.line = line

    def __reduce__(self) -> tuple[type[PddlSyntaxError], tuple[str, int]]:
        return type(self), (self.message, self.line)


class Word(NamedTuple):
    """One word of an expression, in lower case, and the line it stands in."""

    text: str
    line: int


class Group(NamedTuple):
    """A parenthesised list of an expression, and the line of its opening parenthesis."""

    items: tuple[Word | Group, ...]
    line: int


Expression: TypeAlias = Word | Group


def read_expression(text: str) -> Group:
    """Read one parenthesised expression: a whole PDDL problem or domain.

    Comments run from ``;`` to the end of the line. A ``?`` starts a new word wherever it stands.
    Commas are part of words, as in stock TextWorld, where ``?l - location, ?r - receptacle`` names
    a type ``location,``.

    Raises `PddlSyntaxError` for unbalanced parentheses, text around the expression, characters
    outside ASCII (other than in comments) and nesting deeper than `MAX_DEPTH`.
    """
    reader = _Reader()
    ascii_only = text.isascii()
    for number, line in enumerate(text.split("\n"), start=1):
        code = line.partition(";")[0]
        if not ascii_only and not code.isascii():
            raise PddlSyntaxError("character outside ASCII", number)
        reader.read_line(code.lower(), number)
    return reader.whole()


class _Reader:
    """Builds an expression from its lines."""

    def __init__(self) -> None:
        self._unfinished: list[tuple[int, list[Expression]]] = []
        self._whole: Group | None = None
        self._line = 1

    def read_line(self, code: str, line: int) -> None:
        """Read the next line, without its comment."""
        flat = _FLAT_LIST.fullmatch(code)
        if flat and 0 < len(self._unfinished) < MAX_DEPTH:  # most lines of a problem
            words = tuple([Word(text, line) for text in flat[1].split()])
            self._unfinished[-1][1].append(Group(words, line))
            return
        for word in _TOKEN.findall(code):
            self._read(word, line)
            self._line = line

    def _read(self, word: str, line: int) -> None:
        unfinished = self._unfinished
        if self._whole is not None:
            raise PddlSyntaxError(f"unexpected {shown(word)} after the end", line)
        if word == "(":
            if len(unfinished) >= MAX_DEPTH:
                raise PddlSyntaxError(f"lists nest deeper than {MAX_DEPTH}", line)
            unfinished.append((line, []))
        elif not unfinished:
            raise PddlSyntaxError(f"expected '(', got {shown(word)}", line)
        elif word != ")":
            unfinished[-1][1].append(Word(word, line))
        else:
            start, items = unfinished.pop()
            group = Group(tuple(items), start)
            if unfinished:
                unfinished[-1][1].append(group)
            else:
                self._whole = group

    def whole(self) -> Group:
        """Return the expression, after its last line."""
        if self._unfinished:
            raise PddlSyntaxError("'(' without ')'", self._unfinished[-1][0])
        if self._whole is None:
            raise PddlSyntaxError("expected '(', got the end of the text", self._line)
        return self._whole


def shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "...")


def words_of(group: Group, what: str) -> list[str]:
    """Return the texts of a group that holds words only; `what` names it in the error otherwise."""
    return [word_of(item, what) for item in group.items]


def word_of(expression: Expression, what: str) -> str:
    if isinstance(expression, Group):
        raise PddlSyntaxError(f"expected a word in {what}, got a list", expression.line)
    return expression.text


def group_of(expression: Expression, what: str) -> Group:
    if isinstance(expression, Word):
        message = f"expected a list as {what}, got {shown(expression.text)}"
        raise PddlSyntaxError(message, expression.line)
    return expression


def head_of(group: Group, what: str) -> str:
    if not group.items:
        raise PddlSyntaxError(f"empty list as {what}", group.line)
    return word_of(group.items[0], what)


def typed_names(items: Iterable[Expression], what: str) -> Iterator[tuple[Word, str]]:
    """Yield the names of a list such as ``a b - cat c``, each with its type (else `ROOT_TYPE`)."""
    untyped: list[Word] = []
    rest = iter(items)
    for item in rest:
        text = word_of(item, what)
        if text != "-":
            untyped.append(Word(text, item.line))
            continue
        type_word = next(rest, None)
        if type_word is None or not untyped:
            raise PddlSyntaxError(f"'-' in {what} needs names before and a type after", item.line)
        type_name = word_of(type_word, what)
        yield from ((name, type_name) for name in untyped)
        untyped = []
    yield from ((name, ROOT_TYPE) for name in untyped)
