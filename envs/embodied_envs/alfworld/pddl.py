"""Read PDDL problem texts, and ground and evaluate the conditions in them.

The dialect is what stock TextWorld accepts, that is Fast Downward's translator (PDDL 2.2 level 1
plus numeric function values in ``:init``). Words are case-insensitive there and reach the game in
lower case, so everything this module returns is in lower case too.

The texts come from files that anybody may have made. The reader therefore works in one pass without
recursion, limits how deep lists may nest (`MAX_DEPTH`) and how many variables may be in scope
(`MAX_VARIABLES`), which bounds every recursion over what it returns. Grounding a condition is
exponential in the number of variables by nature, so it works on a budget.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

MAX_DEPTH = 100
"""How deep lists may nest. ALFWorld's own texts stay below 10."""

MAX_VARIABLES = 32
"""How many quantified variables may be in scope at one place. ALFWorld's goals stay below 5."""

MAX_GROUNDING = 1_000_000
"""How many bindings, tests and clauses grounding one condition may cost (a second or two)."""

ROOT_TYPE = "object"
"""The type that every object has in PDDL, whatever type it was declared with."""

_TOKEN = re.compile(r"[()]|\?[^\s()?]*|[^\s()?]+")
_FLAT_LIST = re.compile(r"\s*\(([^()?]*)\)\s*")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+")

Fact: TypeAlias = tuple[str, ...]
"""A ground atom: the predicate, then its arguments: ``("holds", "agent1", "apple_bar_1")``."""


class PddlSyntaxError(ValueError):
    """The text is not PDDL as stock TextWorld reads it. `line` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(f"line {line}: {message}")
        self.message = message
        self.line = line

    def __reduce__(self) -> tuple[type["PddlSyntaxError"], tuple[str, int]]:
        return type(self), (self.message, self.line)


class GroundingLimitError(ValueError):
    """A condition has too many ground instances to go through (see `MAX_GROUNDING`)."""


class Word(NamedTuple):
    """One word of an expression, in lower case, and the line it stands in."""

    text: str
    line: int


class Group(NamedTuple):
    """A parenthesised list of an expression, and the line of its opening parenthesis."""

    items: tuple["Word | Group", ...]
    line: int


Expression: TypeAlias = Word | Group


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

    part: "Condition"


@dataclass(frozen=True, slots=True)
class And:
    """True if every part is, so true without parts."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True if some part is, so false without parts."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Exists:
    """True if `part` is for some objects of the variables' types, not necessarily distinct ones."""

    variables: tuple[Variable, ...]
    part: "Condition"


@dataclass(frozen=True, slots=True)
class Forall:
    """True if `part` is for all objects of the variables' types."""

    variables: tuple[Variable, ...]
    part: "Condition"


Condition: TypeAlias = Atom | Equals | Not | And | Or | Exists | Forall


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

    def __reduce__(self) -> tuple[type["Problem"], tuple[object, ...]]:
        values = (self.name, self.domain, dict(self.objects), self.init, self.goal)
        return type(self), (*values, dict(self.values))

    def objects_by_type(self) -> dict[str, tuple[str, ...]]:
        """The objects of each declared type; `ROOT_TYPE` holds all of them, as PDDL has it."""
        found: dict[str, list[str]] = {}
        for name, type_name in self.objects.items():
            found.setdefault(type_name, []).append(name)
        return {name: tuple(names) for name, names in found.items()} | {
            ROOT_TYPE: tuple(self.objects)
        }


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
            raise PddlSyntaxError(f"unexpected {_shown(word)} after the end", line)
        if word == "(":
            if len(unfinished) >= MAX_DEPTH:
                raise PddlSyntaxError(f"lists nest deeper than {MAX_DEPTH}", line)
            unfinished.append((line, []))
        elif not unfinished:
            raise PddlSyntaxError(f"expected '(', got {_shown(word)}", line)
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
        """The expression, after its last line."""
        if self._unfinished:
            raise PddlSyntaxError("'(' without ')'", self._unfinished[-1][0])
        if self._whole is None:
            raise PddlSyntaxError("expected '(', got the end of the text", self._line)
        return self._whole


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "...")


