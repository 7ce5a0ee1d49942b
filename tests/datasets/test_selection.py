"""Forty hand-made episodes, one for each branch of the rules: what is kept, and the funnel."""

from __future__ import annotations

from pathlib import Path

import pytest

from embodied.datasets import build
from embodied.datasets.selection import Selection
from embodied.errors import ConfigError, DataError
from embodied.trajectory import Outcome, Trajectory
from tests.datasets.runs import episode, turn, write_run

FAILURE, TRUNCATED, UNSCORED = Outcome.FAILURE, Outcome.TRUNCATED, Outcome.UNSCORED
BROKEN = Outcome.INFRASTRUCTURE_ERROR

CODEACT_KEPT = {
    "all-work": ("ok", "ok", "ok"),
    "error-mended": ("error", "ok", "ok"),
    "limit-mended": ("limit", "ok", "ok"),
    "bad-mended": ("bad", "ok", "ok"),
    "cut-mended": ("cut", "ok", "ok"),
    "answer-then-works": ("answer", "ok", "ok"),
    "works-then-error": ("ok", "error", "ok"),
    "works-then-bad": ("ok", "bad", "ok"),
    "last-fails": ("ok", "ok", "error"),
    "last-answers": ("ok", "error", "answer"),
    "bad-and-error": ("bad", "error", "ok"),
    "bad-and-answer": ("bad", "answer", "ok"),
    "four-turns": ("error", "error", "ok", "ok"),
    "long": ("ok",) * 9,
}
TOO_SHORT = {
    "no-turn": (),
    "one-turn": ("ok",),
    "two-turns": ("ok", "ok"),
    "short-mended": ("error", "ok"),
}
UNREADABLE = {"all-bad": ("bad", "bad", "ok"), "all-bad-too": ("bad", "bad", "bad", "error")}
NEVER_WORKED = {
    "all-errors": ("error", "error", "ok"),
    "error-and-limit": ("error", "limit", "ok"),
    "all-answers": ("answer", "answer", "ok"),
    "error-and-answer": ("error", "answer", "ok"),
}
NOT_REACHED = {
    "failed": (FAILURE, ("ok", "ok", "ok")),
    "failed-mended": (FAILURE, ("error", "ok", "ok")),
    "failed-short": (FAILURE, ("ok",)),
    "out-of-turns": (TRUNCATED, ("ok", "ok", "ok")),
    "unscored": (UNSCORED, ("ok", "ok", "ok")),
}
LOST = {"lost": (BROKEN, ("ok", "ok", "ok")), "lost-at-once": (BROKEN, ())}


def forty() -> list[Trajectory]:
    successes = CODEACT_KEPT | TOO_SHORT | UNREADABLE | NEVER_WORKED
    others = NOT_REACHED | LOST
    return [
        *(episode(name, turns) for name, turns in successes.items()),
        *(episode(name, turns, outcome=outcome) for name, (outcome, turns) in others.items()),
        # Five samples of one task: of different lengths, one of them twice, one a failure.
        episode("again", ["ok"] * 5, sample=0),
        episode("again", ["ok"] * 4, sample=1),
        episode("again", ["ok"] * 4, sample=2),
        episode("again", ["ok"], sample=3, outcome=FAILURE),
        episode("again", [turn("ok", "other()"), "ok", "ok", "ok"], sample=4),
        # Another kind, of one id with a task of another split.
        episode("twin", ["ok"] * 3, kind="heat"),
        episode("twin", ["ok"] * 3, kind="heat", split="extra", sample=1),
        episode("twin", ["ok"] * 3, kind="heat", sample=2),
        episode("twin", [turn("ok", "far()"), "ok", "ok"], kind="heat", sample=3),
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("forty") / "run", forty())


def chosen(run: Path, *select: object, seed: int = 0) -> list[str]:
    data = build(run, select=select, seed=seed)  # type: ignore[arg-type]
    return [candidate.place.episode_id for candidate in data.parts["train"].candidates]


def funnel(run: Path, *select: str) -> list[tuple[str, int, int]]:
    return [(step.rule, step.removed, step.kept) for step in build(run, select=select).funnel]


AGAIN = ["again#0", "again#1", "again#2", "again#4"]
TWINS = ["twin#0", "twin#1", "twin#2", "twin#3"]


def test_there_are_forty() -> None:
    assert len(forty()) == 40


def test_without_rules_all_finished_episodes_are_kept(run: Path) -> None:
    assert len(chosen(run)) == 38
    assert funnel(run) == [("finished", 2, 38)]


def test_success(run: Path) -> None:
    kept = CODEACT_KEPT | TOO_SHORT | UNREADABLE | NEVER_WORKED
    assert chosen(run, "success") == [*(f"{name}#0" for name in kept), *AGAIN, *TWINS]
    assert funnel(run, "success") == [("finished", 2, 38), ("success", 6, 32)]


def test_codeact(run: Path) -> None:
    assert chosen(run, "codeact") == [*(f"{name}#0" for name in CODEACT_KEPT), *AGAIN, *TWINS]
    assert funnel(run, "codeact") == [
        ("finished", 2, 38),
        ("codeact: success", 6, 32),
        ("codeact: several_turns", 4, 28),
        ("codeact: some_readable", 2, 26),
        ("codeact: some_worked", 4, 22),
    ]


def test_recovered(run: Path) -> None:
    names = [
        *("error-mended", "limit-mended", "bad-mended", "cut-mended", "works-then-error"),
        *("works-then-bad", "bad-and-error", "bad-and-answer", "four-turns", "short-mended"),
        *("all-bad", "all-errors", "error-and-limit", "error-and-answer"),
    ]
    assert chosen(run, "recovered") == [f"{name}#0" for name in names]


