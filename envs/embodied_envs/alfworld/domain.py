"""PDDL domains: what the actions of a game need and do.

Preconditions are compiled into clauses (disjunctive normal form) once for each distinct domain, so
that playing only ever compares sets of facts.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from embodied_envs.alfworld.pddl.conditions import (
    And,
    Atom,
    Condition,
    Equals,
    Exists,
    Not,
    Or,
    Variable,
    read_condition,
)
from embodied_envs.alfworld.pddl.s_expressions import (
    ROOT_TYPE,
    Expression,
    Group,
    PddlSyntaxError,
    Word,
    read_expression,
    typed_names,
)

MAX_CLAUSES = 256


class UnsupportedGameError(ValueError):
    """A game uses a part of PDDL or of the grammar that the native engine does not play."""


class BrokenGameError(ValueError):
    """A game that no engine can play: contradictory, endless, or beyond all bounds."""


@dataclass(frozen=True)
class LiftedClause:
    """One way in which an action can be possible, over the action's parameters and more variables.

    All atoms of `wanted` must be facts and none of `unwanted`.
    """

    variables: tuple[Variable, ...]
    """The action's parameters, then the variables that its precondition binds."""
    wanted: tuple[Atom, ...] = ()
    unwanted: tuple[Atom, ...] = ()
    unequal: tuple[Equals, ...] = ()
    """Pairs of terms that must stand for different objects."""


@dataclass(frozen=True)
class Effect:
    """What an action changes where `when` holds before it. What is both added and deleted stays."""

    when: tuple[LiftedClause, ...]
    """Clauses of which one must hold; one empty clause: always."""
    adds: tuple[Atom, ...]
    deletes: tuple[Atom, ...]


@dataclass(frozen=True, eq=False)
class ActionSchema:
    """An action over variables. Equal only to itself."""

    name: str
    """In lower case."""
    parameters: tuple[Variable, ...]
    clauses: tuple[LiftedClause, ...]
    effects: tuple[Effect, ...]


@dataclass(frozen=True, eq=False)
class Domain:
    """The actions of a game and the types of its objects. Equal only to itself."""

    actions: Mapping[str, ActionSchema]
    ancestors: Mapping[str, frozenset[str]]
    """Each declared type and all types above it."""
    fluents: Mapping[str, int]
    """Predicates that some action changes, with how many arguments they take. Facts of all others
    stay as they are."""

    def is_a(self, type_name: str, ancestor: str) -> bool:
        """Return whether objects of a type are objects of another."""
        return ancestor in self.ancestors.get(type_name, (type_name, ROOT_TYPE))


class _AnyName:
    """Constants of a domain are declared by its problems; there they are looked up. A variable is
    none.
    """

    def __contains__(self, name: object) -> bool:
        return not str(name).startswith("?")

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


@lru_cache(maxsize=16)
def read_domain(text: str) -> Domain:
    """Read and compile a domain; the same text gives the same object.

    Raises:
        PddlSyntaxError: the text is not PDDL.
        UnsupportedGameError: it uses what the engine does not play; names it.
        BrokenGameError: a condition has more than `MAX_CLAUSES` alternatives.
    """
    whole = read_expression(text)
    supertypes: dict[str, str] = {}
    actions: dict[str, ActionSchema] = {}
    for section in whole.items[1:]:
        head, group = _section(section)
        if head == ":types":
            supertypes = {name.text: above for name, above in typed_names(group.items[1:], "types")}
        elif head == ":action":
            schema = _action(group)
            actions[schema.name] = schema
        elif head not in ("domain", ":requirements", ":predicates", ":functions"):
            raise UnsupportedGameError(f"the domain has a section {head}")
    ancestors = {name: frozenset(_upwards(name, supertypes)) for name in supertypes}
    return Domain(actions, ancestors, _fluents(actions.values()))


def clauses_of(condition: Condition) -> tuple[LiftedClause, ...]:
    """Compile a condition without free variables, such as a goal, to its clauses.

    Raises:
        UnsupportedGameError: it uses what the engine does not play; names it.
    """
    return _Compiler((), frozenset()).clauses_of(condition)


def _fluents(actions: Iterable[ActionSchema]) -> dict[str, int]:
    fluents: dict[str, int] = {}
    for effect in (effect for schema in actions for effect in schema.effects):
        for atom in effect.adds + effect.deletes:
            if fluents.setdefault(atom.predicate, len(atom.terms)) != len(atom.terms):
                raise UnsupportedGameError(f"the predicate {atom.predicate} takes two forms")
    return fluents


def _upwards(type_name: str, supertypes: Mapping[str, str]) -> Iterator[str]:
    seen: set[str] = set()
    while type_name not in seen:
        seen.add(type_name)
        yield type_name
        type_name = supertypes.get(type_name, ROOT_TYPE)


def _section(expression: Expression) -> tuple[str, Group]:
    if not isinstance(expression, Group) or not expression.items:
        raise PddlSyntaxError("a section of a domain must be a list", expression.line)
    head = expression.items[0]
    if not isinstance(head, Word):
        raise PddlSyntaxError("a section of a domain must begin with a word", expression.line)
    return head.text, expression


