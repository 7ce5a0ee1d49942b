"""The PDDL reader, and grounding and evaluating conditions."""

import pickle
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from embodied_envs.alfworld.pddl.conditions import (
    And,
    Atom,
    Condition,
    Equals,
    Exists,
    Forall,
    Not,
    Or,
    Variable,
)
from embodied_envs.alfworld.pddl.grounding import (
    ALWAYS,
    Clause,
    GroundingLimitError,
    ground,
    is_satisfied,
)
from embodied_envs.alfworld.pddl.problem import Fact, Problem, read_problem
from embodied_envs.alfworld.pddl.s_expressions import (
    MAX_DEPTH,
    Group,
    PddlSyntaxError,
    Word,
    read_expression,
    words_of,
)
from hypothesis import given
from hypothesis import strategies as st


def problem(objects: str = "a b - thing", init: str = "", goal: str = "(and)") -> Problem:
    """Make a problem with these parts."""
    return read_problem(
        f"(define (problem P)\n(:domain D)\n(:objects {objects})\n(:init {init})\n(:goal {goal}))"
    )


def test_read_expression_lower_cases_and_counts_lines() -> None:
    text = "; intro\n(Define ; (not here\n  (A?b))"
    inner = Group((Word("a", 3), Word("?b", 3)), 3)
    assert read_expression(text) == Group((Word("define", 2), inner), 2)


def test_commas_belong_to_words_as_in_stock() -> None:
    words = words_of(read_expression("(?l - location, ?r)"), "a list")
    assert words == ["?l", "-", "location,", "?r"]


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("", "end of the text", 1),
        ("; only\n", "end of the text", 1),
        ("a", "expected '('", 1),
        (")", "expected '('", 1),
        ("(a\n(b)", "without ')'", 1),
        ("(a)\nb", "after the end", 2),
        ("(a))", "after the end", 1),
        ("(a\n\u00e9)", "outside ASCII", 2),
        ("(" * 101, "nest deeper", 1),
    ],
)
def test_malformed_expressions(text: str, message: str, line: int) -> None:
    with pytest.raises(PddlSyntaxError, match=message.replace("(", r"\(").replace(")", r"\)")) as e:
        read_expression(text)
    assert e.value.line == line
    assert str(pickle.loads(pickle.dumps(e.value))) == str(e.value)


def test_comments_may_hold_anything() -> None:
    assert read_expression("(a) ; \u00e9 )(") == Group((Word("a", 1),), 1)


def test_problem_parts() -> None:
    read = problem(
        objects="Apple Pear - FRUIT box",
        init="(IN Apple box) (IN apple Box) (not (in pear box))(= (size box) 3.5) (= total-cost 0)",
        goal="(imply (in pear box) (= apple pear))",
    )
    assert (read.name, read.domain) == ("p", "d")
    assert dict(read.objects) == {"apple": "fruit", "pear": "fruit", "box": "object"}
    assert read.init == (("in", "apple", "box"),)
    assert dict(read.values) == {("size", "box"): 3.5, ("total-cost",): 0.0}
    assert read.goal == Or((Not(Atom("in", ("pear", "box"))), Equals("apple", "pear")))
    assert read.objects_by_type() == {
        "fruit": ("apple", "pear"),
        "object": ("apple", "pear", "box"),
    }


