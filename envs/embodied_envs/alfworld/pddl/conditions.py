"""Conditions of PDDL: what they are made of, and how they are read.

The number of variables in scope is limited (`MAX_VARIABLES`), since texts come from files that
anybody may have made.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from embodied_envs.alfworld.pddl.s_expressions import (
    Expression,
    Group,
    PddlSyntaxError,
    group_of,
    head_of,
    shown,
    typed_names,
    words_of,
)

MAX_VARIABLES = 32
"""How many quantified variables may be in scope at one place. ALFWorld's goals stay below 5."""


class Variable(NamedTuple):
    """A quantified variable; `name` starts with ``?``."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Atom:
    """True if the fact is. A term is an object's name or a variable's."""

    predicate: str
    terms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Equals:
    """True if both terms name the same object."""

    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Not:
    """True if `part` is false."""

    part: Condition


@dataclass(frozen=True, slots=True)
class And:
    """True if every part is, so true without parts."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True if some part is, so false without parts."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Exists:
    """True if `part` is for some objects of the variables' types, not necessarily distinct ones."""

    variables: tuple[Variable, ...]
    part: Condition


@dataclass(frozen=True, slots=True)
class Forall:
    """True if `part` is for all objects of the variables' types."""

    variables: tuple[Variable, ...]
    part: Condition


Condition: TypeAlias = Atom | Equals | Not | And | Or | Exists | Forall


def read_condition(
    expression: Expression, objects: Collection[str], variables: frozenset[str] = frozenset()
) -> Condition:
    """Read a condition over `objects` in which `variables` may occur free.

    ``(imply a b)`` becomes ``Or((Not(a), b))``. Raises `PddlSyntaxError`, also for terms that are
    neither declared nor bound, and for more than `MAX_VARIABLES` variables in scope.
    """
    group = group_of(expression, "a condition")
    head = head_of(group, "a condition")
    if head in ("exists", "forall"):
        return _read_quantified(group, head, objects, variables)
    if head in ("and", "or", "not", "imply"):
        parts = tuple(read_condition(part, objects, variables) for part in group.items[1:])
        return _connected(head, parts, group.line)
    terms = tuple(words_of(group, "a condition")[1:])
    for term in terms:
        if term not in variables:
            check_declared((term,), objects, group.line)
    if head != "=":
        return Atom(head, terms)
    if len(terms) != 2:
        raise PddlSyntaxError("(= ...) in a condition needs two terms", group.line)
    return Equals(*terms)


def _connected(head: str, parts: tuple[Condition, ...], line: int) -> Condition:
    needed = {"not": 1, "imply": 2}.get(head, len(parts))
    if len(parts) != needed:
        raise PddlSyntaxError(f"({head} ...) needs {needed} parts, got {len(parts)}", line)
    match head:
        case "and":
            return And(parts)
        case "or":
            return Or(parts)
        case "not":
            return Not(parts[0])
        case _:
            return Or((Not(parts[0]), parts[1]))


def _read_quantified(
    group: Group, head: str, objects: Collection[str], outer: frozenset[str]
) -> Condition:
    if len(group.items) != 3:
        raise PddlSyntaxError(f"({head} ...) needs variables and one condition", group.line)
    declared = group_of(group.items[1], "variables")
    variables = tuple(_read_variables(declared))
    if len(outer) + len(variables) > MAX_VARIABLES:
        raise PddlSyntaxError(f"more than {MAX_VARIABLES} variables in scope", group.line)
    scope = outer | {variable.name for variable in variables}
    part = read_condition(group.items[2], objects, scope)
    return Exists(variables, part) if head == "exists" else Forall(variables, part)


def _read_variables(group: Group) -> Iterator[Variable]:
    seen: set[str] = set()
    for name, type_name in typed_names(group.items, "variables"):
        if not name.text.startswith("?") or name.text == "?":
            raise PddlSyntaxError(f"{shown(name.text)} is not a variable", name.line)
        if name.text in seen:
            raise PddlSyntaxError(f"variable {shown(name.text)} is declared twice", name.line)
        seen.add(name.text)
        yield Variable(name.text, type_name)


def check_declared(terms: Iterable[str], names: Collection[str], line: int) -> None:
    for term in terms:
        if term not in names:
            kind = "variable" if term.startswith("?") else "object"
            raise PddlSyntaxError(f"{kind} {shown(term)} is not declared", line)