def _action(group: Group) -> ActionSchema:
    name, *rest = group.items[1:] or (group,)
    if not isinstance(name, Word) or len(rest) % 2:
        raise PddlSyntaxError("an action needs a name, and a value for each keyword", group.line)
    parts = {_keyword(key): value for key, value in zip(rest[::2], rest[1::2], strict=True)}
    unknown = parts.keys() - {":parameters", ":precondition", ":effect"}
    if unknown:
        raise UnsupportedGameError(f"the action {name.text} has {sorted(unknown)[0]}")
    parameters = tuple(_parameters(parts.get(":parameters")))
    scope = frozenset(variable.name for variable in parameters)
    compiler = _Compiler(parameters, scope)
    return ActionSchema(
        name=name.text,
        parameters=parameters,
        clauses=compiler.clauses(parts.get(":precondition")),
        effects=tuple(compiler.effects(parts.get(":effect"))),
    )


def _keyword(expression: Expression) -> str:
    if not isinstance(expression, Word):
        raise PddlSyntaxError("a keyword was expected", expression.line)
    return expression.text


def _parameters(expression: Expression | None) -> Iterator[Variable]:
    if isinstance(expression, Group):
        for name, type_name in typed_names(expression.items, "parameters"):
            yield Variable(name.text, type_name)


@dataclass(frozen=True)
class _Conjunction:
    """A clause in the making; `bound` are variables of its own."""

    bound: tuple[Variable, ...] = ()
    wanted: tuple[Atom, ...] = ()
    unwanted: tuple[Atom, ...] = ()
    unequal: tuple[Equals, ...] = ()

    def __add__(self, other: _Conjunction) -> _Conjunction:
        return _Conjunction(
            self.bound + other.bound,
            self.wanted + other.wanted,
            self.unwanted + other.unwanted,
            self.unequal + other.unequal,
        )


@dataclass
class _Compiler:
    """Turns the conditions and effects of one action into clauses and atoms."""

    parameters: tuple[Variable, ...]
    scope: frozenset[str]
    renamed: int = 0

    def clauses(self, expression: Expression | None) -> tuple[LiftedClause, ...]:
        """Compile a condition to clauses; a missing or empty one to a clause that always holds."""
        if expression is None or (isinstance(expression, Group) and not expression.items):
            return (LiftedClause(self.parameters),)
        return self.clauses_of(read_condition(expression, _AnyName(), self.scope))

    def clauses_of(self, condition: Condition) -> tuple[LiftedClause, ...]:
        """Compile a condition to clauses."""
        return tuple(
            LiftedClause(self.parameters + c.bound, c.wanted, c.unwanted, c.unequal)
            for c in self._conjunctions(condition, {}, positive=True)
        )

    def effects(self, expression: Expression | None) -> Iterator[Effect]:
        """Compile an action's effects: one for all that always happens, one for each condition."""
        always: list[Group] = []
        for group in _parts(expression):
            head, items = _section(group)[0], group.items
            if head == "when":
                if len(items) != 3:
                    raise PddlSyntaxError("(when ...) needs a condition and an effect", group.line)
                yield self._effect(self.clauses(items[1]), list(_parts(items[2])))
            elif head != "increase":
                always.append(group)
        yield self._effect(self.clauses(None), always)

    def _effect(self, when: tuple[LiftedClause, ...], groups: list[Group]) -> Effect:
        adds: list[Atom] = []
        deletes: list[Atom] = []
        for group in groups:
            condition = read_condition(group, _AnyName(), self.scope)
            match condition:
                case Atom():
                    adds.append(condition)
                case Not(part=Atom() as atom):
                    deletes.append(atom)
                case _:
                    head = _section(group)[0]
                    raise UnsupportedGameError(f"the domain has an effect ({head} ...)")
        return Effect(when, tuple(adds), tuple(deletes))

    def _conjunctions(
        self, condition: Condition, names: Mapping[str, str], *, positive: bool
    ) -> list[_Conjunction]:
        match condition:
            case Atom(predicate=predicate, terms=terms):
                atom = Atom(predicate, tuple(names.get(term, term) for term in terms))
                wanted, unwanted = ((atom,), ()) if positive else ((), (atom,))
                return [_Conjunction(wanted=wanted, unwanted=unwanted)]
            case Equals(left=left, right=right) if not positive:
                pair = Equals(names.get(left, left), names.get(right, right))
                return [_Conjunction(unequal=(pair,))]
            case Not(part=part):
                return self._conjunctions(part, names, positive=not positive)
            case And(parts=parts) | Or(parts=parts):
                choices = [self._conjunctions(part, names, positive=positive) for part in parts]
                if isinstance(condition, And) == positive:
                    return self._all_of(choices)
                return list(itertools.chain.from_iterable(choices))
            case Exists(variables=variables, part=part) if positive:
                fresh = [Variable(self._fresh(v.name), v.type) for v in variables]
                inner = {**names, **{v.name: f.name for v, f in zip(variables, fresh, strict=True)}}
                found = self._conjunctions(part, inner, positive=True)
                return [_Conjunction(tuple(fresh)) + conjunction for conjunction in found]
        what = "an equality" if isinstance(condition, Equals) else "a condition for all objects"
        raise UnsupportedGameError(f"the domain has {what}")

    def _all_of(self, choices: list[list[_Conjunction]]) -> list[_Conjunction]:
        result = [_Conjunction()]
        for choice in choices:
            result = [first + second for first in result for second in choice]
            if len(result) > MAX_CLAUSES:
                raise BrokenGameError("a condition has too many alternatives")
        return result

    def _fresh(self, name: str) -> str:
        self.renamed += 1
        return f"{name}#{self.renamed}"


def _parts(expression: Expression | None) -> Iterator[Group]:
    """Yield the conjuncts of an effect."""
    if expression is None:
        return
    head, group = _section(expression)
    if head != "and":
        yield group
        return
    for item in group.items[1:]:
        yield from _parts(item)
