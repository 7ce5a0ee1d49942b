"""A PDDL problem, and how it is read.

The dialect is what stock TextWorld accepts, that is Fast Downward's translator (PDDL 2.2 level 1
plus numeric function values in ``:init``). Words are case-insensitive there and reach the game in
lower case, so everything that is read is in lower case too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from embodied_envs.alfworld.pddl.conditions import Condition, check_declared, read_condition
from embodied_envs.alfworld.pddl.s_expressions import (
    ROOT_TYPE,
    Group,
    PddlSyntaxError,
    Word,
    group_of,
    head_of,
    read_expression,
    shown,
    typed_names,
    word_of,
    words_of,
)

_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+")

Fact: TypeAlias = tuple[str, ...]
"""A ground atom: the predicate, then its arguments: ``("holds", "agent1", "apple_bar_1")``."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A PDDL problem. Immutable, and can be pickled."""

    name: str
    domain: str

    objects: Mapping[str, str]
    """The declared type of every object, in the order of the text."""

    init: tuple[Fact, ...]
    """The facts that are true at first, each once, in the order of the text. Others are false."""

    goal: Condition

    values: Mapping[Fact, float] = field(default_factory=dict)
    """The function values given in ``:init``, for example ``{("distance", "a", "b"): 3.0}``."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "objects", MappingProxyType(dict(self.objects)))
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))

    def __reduce__(self) -> tuple[type[Problem], tuple[object, ...]]:
        values = (self.name, self.domain, dict(self.objects), self.init, self.goal)
        return type(self), (*values, dict(self.values))

    def objects_by_type(self) -> dict[str, tuple[str, ...]]:
        """Group the objects by declared type; `ROOT_TYPE` holds all of them, as PDDL has it."""
        found: dict[str, list[str]] = {}
        for name, type_name in self.objects.items():
            found.setdefault(type_name, []).append(name)
        return {name: tuple(names) for name, names in found.items()} | {
            ROOT_TYPE: tuple(self.objects)
        }


def read_problem(text: str) -> Problem:
    """Read a PDDL problem, such as the value of ``pddl_problem`` in a ``game.tw-pddl`` file.

    The sections must stand in the order that stock TextWorld asks for: ``problem``, ``:domain``,
    ``:requirements`` (optional), ``:objects`` (optional), ``:init``, ``:goal``, ``:metric``
    (optional).

    Raises `PddlSyntaxError`, also for names that are used but not declared.
    """
    sections = _Sections(read_expression(text))
    name = sections.single_word("problem")
    domain = sections.single_word(":domain")
    sections.take_if(":requirements")
    objects = _read_objects(sections.take_if(":objects"))
    init, values = _read_init(sections.take(":init"), objects)
    goal = _read_goal(sections.take(":goal"), objects)
    sections.take_if(":metric")
    sections.finish()
    return Problem(name, domain, objects, init, goal, values)


class _Sections:
    """Hands out the sections of a ``(define ...)`` in order."""

    def __init__(self, whole: Group) -> None:
        if head_of(whole, "the problem") != "define":
            raise PddlSyntaxError("expected (define ...)", whole.line)
        self._sections = [group_of(item, "a section") for item in whole.items[1:]]
        self._line = whole.line
        self._next = 0

    def take_if(self, keyword: str) -> Group | None:
        if self._next == len(self._sections):
            return None
        section = self._sections[self._next]
        if head_of(section, "a section") != keyword:
            return None
        self._next += 1
        self._line = section.line
        return section

    def take(self, keyword: str) -> Group:
        section = self.take_if(keyword)
        if section is None:
            found = self._sections[self._next : self._next + 1]
            line = found[0].line if found else self._line
            raise PddlSyntaxError(f"expected a section ({keyword} ...) here", line)
        return section

    def single_word(self, keyword: str) -> str:
        section = self.take(keyword)
        words = words_of(section, keyword)
        if len(words) != 2:
            raise PddlSyntaxError(f"({keyword} ...) must hold exactly one name", section.line)
        return words[1]

    def finish(self) -> None:
        for section in self._sections[self._next :]:
            message = f"unexpected section {shown(head_of(section, 'a section'))}"
            raise PddlSyntaxError(message, section.line)


def _read_objects(section: Group | None) -> dict[str, str]:
    objects: dict[str, str] = {}
    for name, type_name in typed_names(section.items[1:] if section else (), ":objects"):
        if name.text in objects:
            raise PddlSyntaxError(f"object {shown(name.text)} is declared twice", name.line)
        if name.text.startswith("?"):
            raise PddlSyntaxError(f"variable {shown(name.text)} among :objects", name.line)
        objects[name.text] = type_name
    return objects


def _read_init(
    section: Group, objects: Mapping[str, str]
) -> tuple[tuple[Fact, ...], dict[Fact, float]]:
    true: dict[Fact, None] = {}
    false: set[Fact] = set()
    values: dict[Fact, float] = {}
    for item in section.items[1:]:
        group = group_of(item, "a fact")
        head = head_of(group, "a fact")
        if head == "=":
            _read_value(group, objects, values)
            continue
        if head == "not":
            fact = _read_fact(_only_part(group), objects)
            false.add(fact)
        else:
            fact = _read_fact(group, objects)
            true[fact] = None
        if fact in true and fact in false:
            raise PddlSyntaxError(f"({' '.join(fact)}) is both true and false", group.line)
    return tuple(true), values


def _read_fact(group: Group, objects: Mapping[str, str]) -> Fact:
    fact = words_of(group, "a fact")
    if not fact:
        raise PddlSyntaxError("empty list as a fact", group.line)
    check_declared(fact[1:], objects, group.line)
    return tuple(fact)


def _read_value(group: Group, objects: Mapping[str, str], values: dict[Fact, float]) -> None:
    if len(group.items) != 3:
        raise PddlSyntaxError("(= ...) in :init needs a function and a number", group.line)
    function, number = group.items[1], word_of(group.items[2], "a function value")
    if isinstance(function, Word):
        function = Group((function,), function.line)
    key = _read_fact(function, objects)
    if not _NUMBER.fullmatch(number):
        raise PddlSyntaxError(f"{shown(number)} is not a non-negative number", group.line)
    if values.setdefault(key, float(number)) != float(number):
        raise PddlSyntaxError(f"({' '.join(key)}) has two different values", group.line)


def _read_goal(section: Group, objects: Mapping[str, str]) -> Condition:
    if len(section.items) != 2:
        raise PddlSyntaxError("(:goal ...) must hold exactly one condition", section.line)
    return read_condition(section.items[1], objects)


def _only_part(group: Group) -> Group:
    if len(group.items) != 2:
        raise PddlSyntaxError("(not ...) needs 1 part", group.line)
    return group_of(group.items[1], "a fact")
