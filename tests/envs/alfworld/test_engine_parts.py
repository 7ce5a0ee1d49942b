"""The parts of the native engine, each alone: domain, facts, grounding, goal."""

from __future__ import annotations

import pytest
from embodied_envs.alfworld.domain import (
    MAX_CLAUSES,
    BrokenGameError,
    UnsupportedGameError,
    clauses_of,
    read_domain,
)
from embodied_envs.alfworld.facts import FactTable
from embodied_envs.alfworld.goal import Goal
from embodied_envs.alfworld.grounding import Grounder
from embodied_envs.alfworld.pddl.problem import Problem, read_problem
from embodied_envs.alfworld.pddl.s_expressions import PddlSyntaxError
from embodied_envs.alfworld.rules import DIALECTS, Dialect, load_domain

DOMAIN = """
(define (domain kitchen)
  (:types mug cup - thing thing place)
  (:predicates (in ?t - thing ?p - place) (hot ?t) (stove ?p - place))
  (:action heat
    :parameters (?t - thing ?p - place)
    :precondition (and (in ?t ?p) (or (stove ?p) (not (hot ?t))))
    :effect (and (hot ?t) (when (hot ?t) (not (in ?t ?p))) (increase (total-cost) 1))))
"""
PROBLEM = """
(define (problem one) (:domain kitchen)
  (:objects m1 m2 - mug c1 - cup p1 p2 - place)
  (:init (in m1 p1) (in c1 p1) (stove p1))
  (:goal (exists (?t - mug) (and (hot ?t) (not (in ?t p2))))))
"""


@pytest.fixture
def problem() -> Problem:
    return read_problem(PROBLEM)


def grounder_of(problem: Problem, domain: str = DOMAIN) -> tuple[FactTable, Grounder]:
    read = read_domain(domain)
    facts = FactTable(problem.init, read.fluents)
    return facts, Grounder(read, facts, problem.objects)


def action(body: str) -> str:
    return f"(define (domain d) (:action act {body}))"


def test_domain_compiles_conditions_to_clauses() -> None:
    domain = read_domain(DOMAIN)
    heat = domain.actions["heat"]
    assert [len(clause.wanted) + len(clause.unwanted) for clause in heat.clauses] == [2, 2]
    assert domain.fluents == {"hot": 1, "in": 2}
    assert domain.is_a("mug", "thing")
    assert domain.is_a("mug", "object")
    assert not domain.is_a("thing", "mug")
    always, whens = heat.effects[-1], heat.effects[:-1]
    assert [atom.predicate for atom in always.adds] == ["hot"]
    assert [[atom.predicate for atom in effect.deletes] for effect in whens] == [["in"]]
    assert read_domain(DOMAIN) is domain


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_package_domains_are_supported(dialect: Dialect) -> None:
    assert "putobject" in read_domain(load_domain(dialect)).actions


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("(define (domain d) (:derived (p ?x) (q ?x)))", ":derived"),
        ("(define (domain d) (:constants a))", ":constants"),
        (action(":parameters (?x) :precondition (forall (?y) (p ?y)) :effect (p ?x)"), "all obj"),
        (action(":parameters (?x ?y) :precondition (= ?x ?y) :effect (p ?x)"), "equality"),
        (action(":parameters (?x) :precondition () :effect (forall (?y) (p ?y))"), "effect"),
        (action(":parameters (?x) :precondition () :effect (and (p ?x) (p ?x ?x))"), "two forms"),
        (action(":parameters (?x) :duration 3 :effect (p ?x)"), ":duration"),
    ],
)
def test_domains_beyond_the_engine_are_refused_by_name(text: str, what: str) -> None:
    with pytest.raises(UnsupportedGameError, match=what):
        read_domain(text)


@pytest.mark.parametrize(
    "text",
    [
        ":parameters (x) :precondition (p ?x) :effect (p a)",
        ":parameters (?x) :precondition (exists (?y) (p ?z)) :effect (p ?x)",
        ":parameters (?x) :precondition (p ?x) :effect (not (p ?y))",
        ":parameters (?x) :precondition () :effect (when (p ?y) (p ?x))",
    ],
)
def test_variables_of_an_action_are_declared(text: str) -> None:
    with pytest.raises(PddlSyntaxError, match=r"\?[xyz]"):
        read_domain(action(text))


