"""Runs are readable column by column: by pyarrow, pandas and whatever else needs one type each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from embodied.store.jsonl import StoredEpisode, decode, encode
from embodied.store.writer import SHARD_BYTES
from embodied.task import Task
from embodied.trajectory import (
    CallRecord,
    ErrorRecord,
    Outcome,
    StepRecord,
    TokenRecord,
    ToolCall,
    Trajectory,
    Turn,
)
from tests.report.runs import write_run

VALUES: list[Any] = [
    *("desk 1", 5, 2.5, True, None, ["a", 1, None], {"x": {"y": [1]}}, {}, [], 2**70, ""),
    *('{"looks": "like JSON"}', "null", "5", {"arguments": "{}"}),
]
"""What models have given as arguments, and robots as results."""


def episode(number: int, given: Any, returned: Any) -> Trajectory:
    """An episode with a call that went well and one that failed."""
    variables = {f"variable {number}": repr(given)} if number % 2 else {}
    error = ErrorRecord(type="TypeError", message="no", line=1, variables=variables)
    step = StepRecord(
        command="go",
        observation="2026-01-01 00:00:00" if number % 2 else "a room",
        reward=1,
        terminated=False,
        truncated=False,
        success=False,
        seconds=0,
    )
    turn = Turn(
        message="goto(5)",
        observation="no",
        error=error if number % 2 else None,
        tokens=TokenRecord(prompt_ids=[1], completion_ids=[2], completion_logprobs=[-1])
        if number % 2
        else None,
        calls=[
            CallRecord(name="goto", arguments={"place": given}, result=returned, seconds=1),
            CallRecord(name="goto", arguments={str(number): given}, error=error, seconds=0.5),
            CallRecord(name="look", arguments={}, seconds=0.5, steps=[step]),
        ][: 3 * (number % 7)],
        tool_calls=[ToolCall(id="1", name="goto", arguments=json.dumps(given))] * (number % 2),
    )
    return Trajectory(
        episode_id=f"t{number}#0",
        task=Task(environment="e", id=f"t{number}", split="s", kind="k", instruction="do"),
        policy="test",
        outcome=Outcome.FAILURE,
        metrics={f"metric {number}": number} if number % 2 else {},
        turns=[turn] * (number % 4),
    )


EPISODES = [
    episode(number, VALUES[number % len(VALUES)], VALUES[number * 2 % len(VALUES)])
    for number in range(4 * len(VALUES))
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose episodes have arguments and results of all kinds."""
    return write_run(tmp_path_factory.mktemp("run"), EPISODES)


def columns(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the column of each value, and its type there: a mapping's is what keys it has."""
    if isinstance(value, dict):
        yield path, f"a record of {sorted(value)}"
        for key, inner in value.items():
            yield from columns(inner, f"{path}.{key}")
    elif isinstance(value, list):
        yield path, "a list"
        for inner in value:
            yield from columns(inner, f"{path}[]")
    elif value is not None:
        yield path, type(value).__name__


def column_types(path: Path) -> dict[str, set[str]]:
    types: dict[str, set[str]] = {}
    for line in path.read_text().splitlines():
        for column, kind in columns(json.loads(line)):
            types.setdefault(column, set()).add(kind)
    return types


def test_each_column_has_one_type(folder: Path) -> None:
    types = column_types(folder / "episodes" / "00000.jsonl")
    for each in (types, column_types(folder / "index.jsonl")):
        assert not {column: kinds for column, kinds in each.items() if len(kinds) > 1}
    assert types[".turns[].calls[].arguments"] == types[".turns[].calls[].result"] == {"str"}
    assert types[".turns[].calls[].error.variables"] == types[".turns[].error.variables"] == {"str"}
    assert types[".metrics"] == {"str"}


def test_pyarrow_reads_a_run_and_writes_it_as_parquet(folder: Path) -> None:
    wanted = "needs: pip install 'pyarrow<21'"
    reader = pytest.importorskip("pyarrow.json", reason=wanted)
    parquet = pytest.importorskip("pyarrow.parquet", reason=wanted)
    for name in ("episodes/00000.jsonl", "index.jsonl"):
        assert reader.read_json(folder / name).num_rows == len(EPISODES)
    shard = folder / "episodes" / "00000.jsonl"
    table = reader.read_json(shard)
    long = episode(0, None, None).model_copy(update={"first_observation": "x" * 2_000_000})
    content = BytesIO(encode(long)[0] + shard.read_bytes())
    whole = reader.ReadOptions(block_size=SHARD_BYTES)
    assert reader.read_json(content, whole).num_rows == 1 + len(EPISODES)
    file = BytesIO()
    parquet.write_table(table, file)
    turns = parquet.read_table(file)["turns"].to_pylist()
    given = [json.loads(call["arguments"]) for turn in turns for t in turn for call in t["calls"]]
    assert {"place": 5} in given
    assert {"place": "desk 1"} in given


def test_pandas_reads_a_run(folder: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="needs: pip install pandas")
    table = pandas.read_json(folder / "episodes" / "00000.jsonl", lines=True)
    assert len(table) == len(EPISODES)
    assert {type(text) for text in table["metrics"]} == {str}


def test_trajectories_are_as_they_were() -> None:
    for trajectory in EPISODES:
        line, read = encode(trajectory)
        assert read == decode(line) == StoredEpisode.of(trajectory).trajectory
        assert read == Trajectory.model_validate(json.loads(line))
        assert read == Trajectory.model_validate(read.model_dump())
        assert read == Trajectory.model_validate(read.model_dump(mode="json"))
        assert read == trajectory


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (float("inf"), None),
        ({1: (2, {3})}, {"1": [2, [3]]}),
        ("half an emoji \ud83d", "half an emoji \N{REPLACEMENT CHARACTER}"),
        (b"\xff", "b'\\xff'"),
        (Ellipsis, "Ellipsis"),
    ],
)
def test_what_json_has_no_words_for_is_stored_as_ever(value: object, stored: object) -> None:
    played = episode(1, None, None)
    played.turns[0].calls = [
        CallRecord(name="goto", arguments={"place": value}, result=value, seconds=1)
    ]
    _, read = encode(played)
    (call,) = read.calls
    assert (call.arguments, call.result) == ({"place": stored}, stored)