def words_of(group: Group, what: str) -> list[str]:
    """The texts of a group that holds words only; `what` names it in the error otherwise."""
    return [_word(item, what) for item in group.items]


def _word(expression: Expression, what: str) -> str:
    if isinstance(expression, Group):
        raise PddlSyntaxError(f"expected a word in {what}, got a list", expression.line)
    return expression.text


def _group(expression: Expression, what: str) -> Group:
    if isinstance(expression, Word):
        message = f"expected a list as {what}, got {_shown(expression.text)}"
        raise PddlSyntaxError(message, expression.line)
    return expression


def _head(group: Group, what: str) -> str:
    if not group.items:
        raise PddlSyntaxError(f"empty list as {what}", group.line)
    return _word(group.items[0], what)


def typed_names(items: Iterable[Expression], what: str) -> Iterator[tuple[Word, str]]:
    """The names of a list such as ``a b - cat c``, each with its type (default `ROOT_TYPE`)."""
    untyped: list[Word] = []
    rest = iter(items)
    for item in rest:
        text = _word(item, what)
        if text != "-":
            untyped.append(Word(text, item.line))
            continue
        type_word = next(rest, None)
        if type_word is None or not untyped:
            raise PddlSyntaxError(f"'-' in {what} needs names before and a type after", item.line)
        type_name = _word(type_word, what)
        yield from ((name, type_name) for name in untyped)
        untyped = []
    yield from ((name, ROOT_TYPE) for name in untyped)


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
        if _head(whole, "the problem") != "define":
            raise PddlSyntaxError("expected (define ...)", whole.line)
        self._sections = [_group(item, "a section") for item in whole.items[1:]]
        self._line = whole.line
        self._next = 0

    def take_if(self, keyword: str) -> Group | None:
        if self._next == len(self._sections):
            return None
        section = self._sections[self._next]
        if _head(section, "a section") != keyword:
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
            message = f"unexpected section {_shown(_head(section, 'a section'))}"
            raise PddlSyntaxError(message, section.line)


def _read_objects(section: Group | None) -> dict[str, str]:
    objects: dict[str, str] = {}
    for name, type_name in typed_names(section.items[1:] if section else (), ":objects"):
        if name.text in objects:
            raise PddlSyntaxError(f"object {_shown(name.text)} is declared twice", name.line)
        if name.text.startswith("?"):
            raise PddlSyntaxError(f"variable {_shown(name.text)} among :objects", name.line)
        objects[name.text] = type_name
    return objects


def _read_init(
    section: Group, objects: Mapping[str, str]
) -> tuple[tuple[Fact, ...], dict[Fact, float]]:
    true: dict[Fact, None] = {}
    false: set[Fact] = set()
    values: dict[Fact, float] = {}
    for item in section.items[1:]:
        group = _group(item, "a fact")
        head = _head(group, "a fact")
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
    _check_declared(fact[1:], objects, group.line)
    return tuple(fact)


def _read_value(group: Group, objects: Mapping[str, str], values: dict[Fact, float]) -> None:
    if len(group.items) != 3:
        raise PddlSyntaxError("(= ...) in :init needs a function and a number", group.line)
    function, number = group.items[1], _word(group.items[2], "a function value")
    if isinstance(function, Word):
        function = Group((function,), function.line)
    key = _read_fact(function, objects)
    if not _NUMBER.fullmatch(number):
        raise PddlSyntaxError(f"{_shown(number)} is not a non-negative number", group.line)
    if values.setdefault(key, float(number)) != float(number):
        raise PddlSyntaxError(f"({' '.join(key)}) has two different values", group.line)