def test_shortest_prefers_successes(run: Path) -> None:
    kept = chosen(run, "shortest")
    assert [name for name in kept if name.startswith(("again", "twin"))] == [
        "again#1",
        "twin#0",
        "twin#1",
    ]
    assert "failed#0" in kept
    assert "again#3" in chosen(run, lambda t: t.outcome is FAILURE, "shortest")


def test_dedupe_keeps_the_first_of_the_same_calls(run: Path) -> None:
    kept = chosen(run, "dedupe")
    assert [name for name in kept if name.startswith("again")] == [
        *("again#0", "again#1", "again#3", "again#4")
    ]
    assert [name for name in kept if name.startswith("twin")] == ["twin#0", "twin#1", "twin#3"]


def test_dedupe_prefers_a_success(tmp_path: Path) -> None:
    same = [episode(outcome=FAILURE), episode(sample=1)]
    assert chosen(write_run(tmp_path, same), "dedupe") == ["t#1"]


def test_dedupe_tells_apart_arguments_and_answers(tmp_path: Path) -> None:
    turns = [turn("ok", "a"), turn("ok", "b"), turn("answer", answer="1"), turn("answer")]
    run = write_run(tmp_path, [episode(turns=[t], sample=n) for n, t in enumerate(turns)])
    assert len(chosen(run, "dedupe")) == 4


def test_limit_of_tasks_is_drawn_by_the_seed(run: Path) -> None:
    draws = {
        tuple(n for n in chosen(run, "limit=task:2", seed=s) if n[:5] == "again") for s in range(9)
    }
    assert {len(draw) for draw in draws} == {2}
    assert len(draws) > 1
    assert chosen(run, "limit=task:2", seed=3) == chosen(run, "limit=task:2", seed=3)
    assert [n for n in chosen(run, "limit=task:1") if n == "twin#1"], "another split, another task"


def test_limit_of_kinds(run: Path) -> None:
    kept = chosen(run, "limit=kind:3")
    assert len(kept) == 6
    assert sum(name.startswith("twin") for name in kept) == 3


def test_hard_asks_another_run(run: Path, tmp_path: Path) -> None:
    base = write_run(
        tmp_path / "base",
        [
            *(episode("twin", sample=n, outcome=o) for n, o in enumerate([FAILURE, TRUNCATED])),
            *(episode("again", sample=n) for n in range(2)),
            episode("long", outcome=UNSCORED),
            episode("one-turn", outcome=BROKEN),
            episode("all-work", sample=0, outcome=FAILURE),
            episode("all-work", sample=1),
        ],
    )
    assert chosen(run, f"hard={base}") == ["twin#0", "twin#2", "twin#3"]
    assert chosen(run, f"hard={base}:2") == ["all-work#0", "twin#0", "twin#2", "twin#3"]


def test_rules_compose_in_their_order(run: Path) -> None:
    assert "again#3" not in chosen(run, "success", "shortest")
    steps = funnel(run, "success", "recovered", "dedupe", "limit=kind:5")
    assert steps == [
        ("finished", 2, 38),
        ("success", 6, 32),
        ("recovered", 18, 14),
        ("dedupe", 0, 14),
        ("limit=kind:5", 9, 5),
    ]
    assert len(chosen(run, "limit=kind:5", "success")) <= 9


def test_a_rule_in_a_file(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from embodied.datasets import Rule\n"
        'def long(trajectory):\n    "Keep long episodes."\n    return len(trajectory.turns) > 5\n'
        'class Last(Rule):\n    "Keep the last."\n'
        "    def keep(self, candidates):\n        return candidates[-1:]\n"
        "def forgetful(trajectory):\n    trajectory.turns\n"
        "def broken(trajectory):\n    return 1 / 0 > 1\n"
        "class Empty(Rule):\n    pass\n"
        "number = 3\n"
    )
    assert chosen(run, f"{file}:long") == ["long#0"]
    assert chosen(run, f"{file}:Last") == ["twin#3"]
    step = build(run, select=f"{file}:long").funnel[-1]
    assert (step.rule, step.does) == ("mine.py:long", "Keep long episodes")
    with pytest.raises(DataError, match=r"forgetful.*all-work#0.*returned None; a rule returns"):
        build(run, select=f"{file}:forgetful")
    with pytest.raises(DataError, match=r"broken.*all-work#0.*ZeroDivisionError.*mine\.py:\d+"):
        build(run, select=f"{file}:broken")
    for wrong in ("Empty", "number", "absent"):
        with pytest.raises(ConfigError, match=wrong):
            build(run, select=f"{file}:{wrong}")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("succes", "did you mean 'success'"),
        ("success=1", "takes no argument"),
        ("shortest=3", "Shortest takes no argument, not '3'"),
        ("limit", "limit=task:4"),
        ("limit=task:0", "limit=task:4"),
        ("limit=turn:3", "limit=task:4"),
        ("limit=task:" + "9" * 5000, "limit=task:4"),
        ("hard", "hard=runs/base:2"),
        ("hard=runs/base:0", "hard=runs/base:2"),
    ],
)
def test_a_wrong_rule_is_named(rule: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Selection(rule)


def test_nothing_left_says_what_removed_it(tmp_path: Path) -> None:
    run = write_run(tmp_path, [episode(outcome=FAILURE), episode(sample=1, outcome=BROKEN)])
    with pytest.raises(DataError, match=r"no episode is left of 2: finished removed 1; success"):
        build(run, select="success")
