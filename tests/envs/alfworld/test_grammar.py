"""The reader of grammars agrees with TextWorld's own, and knows what it does not know."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from embodied_envs.alfworld.domain import BrokenGameError, Domain, UnsupportedGameError, read_domain
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
    read_grammar,
    read_query,
    read_symbols,
)
from embodied_envs.alfworld.grammar_check import check_grammar
from embodied_envs.alfworld.rules import DIALECTS, Dialect, load_domain, load_grammar

ENTITIES = {
    name: SimpleNamespace(id=f"{name}_bar_1", name=f"{name} 1", indefinite="a", definite="the")
    for name in ("a", "o", "r", "l", "o2", "co", "ko", "outero", "outerr", "lend", "lstart")
}


def ours(symbols: tuple[Symbol, ...]) -> list[Any]:
    """Symbols as plain data; neighbouring words joined."""
    plain: list[Any] = []
    for symbol in symbols:
        if isinstance(symbol, Text) and plain and isinstance(plain[-1], str):
            plain[-1] += symbol.words
        else:
            plain.append(_our_symbol(symbol))
    return plain


def _our_symbol(symbol: Symbol | Value) -> Any:
    match symbol:
        case Text(words):
            return words
        case Rule(name):
            return ("rule", name)
        case Value(expression):
            return ("value", str(expression(ENTITIES)))
        case ForEach(inner, query):
            return ("each", _our_symbol(inner), _our_query(query))
        case Listing(each):
            return ("list", _our_symbol(each))


def _our_query(query: Query) -> list[Any]:
    return [(part.predicate, [(a.name, a.type) for a in part.arguments]) for part in query]


def theirs(symbols: list[Any]) -> list[Any]:
    plain: list[Any] = []
    for symbol in symbols:
        if type(symbol).__name__ == "TerminalSymbol" and plain and isinstance(plain[-1], str):
            plain[-1] += symbol.symbol
        else:
            plain.append(_their_symbol(symbol))
    return [symbol for symbol in plain if symbol != ""]


def _their_symbol(symbol: Any) -> Any:
    match type(symbol).__name__:
        case "TerminalSymbol":
            return symbol.symbol
        case "NonterminalSymbol":
            return ("rule", symbol.symbol)
        case "EvalSymbol":
            return ("value", str(eval(symbol.expression.strip(), dict(ENTITIES))))
        case "ConditionalSymbol":
            query = _their_query(symbol.given) if symbol.given else []
            return ("each", _their_symbol(symbol.expression), query)
        case "ListSymbol":
            return ("list", _their_symbol(symbol.symbol))
        case other:
            raise AssertionError(other)


def _their_query(text: str) -> list[Any]:
    from textworld.logic import Rule as Query_

    query = Query_.parse_conjunctive_query(text)
    return [
        (part.name, [(a.name, a.type) for a in part.parameters]) for part in query.preconditions
    ]


@pytest.fixture(params=[*DIALECTS, "official"])
def grammar_text(request: pytest.FixtureRequest) -> str:
    if request.param == "official":
        games: list[Path] = request.getfixturevalue("official_games")
        return str(json.loads(games[0].read_text())["grammar"])
    return load_grammar(request.param)


def test_all_rules_are_read_as_textworld_reads_them(grammar_text: str) -> None:
    logic = pytest.importorskip("textworld.envs.pddl.logic")
    textgen = pytest.importorskip("textworld.envs.pddl.textgen")
    actions, grammar = logic._parse_and_convert(grammar_text, rule_name="pddlStart")
    read = read_grammar(grammar_text)
    assert set(read.rules) == set(grammar._rules)
    for name, rules in grammar._rules.items():
        for production, rule in zip(read.rules[name], rules, strict=True):
            assert ours(production.symbols) == theirs(rule.rhs), name
            expected = _their_query(rule.condition) if rule.condition else []
            assert _our_query(production.condition) == expected, name
    assert set(read.actions) == set(actions)
    for name, action in actions.items():
        texts = read.actions[name]
        assert texts.template == action.template
        assert ours(texts.command) == theirs(
            textgen._parse_and_convert(action.template, rule_name="symbols")
        )
        assert ours(texts.answer) == theirs(
            textgen._parse_and_convert(action.feedback_rule, rule_name="symbols")
        )


@pytest.mark.parametrize("dialect", DIALECTS)
def test_grammars_share_what_they_agree_in(dialect: Dialect) -> None:
    text = load_grammar(dialect)
    one = read_grammar(text.replace("UNKNOWN GOAL", "put a mug in the desk"))
    other = read_grammar(text.replace("UNKNOWN GOAL", "clean a cup"))
    assert one is not other
    assert one.rules["task"] != other.rules["task"]
    assert one.rules["look.feedback"] == other.rules["look.feedback"]
    assert one.actions == other.actions


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("  two words. ", [Text("two words. ")]),
        ("a\\nb", [Text("a\nb")]),
        ("x #a.b# y", [Text("x "), Rule("a.b"), Text(" y")]),
        ("ends here; not this", [Text("ends here")]),
        ("", []),
    ],
)
def test_symbols(text: str, symbols: list[Symbol]) -> None:
    assert list(read_symbols(text)) == symbols


@pytest.mark.parametrize(
    "text", ["// comment", 'say "x"', "{o.name", "[o]", "#open", "{__import__('os')}"]
)
def test_symbols_that_are_refused(text: str) -> None:
    with pytest.raises(UnsupportedGameError):
        list(read_symbols(text))


def test_queries() -> None:
    mug = Placeholder("o", "object")
    assert read_query(" holds(a, o:object) & not_x(o: object)") == (
        Literal("holds", (Placeholder("a", "a"), mug)),
        Literal("not_x", (mug,)),
    )
    with pytest.raises(UnsupportedGameError):
        read_query("holds(a:agent) | holds(b:agent)")
    with pytest.raises(BrokenGameError):
        read_query(" & ".join(["p(x)"] * 1000))


LISTS = ", ".join(
    f'"{name}": [{{"rhs": "{text}"}}]'
    for name, text in (
        ("list_empty", "nothing"),
        ("list_separator", ", "),
        ("list_last_separator", " and "),
    )
)
DOMAIN = """
(define (domain d) (:predicates (p ?x))
  (:action act :parameters (?x) :precondition () :effect (p ?x)))