def _check_declared(terms: Iterable[str], names: Collection[str], line: int) -> None:
    for term in terms:
        if term not in names:
            kind = "variable" if term.startswith("?") else "object"
            raise PddlSyntaxError(f"{kind} {_shown(term)} is not declared", line)


def _read_goal(section: Group, objects: Mapping[str, str]) -> Condition:
    if len(section.items) != 2:
        raise PddlSyntaxError("(:goal ...) must hold exactly one condition", section.line)
    return read_condition(section.items[1], objects)


def read_condition(
    expression: Expression, objects: Collection[str], variables: frozenset[str] = frozenset()
) -> Condition:
    """Read a condition over `objects` in which `variables` may occur free.

    ``(imply a b)`` becomes ``Or((Not(a), b))``. Raises `PddlSyntaxError`, also for terms that are
    neither declared nor bound, and for more than `MAX_VARIABLES` variables in scope.
    """
    group = _group(expression, "a condition")
    head = _head(group, "a condition")
    if head in ("exists", "forall"):
        return _read_quantified(group, head, objects, variables)
    if head in ("and", "or", "not", "imply"):
        parts = tuple(read_condition(part, objects, variables) for part in group.items[1:])
        return _connected(head, parts, group.line)
    terms = tuple(words_of(group, "a condition")[1:])
    for term in terms:
        if term not in variables:
            _check_declared((term,), objects, group.line)
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
    declared = _group(group.items[1], "variables")
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
            raise PddlSyntaxError(f"{_shown(name.text)} is not a variable", name.line)
        if name.text in seen:
            raise PddlSyntaxError(f"variable {_shown(name.text)} is declared twice", name.line)
        seen.add(name.text)
        yield Variable(name.text, type_name)


def _only_part(group: Group) -> Group:
    if len(group.items) != 2:
        raise PddlSyntaxError("(not ...) needs 1 part", group.line)
    return _group(group.items[1], "a fact")


class Clause(NamedTuple):
    """One way to make a condition true: facts that must be true, and facts that must be false."""

    wanted: frozenset[Fact] = frozenset()
    unwanted: frozenset[Fact] = frozenset()

    def holds_in(self, facts: Collection[Fact]) -> bool:
        """Whether this clause is true in a state with exactly these facts (a set, for speed)."""
        return all(fact in facts for fact in self.wanted) and not any(
            fact in facts for fact in self.unwanted
        )


ALWAYS = Clause()
"""The clause that is true in every state."""


def is_satisfied(
    condition: Condition,
    facts: Collection[Fact],
    objects_by_type: Mapping[str, Collection[str]],
) -> bool:
    """Whether a condition without free variables is true in the state of `facts` (a set).

    A type that `objects_by_type` lacks has no objects. Raises `GroundingLimitError`.
    """
    return bool(ground(condition, facts, objects_by_type, lambda fact: False))


def ground(
    condition: Condition,
    facts: Collection[Fact],
    objects_by_type: Mapping[str, Collection[str]],
    may_change: Callable[[Fact], bool],
) -> list[Clause]:
    """The clauses of which one must be true for the condition to be so, now or in a later state.

    Facts for which `may_change` is false keep the truth that they have in `facts` and appear in no
    clause. So the result is ``[]`` for a condition that can never be true and ``[ALWAYS]`` for one
    that always is. No clause is listed twice; the order follows the condition and
    `objects_by_type`.

    Raises `GroundingLimitError` beyond `MAX_GROUNDING`.
    """
    return _Grounder(facts, objects_by_type, may_change).clauses(condition, {}, True)


_Binding: TypeAlias = Mapping[str, str]