def test_problem_is_immutable_and_can_be_pickled() -> None:
    read = problem(init="(p a)", goal="(exists (?x - thing) (p ?x))")
    assert pickle.loads(pickle.dumps(read)) == read
    with pytest.raises(TypeError):
        read.objects["c"] = "thing"  # type: ignore[index]
    with pytest.raises(AttributeError):
        read.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"objects": "a a"}, "declared twice"),
        ({"objects": "a -"}, "needs names before"),
        ({"objects": "- a"}, "needs names before"),
        ({"objects": "a - (either b c)"}, "expected a word"),
        ({"objects": "?a"}, "variable"),
        ({"init": "()"}, "empty list"),
        ({"init": "p"}, "expected a list"),
        ({"init": "(p c)"}, "object 'c' is not declared"),
        ({"init": "(p (q a))"}, "expected a word"),
        ({"init": "(not p)"}, "expected a list"),
        ({"init": "(not (p a) (p b))"}, "needs 1 part"),
        ({"init": "(p a) (not (p a))"}, "both true and false"),
        ({"init": "(= (d a b))"}, "a function and a number"),
        ({"init": "(= (d a b) -1)"}, "not a non-negative number"),
        ({"init": "(= (d a b) 1.2.3)"}, "not a non-negative number"),
        ({"init": "(= (d a) 1) (= (d a) 2)"}, "two different values"),
        ({"goal": ""}, "exactly one condition"),
        ({"goal": "()"}, "empty list"),
        ({"goal": "p"}, "expected a list"),
        ({"goal": "(p ?x)"}, "variable '\\?x' is not declared"),
        ({"goal": "(not)"}, "needs 1 parts"),
        ({"goal": "(imply (p a))"}, "needs 2 parts"),
        ({"goal": "(= a)"}, "needs two terms"),
        ({"goal": "(exists (?x))"}, "variables and one condition"),
        ({"goal": "(exists ?x (p ?x))"}, "expected a list as variables"),
        ({"goal": "(exists (x) (p a))"}, "not a variable"),
        ({"goal": "(exists (?x ?x) (p ?x))"}, "declared twice"),
        ({"goal": "(and) (and)"}, "exactly one condition"),
        ({"goal": "(and)) (:extra"}, "unexpected section ':extra'"),
    ],
)
def test_malformed_problems(parts: dict[str, str], message: str) -> None:
    with pytest.raises(PddlSyntaxError, match=message):
        problem(**parts)


@pytest.mark.parametrize("text", ["(p)", "(define)", "(define (problem p))", "(define p)"])
def test_missing_sections(text: str) -> None:
    with pytest.raises(PddlSyntaxError):
        read_problem(text)


