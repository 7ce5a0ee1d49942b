"""Nobody trains on the test set by mistake, and what is held out shares no scene with the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied.datasets import Candidate, build
from embodied.datasets.splitting import Holdout, is_evaluation
from embodied.errors import ConfigError, DataError
from embodied.store import RecordLocation
from embodied.trajectory import Outcome
from tests.datasets.runs import episode, write_run


@pytest.mark.parametrize(
    ("split", "evaluation"),
    [
        *((name, True) for name in ("test", "valid_seen", "valid_unseen", "dev", "TEST", "val2")),
        *((name, True) for name in ("testSet", "test-v1", "my.eval", "held_out", "Validation")),
        *((name, True) for name in ("valid_train", "HoldoutA", "devset")),
        *((name, False) for name in ("train", "all", "standard", "paper", "", "contest", "device")),
        *((name, False) for name in ("latest", "interval", "train_seen", "valuable")),
    ],
)
def test_splits_that_are_for_measuring(split: str, evaluation: bool) -> None:
    assert is_evaluation(split) is evaluation


def test_episodes_of_evaluation_splits_are_refused(tmp_path: Path) -> None:
    run = write_run(
        tmp_path / "run",
        [
            episode("a"),
            episode("b", split="valid_unseen"),
            episode("c", split="valid_unseen"),
            episode("d", split="test"),
        ],
    )
    with pytest.raises(
        DataError,
        match=r"2 of valid_unseen in run, 1 of test in run; .* --allow-split test --allow-split va",
    ):
        build(run)
    with pytest.raises(DataError, match="1 of test in run"):
        build(run, allow_splits=["valid_unseen"])
    data = build(run, allow_splits=["valid_unseen", "test"])
    assert data.card.parts["train"].splits == {"train": 1, "valid_unseen": 2, "test": 1}
    assert data.card.recipe.allow_splits == ["test", "valid_unseen"]
    with pytest.raises(DataError, match="1 of test in run"):
        build(run, allow_splits="valid_unseen")
    with pytest.raises(DataError, match="2 of valid_unseen in run, 1 of test in run"):
        build(run, allow_splits="valid_unseen or test")


def test_what_the_rules_remove_is_not_refused(tmp_path: Path) -> None:
    lost = episode("b", split="test", outcome=Outcome.FAILURE)
    assert len(build(write_run(tmp_path, [episode("a"), lost]), select="success").to_chat()) == 1


def candidates(
    *groups: str | None, environment: str = "house", kind: str = "put"
) -> list[Candidate]:
    return [
        Candidate(
            source=0,
            place=RecordLocation(f"t{n}", 0, 0, 1),
            environment=environment,
            split="train",
            task_id=f"t{n}",
            kind=kind,
            group=group,
            sample=0,
            outcome=Outcome.SUCCESS,
            turns=1,
            calls=0,
            characters=0,
            native=False,
            sees=False,
            thinks=False,
            calls_sha256=b"",
        )
        for n, group in enumerate(groups)
    ]


@given(
    st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=40).filter(lambda g: len({*g}) > 1),
    st.sampled_from(["0.1", ".25", "0.5", "0.9", "0.000001", "0.999"]),
    st.integers(0, 3),
)
def test_no_scene_is_in_both_parts(groups: list[str], share: str, seed: int) -> None:
    every = candidates(*groups)
    train, held = Holdout(f"scene={share}", seed=seed).split(every)
    assert {each.group for each in train}.isdisjoint(each.group for each in held)
    assert train
    assert held
    assert sorted(map(id, [*train, *held])) == sorted(map(id, every))


def test_the_share_is_of_the_episodes_of_each_environment() -> None:
    many = [f"f{n}" for n in range(100)]
    every = [*candidates(*many), *candidates(*many[:20], environment="ship")]
    _, held = Holdout("scene=0.1").split(every)
    places = [each.environment for each in held]
    assert (places.count("house"), places.count("ship")) == (10, 2)


def test_scenes_of_one_name_in_two_environments_are_two() -> None:
    every = [*candidates("a", "b"), *candidates("a", "b", environment="ship")]
    parts = [Holdout("scene=0.5", seed=seed).split(every) for seed in range(20)]
    for train, held in parts:
        assert len(train) == len(held) == 2


def test_the_seed_draws() -> None:
    every = candidates(*(f"f{n}" for n in range(20)))
    draws = {
        tuple(each.group or "" for each in Holdout("scene=0.2", seed=seed).split(every)[1])
        for seed in (0, 0, 1, 2)
    }
    assert len(draws) == 3


def test_tasks_and_kinds_can_be_held_out() -> None:
    every = [*candidates(None, None), *candidates(None, None, kind="heat")]
    _, held = Holdout("task=0.5").split(every)
    assert len({each.task_id for each in held}) == 1
    _, held = Holdout("kind=0.5").split(every)
    assert len(held) == 2
    assert len({each.kind for each in held}) == 1


def test_scenes_that_cannot_be_held_out_are_explained() -> None:
    with pytest.raises(DataError, match=r"2 episodes of house do not say their scene.*task=0.1"):
        Holdout("scene=0.1").split(candidates("a", None, None))
    with pytest.raises(DataError, match="all episodes of house are of one scene, 'a'"):
        Holdout("scene=0.1").split(candidates("a", "a"))


@pytest.mark.parametrize(
    "text",
    [
        *("", "scene", "scene=", "scene=0", "scene=0.0", "scene=1", "scene=1.5", "scene=-0.1"),
        *("scene=nan", "floor=0.1", "scene=1e-1", "scene=" + "9" * 5000, "=0.1"),
    ],
)
def test_a_wrong_holdout_is_explained(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--holdout takes scene=SHARE"):
        Holdout(text)


def test_held_out_scenes_stay_in_their_part(tmp_path: Path) -> None:
    played = [episode(f"t{n}", group=f"floor-{n // 2}", sample=n % 2) for n in range(20)]
    data = build(write_run(tmp_path / "run", played), holdout="scene=0.2")
    card = data.write(tmp_path / "data")
    train, held = (card.parts[name].scenes["house"] for name in ("train", "validation"))
    assert set(train).isdisjoint(held)
    assert (len(train), len(held)) == (8, 2)
    assert [len(data.to_chat(part)) for part in ("train", "validation")] == [16, 4]
    with pytest.raises(ConfigError, match="no part 'test'; there is: train, validation"):
        data.to_chat("test")