class _Grounder:
    """Rewrites conditions to clauses, working off one budget."""

    def __init__(
        self,
        facts: Collection[Fact],
        objects_by_type: Mapping[str, Collection[str]],
        may_change: Callable[[Fact], bool],
    ) -> None:
        self._facts = facts
        self._objects = objects_by_type
        self._may_change = may_change
        self._budget = MAX_GROUNDING

    def clauses(self, condition: Condition, binding: _Binding, positive: bool) -> list[Clause]:
        """The clauses of the condition, or of its negation."""
        self._spend(1)
        match condition:
            case Atom(predicate, terms):
                return self._atom(_bound(predicate, terms, binding), positive)
            case Equals(left, right):
                same = binding.get(left, left) == binding.get(right, right)
                return [ALWAYS] if same == positive else []
            case Not(part):
                return self.clauses(part, binding, not positive)
            case And(parts) | Or(parts):
                alternatives = (self.clauses(part, binding, positive) for part in parts)
                conjunctive = isinstance(condition, And) == positive
            case Exists(variables, part) | Forall(variables, part):
                conjunctive = isinstance(condition, Forall) == positive
                helpful = _necessary(part) if positive and not conjunctive else ()
                bindings = self._bindings(variables, helpful, binding)
                alternatives = (self.clauses(part, each, positive) for each in bindings)
        return self._all(alternatives) if conjunctive else self._any(alternatives)

    def _atom(self, fact: Fact, positive: bool) -> list[Clause]:
        if self._may_change(fact):
            single = frozenset((fact,))
            return [Clause(wanted=single) if positive else Clause(unwanted=single)]
        return [ALWAYS] if (fact in self._facts) == positive else []

    def _any(self, alternatives: Iterator[list[Clause]]) -> list[Clause]:
        found: dict[Clause, None] = {}
        for clauses in alternatives:
            if ALWAYS in clauses:
                return [ALWAYS]
            self._spend(len(clauses))
            found.update(dict.fromkeys(clauses))
        return list(found)

    def _all(self, alternatives: Iterator[list[Clause]]) -> list[Clause]:
        found = [ALWAYS]
        for clauses in alternatives:
            self._spend(len(found) * len(clauses))
            found = list(dict.fromkeys(_joined(a, b) for a in found for b in clauses))
            found = [clause for clause in found if not clause.wanted & clause.unwanted]
            if not found:
                break
        return found

    def _bindings(
        self, variables: tuple[Variable, ...], helpful: Collection[Atom], binding: _Binding
    ) -> Iterator[_Binding]:
        """All ways to bind the variables, but for those that make a helpful atom false."""
        if not variables:
            yield binding
            return
        name, type_name = variables[0]
        still_free = {variable.name for variable in variables[1:]}
        self._spend(len(helpful))
        testable = [a for a in helpful if name in a.terms and still_free.isdisjoint(a.terms)]
        for candidate in self._objects.get(type_name, ()):
            self._spend(1 + len(testable))
            extended = {**binding, name: candidate}
            if all(self._possible(_bound(a.predicate, a.terms, extended)) for a in testable):
                yield from self._bindings(variables[1:], helpful, extended)

    def _possible(self, fact: Fact) -> bool:
        return fact in self._facts or self._may_change(fact)

    def _spend(self, amount: int) -> None:
        self._budget -= amount
        if self._budget < 0:
            raise GroundingLimitError(
                f"the condition has more than {MAX_GROUNDING} ground instances; "
                "use fewer variables or objects"
            )


def _joined(first: Clause, second: Clause) -> Clause:
    return Clause(first.wanted | second.wanted, first.unwanted | second.unwanted)


def _bound(predicate: str, terms: tuple[str, ...], binding: _Binding) -> Fact:
    return (predicate, *(binding.get(term, term) for term in terms))


def _necessary(condition: Condition) -> list[Atom]:
    """Atoms over the condition's free variables that are true whenever the condition is."""
    match condition:
        case Atom():
            return [condition]
        case And(parts):
            return [atom for part in parts for atom in _necessary(part)]
        case Exists(variables, part):
            inner = {variable.name for variable in variables}
            return [atom for atom in _necessary(part) if inner.isdisjoint(atom.terms)]
        case _:
            return []