@given(st.text(alphabet="()?;:-= \nabdefinoprtm", max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    for candidate in (text, f"(define (problem p) (:domain d) {text}"):
        with suppress(PddlSyntaxError):
            read_problem(candidate)


def test_hostile_sizes_take_linear_time() -> None:
    facts = "(p a)" * 100_000
    start = time.process_time()
    assert problem(init=facts).init == (("p", "a"),)
    with pytest.raises(PddlSyntaxError):
        read_expression("(" * 1_000_000)
    many = " ".join(f"?v{number}" for number in range(10_000))
    with pytest.raises(PddlSyntaxError, match="more than 32 variables"):
        problem(goal=f"(exists ({many}) (p a))")
    assert time.process_time() - start < 10


def test_deepest_goal_can_be_read_and_evaluated() -> None:
    depth = MAX_DEPTH - 3
    read = problem(init="(p a)", goal="(not " * depth + "(p a)" + ")" * depth)
    assert is_satisfied(read.goal, set(read.init), read.objects_by_type()) == (depth % 2 == 0)


def test_grounding_has_a_budget() -> None:
    objects = " ".join(f"o{number}" for number in range(100))
    goal = "(exists (?a ?b ?c ?d ?e) (and (not (p ?a)) (p ?b) (not (= ?c ?d)) (q ?e ?a)))"
    with pytest.raises(GroundingLimitError):
        ground(
            problem(objects, goal=goal).goal,
            set(),
            problem(objects).objects_by_type(),
            lambda fact: True,
        )


def test_ground_keeps_only_what_may_change() -> None:
    read = problem(
        "a b - fruit box - place",
        "(ripe a) (ripe b) (in a box)",
        "(exists (?x ?y - fruit) (and (not (= ?x ?y)) (ripe ?x) (in ?x box) (not (in ?y box))))",
    )
    clauses = ground(
        read.goal, set(read.init), read.objects_by_type(), lambda fact: fact[0] == "in"
    )
    a, b = ("in", "a", "box"), ("in", "b", "box")
    assert clauses == [
        Clause(frozenset({a}), frozenset({b})),
        Clause(frozenset({b}), frozenset({a})),
    ]
    assert clauses[0].holds_in({a})
    assert not clauses[0].holds_in({a, b})
    assert ground(And(()), set(), {}, bool) == [ALWAYS]
    assert ground(Or(()), set(), {}, bool) == []


_NAMES = ("a", "b", "c")
_TERMS = st.sampled_from(("a", "b", "?x", "?y"))
_FACTS = [("p", name) for name in _NAMES] + [("q", *pair) for pair in product(_NAMES, repeat=2)]
_VARIABLES = st.lists(
    st.builds(Variable, st.sampled_from(("?x", "?y")), st.sampled_from(("object", "t", "none"))),
    min_size=1,
    max_size=2,
    unique_by=lambda variable: variable.name,
).map(tuple)
_ATOMS = st.one_of(
    st.builds(lambda term: Atom("p", (term,)), _TERMS),
    st.builds(lambda left, right: Atom("q", (left, right)), _TERMS, _TERMS),
    st.builds(Equals, _TERMS, _TERMS),
)
_CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    _ATOMS,
    lambda parts: st.one_of(
        st.builds(Not, parts),
        st.builds(And, st.lists(parts, max_size=3).map(tuple)),
        st.builds(Or, st.lists(parts, max_size=3).map(tuple)),
        st.builds(Exists, _VARIABLES, parts),
        st.builds(Forall, _VARIABLES, parts),
    ),
    max_leaves=6,
)
_OBJECTS = {"object": _NAMES, "t": ("a", "b")}


def _truth(condition: Condition, facts: set[Fact], binding: dict[str, str]) -> bool:
    """Evaluate a condition by its textbook meaning."""
    match condition:
        case Atom(predicate, terms):
            return (predicate, *(binding.get(term, term) for term in terms)) in facts
        case Equals(left, right):
            return binding.get(left, left) == binding.get(right, right)
        case Not(part):
            return not _truth(part, facts, binding)
        case And(parts):
            return all(_truth(part, facts, binding) for part in parts)
        case Or(parts):
            return any(_truth(part, facts, binding) for part in parts)
        case Exists(variables, part) | Forall(variables, part):
            names = [variable.name for variable in variables]
            choices = product(*(_OBJECTS.get(variable.type, ()) for variable in variables))
            truths = (
                _truth(part, facts, binding | dict(zip(names, chosen, strict=True)))
                for chosen in choices
            )
            return any(truths) if isinstance(condition, Exists) else all(truths)


@given(_CONDITIONS, st.sets(st.sampled_from(_FACTS)), st.sets(st.sampled_from(_FACTS)))
def test_grounding_means_what_the_textbook_says(
    part: Condition, facts: set[Fact], changed: set[Fact]
) -> None:
    closed = Exists((Variable("?x", "object"), Variable("?y", "t")), part)
    assert is_satisfied(closed, facts, _OBJECTS) == _truth(closed, facts, {})
    clauses = ground(closed, facts, _OBJECTS, lambda fact: fact in changed)
    later = facts ^ changed
    assert any(clause.holds_in(later) for clause in clauses) == _truth(closed, later, {})


def _check_against_stock(read: Problem, path: Path, stock: Callable[..., Any]) -> None:
    with stock(path) as (environment, state):
        first = environment.unwrapped._pddl_state
        assert dict(read.objects) == first.name2type
        assert not state["won"]
    facts = {(fact.name, *(argument.name for argument in fact.arguments)) for fact in first.facts}
    facts = {fact for fact in facts if not fact[0].startswith("new-axiom@")}
    assert set(read.init) == facts
    assert not is_satisfied(read.goal, facts, read.objects_by_type())


def test_agrees_with_stock_games(
    one_game_per_kind: list[Path],
    load_problem: Callable[[Path], Problem],
    stock: Callable[..., Any],
) -> None:
    for path in one_game_per_kind[3::4]:
        _check_against_stock(load_problem(path), path, stock)


@pytest.mark.long
def test_agrees_with_all_stock_games(
    official_games: list[Path],
    load_problem: Callable[[Path], Problem],
    stock: Callable[..., Any],
) -> None:
    for path in official_games:
        _check_against_stock(load_problem(path), path, stock)


def test_reads_the_domains_of_official_games(
    one_game_per_kind: list[Path], load_game: Callable[[Path], dict[str, Any]]
) -> None:
    for path in one_game_per_kind:
        domain = read_expression(load_game(path)["pddl_domain"])
        actions = [
            item for item in domain.items if isinstance(item, Group) and _first(item) == ":action"
        ]
        assert len(actions) == 14


def _first(group: Group) -> str:
    first = group.items[0]
    assert isinstance(first, Word)
    return first.text
