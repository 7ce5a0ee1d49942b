"""What is written is read back by the tools that it is for: Hugging Face's datasets, pyarrow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from embodied.datasets import FORMATS, build, from_chat
from embodied.datasets.build import Dataset
from embodied.trajectory import Message, Outcome, ToolCall, Trajectory
from tests.datasets.runs import episode, turn, write_run
from tests.datasets.test_formats import NATIVE, TWO, tokens

pytest.importorskip("datasets", reason="needs: pip install 'embodied-codeact[dev]'")
pytest.importorskip("pyarrow", reason="needs: pip install 'embodied-codeact[data]'")

PART = ("train", "validation")


def all_shapes() -> Iterator[Trajectory]:
    """Episodes of which only some have function calls and thoughts; all have token ids."""
    for number in range(6):
        ids = tokens([1, 2, number], [3])
        plain = turn("ok", "ünïcödé 日本", **ids)
        acts = turn("ok", "", tool_calls=TWO, tool_results=["At the desk.", "A mug."], **ids)
        thinks = turn("ok", reasoning="Hm.", **ids)
        turns = [plain, *([acts] if number > 3 else []), *([thinks] if number > 4 else [])]
        yield episode(f"t{number}", turns, group=f"floor-{number}")
        worse = [turn("ok", "no", **ids)]
        yield episode(
            f"t{number}", worse, sample=1, outcome=Outcome.FAILURE, group=f"floor-{number}"
        )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    run = write_run(tmp_path_factory.mktemp("shapes") / "run", all_shapes(), **NATIVE)
    return build(run, thoughts=True, holdout="scene=0.3")


def without_nulls(value: Any) -> Any:
    """Leave out fields without a value, and function calls where there are none."""
    if isinstance(value, dict):
        kept = {key: without_nulls(each) for key, each in value.items()}
        return {key: each for key, each in kept.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("parquet", [False, True], ids=["jsonl", "parquet"])
def test_datasets_loads_each_format_by_its_name(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parquet: bool
) -> None:
    from datasets import load_dataset

    card = data.write(tmp_path / "data", list(FORMATS), parquet=parquet)
    for name, written in card.formats.items():
        loaded = load_dataset(str(tmp_path / "data"), name, cache_dir=str(tmp_path / "cache"))
        for part in written.files:
            rows = [without_nulls(row) for row in loaded[part]]
            assert rows == [without_nulls(row) for row in data.rows(name, part)], name
            assert list(loaded[part].features) == list(written.columns)


def test_the_first_format_is_the_default(data: Dataset, tmp_path: Path) -> None:
    from datasets import load_dataset

    data.write(tmp_path / "data", ["prompt-completion", "chat"])
    loaded = load_dataset(str(tmp_path / "data"), cache_dir=str(tmp_path / "cache"))
    assert {"prompt", "completion"} <= loaded["train"].features.keys()


@pytest.mark.parametrize("parquet", [False, True], ids=["jsonl", "parquet"])
def test_columns_that_only_late_rows_use_have_their_types_from_the_card(
    tmp_path: Path, parquet: bool
) -> None:
    """Readers guess types from the first ten megabytes of a file."""
    from datasets import load_dataset

    text = "x" * 3_000_000
    early = [episode(f"t{n}", [turn("ok", text)]) for n in range(5)]
    late = turn("ok", reasoning="Hm.", tool_calls=[TWO[0]], tool_results=["There."])
    run = write_run(tmp_path / "run", [*early, episode("z", [late])], **NATIVE)
    build(run, thoughts=True).write(tmp_path / "data", parquet=parquet)
    loaded = load_dataset(str(tmp_path / "data"), cache_dir=str(tmp_path / "cache"))["train"]
    last = loaded[5]["messages"][-1]
    assert last["reasoning_content"] == "Hm."
    assert [ToolCall(id=c["id"], **c["function"]) for c in last["tool_calls"]] == [TWO[0]]


def test_a_row_that_was_read_back_gives_the_same_messages(data: Dataset, tmp_path: Path) -> None:
    import pyarrow.parquet

    data.write(tmp_path / "data", ["chat"], parquet=True)
    table = pyarrow.parquet.read_table(tmp_path / "data" / "chat" / "train.parquet")
    lines = [from_chat(row) for row in table.to_pylist()]
    assert lines == [from_chat(row) for row in data.rows("chat")]
    said = [[line.message for line in found] for found in lines]
    assert said == [shown_and_said(each.trajectory) for each in data.parts["train"]]


def shown_and_said(played: Trajectory) -> list[Message]:
    """All messages but those that answer the last turn."""
    *earlier, last = played.turns
    shown = [message for turn in earlier for message in turn.messages]
    return [*played.prompt, *shown, last.messages[0]]


def test_pandas_reads_the_lines(data: Dataset, tmp_path: Path) -> None:
    import pandas

    data.write(tmp_path / "data")
    frame = pandas.read_json(tmp_path / "data" / "chat" / "train.jsonl", lines=True)
    assert list(frame["id"]) == [row["id"] for row in data.rows("chat")]
    assert json.loads(frame["tools"][0])[0]["type"] == "function"


def test_episodes_are_a_table(data: Dataset) -> None:
    frame = data.to_pandas()
    assert len(frame) == 12
    assert set(frame["part"]) == set(PART)
    assert frame["outcome"].value_counts().to_dict() == {"success": 6, "failure": 6}
    assert frame["trained_tokens"].sum() == data.statistics.trained_tokens