def test_conditions_do_not_explode() -> None:
    either = "(or (p ?x) (q ?x))" * (MAX_CLAUSES.bit_length() + 1)
    with pytest.raises(BrokenGameError):
        read_domain(action(f":parameters (?x) :precondition (and {either}) :effect (p ?x)"))


def test_facts_are_found_in_sorted_order() -> None:
    table = FactTable([("in", "b", "p"), ("in", "a", "p"), ("is", "a")], {"in"})
    assert [row[0][1] for row in table.matching("in", [None, "p"])] == ["a", "b"]
    before = table.matching("in", [None, "p"])
    number = table.number(("in", "ab", "p"))
    assert table.number(("in", "ab", "p")) == number
    assert len(before) == 2
    assert [row[0][1] for row in table.matching("in", [None, "p"])] == ["a", "ab", "b"]
    assert [row[0][1] for row in table.matching("in", [None, None])] == ["a", "ab", "b"]
    assert table.is_constant(("is", "a"))
    assert not table.is_constant(("is", "b"))
    assert table.holds(("is", "a"), frozenset())
    assert not table.holds(("in", "ab", "p"), table.initial)
    assert table.holds(("in", "ab", "p"), frozenset({number}))
    assert table.can_change("not_in")


def test_grounding_binds_by_key_and_by_type(problem: Problem) -> None:
    _, grounder = grounder_of(problem)
    clause = read_domain(DOMAIN).actions["heat"].clauses[0]
    plan = grounder.plan(clause)
    assert list(grounder.groundings(plan, ("in", "m1", "p1"))) == [{"?t": "m1", "?p": "p1"}]
    assert list(grounder.groundings(plan, ("in", "m1", "p2"))) == []
    assert list(grounder.groundings(plan, ("in", "p1", "m1"))) == []
    unkeyed = grounder.groundings(grounder.plan(clause, keyed=False), None)
    assert {terms["?t"] for terms in unkeyed} == {"m1", "m2", "c1"}


def test_grounding_has_a_budget(monkeypatch: pytest.MonkeyPatch, problem: Problem) -> None:
    monkeypatch.setattr("embodied_envs.alfworld.grounding.MAX_GROUNDINGS", 3)
    _, grounder = grounder_of(problem)
    clause = read_domain(DOMAIN).actions["heat"].clauses[1]
    with pytest.raises(BrokenGameError):
        list(grounder.groundings(grounder.plan(clause, keyed=False), None))


def test_size_is_checked_without_grounding(problem: Problem) -> None:
    many = " ".join(f"?x{number}" for number in range(30))
    domain = action(f":parameters ({many}) :precondition () :effect (p ?x0)")
    _, grounder = grounder_of(problem, domain)
    with pytest.raises(BrokenGameError):
        grounder.check_size(read_domain(domain).actions["act"].clauses[0])


def test_goal_and_progress(problem: Problem) -> None:
    facts, grounder = grounder_of(problem)
    goal = Goal(clauses_of(problem.goal), grounder, facts)
    hot = facts.number(("hot", "m2"))
    names = {"m1": "mug 2", "m2": "mug 1", "p2": "shelf 1"}
    assert not goal.is_met(facts.initial)
    assert goal.is_met(facts.initial | {hot})
    assert goal.concerns(frozenset({hot}))
    assert not goal.concerns(frozenset({facts.number(("hot", "c1"))}))
    assert goal.progress(facts.initial | {hot}, names) == {
        "hot(mug 1)": True,
        "not in(mug 1, shelf 1)": True,
    }
    assert list(goal.progress(facts.initial, names).values()) == [False, True]


def test_a_goal_that_no_constant_fact_binds() -> None:
    text = PROBLEM.replace("(exists (?t - mug) (and (hot ?t) (not (in ?t p2))))", "(in m2 p2)")
    problem = read_problem(text)
    facts, grounder = grounder_of(problem)
    goal = Goal(clauses_of(problem.goal), grounder, facts)
    assert goal.is_met(frozenset({facts.number(("in", "m2", "p2"))}))