"""


def small_grammar(rules: str, template: str = "act {x}") -> Grammar:
    action = f'action act {{ template :: "{template}"; feedback :: "#a#"; }}'
    return read_grammar(f'grammar :: """{{{LISTS}, {rules}}}""";\n{action}')


@pytest.fixture(scope="module")
def domain() -> Domain:
    return read_domain(DOMAIN)


def test_a_small_grammar_is_fine(domain: Domain) -> None:
    check_grammar(small_grammar('"intro": [{"rhs": "hi"}], "a": [{"rhs": "{x.name}"}]'), domain)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ('"a": [{"rhs": "x"}]', "'intro'"),
        ('"intro": [{"rhs": "#none#"}], "a": [{"rhs": "x"}]', "'none'"),
        ('"intro": [{"rhs": "hi", "condition": "p(x)"}], "a": [{"rhs": "x"}]', "all cases"),
        ('"intro": [{"rhs": "{x.name}"}], "a": [{"rhs": "x"}]', "'x'"),
        ('"intro": [{"rhs": "hi"}], "a": [{"rhs": "{y.name}"}]', "'y'"),
    ],
)
def test_grammars_that_say_too_little(rules: str, message: str, domain: Domain) -> None:
    with pytest.raises(UnsupportedGameError, match=message):
        check_grammar(small_grammar(rules), domain)


@pytest.mark.parametrize("rhs", ["#intro#", "[{#intro# | p(x:object)}]", "#b# #b#"])
def test_rules_that_call_themselves(rhs: str, domain: Domain) -> None:
    rules = f'"intro": [{{"rhs": "{rhs}"}}], "b": [{{"rhs": "#intro#"}}], "a": [{{"rhs": "x"}}]'
    with pytest.raises(BrokenGameError):
        check_grammar(small_grammar(rules), domain)


def test_a_missing_action_is_named() -> None:
    other = read_domain(DOMAIN.replace(":action act", ":action dance"))
    grammar = small_grammar('"intro": [{"rhs": "hi"}], "a": [{"rhs": "x"}]')
    with pytest.raises(UnsupportedGameError, match="dance"):
        check_grammar(grammar, other)


def test_commands_must_not_depend_on_the_state(domain: Domain) -> None:
    rules = '"intro": [{"rhs": "hi"}], "a": [{"rhs": "x"}]'
    with pytest.raises(UnsupportedGameError, match="depends on the state"):
        check_grammar(small_grammar(rules, "act {x.name | p(x:object)}"), domain)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_package_texts_pass(dialect: Dialect) -> None:
    check_grammar(read_grammar(load_grammar(dialect)), read_domain(load_domain(dialect)))
