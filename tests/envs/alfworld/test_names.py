"""Display names, by rule and against stock ALFWorld."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from embodied_envs.alfworld.names import display_names, named_ids
from embodied_envs.alfworld.pddl.problem import Problem, read_problem
from hypothesis import given
from hypothesis import strategies as st


def test_numbers_count_down_in_the_order_of_ids() -> None:
    ids = ["mug_bar_3", "mug_bar_1", "desk_bar_9", "mug_bar_2"]
    assert display_names(ids) == {
        "desk_bar_9": "desk 1",
        "mug_bar_1": "mug 3",
        "mug_bar_2": "mug 2",
        "mug_bar_3": "mug 1",
    }


def test_a_basin_is_not_its_sink() -> None:
    ids = ["sink_bar_1", "sink_bar_1_bar_sinkbasin", "bathtub_bar_1_bar_bathtubbasin"]
    assert list(display_names(ids).values()) == ["bathtubbasin 1", "sink 1", "sinkbasin 1"]


def test_an_id_without_position_ends_in_a_space() -> None:
    assert display_names(["agent1", "appletype"]) == {
        "agent1": "agent1 ",
        "appletype": "appletype ",
    }


def test_signs_are_decoded_in_names() -> None:
    assert display_names(["a_minus_b_dot_c"]) == {"a_minus_b_dot_c": "a-b.c "}


def test_only_mentioned_objects_are_named() -> None:
    sections = "(:domain d) (:objects a b c x) (:init (f a) (= (g b) 1)) (:goal (f x))"
    assert named_ids(read_problem(f"(define (problem p) {sections})")) == {"a", "b"}


_KINDS = st.sampled_from(["mug", "sink", "loc", "washbasin", "agent1"])
_RESTS = st.sampled_from(["", "_bar_1", "_bar__minus_1", "_bar_1_dot_5", "_bar_1_bar_sinkbasin"])


@given(st.sets(st.builds(str.__add__, _KINDS, _RESTS)))
def test_agrees_with_stock_on_any_ids(ids: set[str]) -> None:
    misc = pytest.importorskip("alfworld.agents.utils.misc")
    game = pytest.importorskip("textworld.generator.game")
    demangler = misc.Demangler(game_infos={name: game.EntityInfo(name, "t") for name in ids})
    expected = {name: demangler.demangle_alfred_name(name) for name in ids}
    assert display_names(ids) == expected


def _check_against_stock(problem: Problem, path: Path, stock: Callable[..., Any]) -> None:
    with stock(path) as (_, state):
        expected = {name: info.name for name, info in state["_entity_infos"].items()}
    assert display_names(named_ids(problem)) == expected


def test_agrees_with_stock_games(
    one_game_per_kind: list[Path],
    load_problem: Callable[[Path], Problem],
    stock: Callable[..., Any],
) -> None:
    for path in one_game_per_kind[1::4]:
        _check_against_stock(load_problem(path), path, stock)


@pytest.mark.long
def test_agrees_with_all_stock_games(
    official_games: list[Path],
    load_problem: Callable[[Path], Problem],
    stock: Callable[..., Any],
) -> None:
    for path in official_games:
        _check_against_stock(load_problem(path), path, stock)
