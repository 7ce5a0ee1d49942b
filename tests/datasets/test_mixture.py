"""Mixing: published shapes are recognised, shares hold, nothing held out is trained on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied.datasets import build, mix
from embodied.datasets.general import conversation_of
from embodied.errors import ConfigError, DataError
from tests.datasets.runs import episode, turn, write_run

ORCA = {"id": "cot.1", "system_prompt": "Think.", "question": "1+1?", "response": "2"}
SHAREGPT = {
    "id": "s1",
    "conversations": [{"from": "human", "value": "1+1?"}, {"from": "gpt", "value": "2"}],
}
CAPYBARA = {"source": "Pure-Dove", "conversation": [{"input": "1+1?", "output": "2"}]}
CHAT = {"messages": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}]}
ROLES = {"conversations": CHAT["messages"]}


def lines(path: Path, rows: Iterable[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "chat" / "train.jsonl").open()]


def dataset(folder: Path, number: int = 40, **options: Any) -> Path:
    played = [
        episode(f"t{n}", [turn("ok", "x" * 80)], prompt=[], group=f"floor-{n}")
        for n in range(number)
    ]
    run = write_run(folder / "run", played)
    build(run, **options).write(folder / "data")
    return folder / "data"


def orca(folder: Path, number: int = 100) -> Path:
    """Rows of 40 tokens each, of which 20 are trained on."""
    row = {"question": "q" * 80, "response": "r" * 80}
    return lines(folder / "orca.jsonl", ({"id": n, **row} for n in range(number)))


@pytest.mark.parametrize("row", [SHAREGPT, CAPYBARA, CHAT, ROLES], ids=lambda row: next(iter(row)))
def test_published_shapes_are_recognised(row: dict[str, Any]) -> None:
    found = conversation_of(row, "here")
    assert [(line.message.role, line.text, line.trained) for line in found] == [
        ("user", "1+1?", False),
        ("assistant", "2", True),
    ]


def test_a_system_prompt_comes_first() -> None:
    roles = [line.message.role for line in conversation_of(ORCA, "here")]
    assert roles == ["system", "user", "assistant"]
    assert len(conversation_of({**ORCA, "system_prompt": ""}, "here")) == 2
    assert len(conversation_of({**ORCA, "system_prompt": None}, "here")) == 2


def test_flags_of_messages_are_kept() -> None:
    messages = [{"role": "assistant", "content": "no", "train": False}, *CHAT["messages"]]
    assert conversation_of({"messages": messages}, "here") == []
    messages[2] = {**messages[2], "train": True}
    assert [line.trained for line in conversation_of({"messages": messages}, "here")] == [
        *(False, False, True)
    ]


UNUSABLE = [
    {"conversations": []},
    {"conversations": None},
    {"conversations": [{"from": "human", "value": "alone"}]},
    {"conversations": [{"from": "narrator", "value": "x"}]},
    {"conversations": [{"from": "gpt", "value": None}]},
    {"conversations": [{"from": "gpt", "value": ""}]},
    {"conversations": [{"from": ["gpt"], "value": "x"}]},
    {"conversations": "gpt"},
    {"conversations": [3]},
    {"conversation": [{"input": "x"}]},
    {"question": 3, "response": "x"},
    {"messages": [{"role": "assistant"}]},
    {"messages": {"role": "assistant"}},
    {"messages": [{"role": "robot", "content": "x"}]},
    {"messages": [{"role": "assistant", "content": [{"type": "image_url", "url": "x"}]}]},
    {"messages": [{"role": "assistant", "content": "x", "tool_calls": [{"id": 1}]}]},
    {"messages": [{"role": "assistant", "content": "x", "tool_calls": 5}]},
]


@pytest.mark.parametrize("row", UNUSABLE, ids=json.dumps)
def test_rows_that_cannot_be_used_give_nothing(row: dict[str, Any]) -> None:
    assert conversation_of(row, "here") == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["from", "value", "role", "content", "input", "output", "tool_calls", "id"]
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.sampled_from(["messages", "conversations", "conversation"]), JSON)
def test_no_row_of_a_known_shape_breaks_reading(column: str, value: Any) -> None:
    for line in conversation_of({column: value}, "here"):
        assert isinstance(line.text, str)


def test_an_unknown_shape_is_named(tmp_path: Path) -> None:
    file = lines(tmp_path / "x.jsonl", [ORCA, {"prompt": "a", "completion": "b"}])
    with pytest.raises(DataError, match=r"x\.jsonl, row 2 has the columns prompt, completion; kno"):
        mix([file], tmp_path / "out")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no conversation that can be trained on"),
        (b"\n\n", "no conversation that can be trained on"),
        (b"[1]\n", "line 1 holds no object"),
        (b"{\n", "line 1 is not JSON"),
        (b'{"a": "\xff"}\n', "line 1 is not JSON"),
        (b"[" * 100_000, "line 1 is not JSON"),
    ],
)
def test_files_that_are_no_data_are_explained(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "x.jsonl"
    file.write_bytes(content)
    with pytest.raises(DataError, match=message):
        mix([file], tmp_path / "out")
    with pytest.raises(DataError, match="cannot be read"):
        mix([tmp_path / "gone.jsonl"], tmp_path / "out")


def test_shares_are_of_the_tokens(tmp_path: Path) -> None:
    inputs = [dataset(tmp_path), f"{orca(tmp_path)}:0.3"]
    card = mix(inputs, tmp_path / "out", tokens="1k", seed=1)
    data, general = card.ingredients
    assert (data.name, general.name) == ("data", "orca.jsonl")
    assert (data.rows, data.tokens, data.trained_tokens) == (35, 700, 700)
    assert general.rows in (7, 8)
    assert general.trained_tokens == general.tokens // 2
    assert data.token_share + general.token_share == pytest.approx(1)
    assert general.token_share == pytest.approx(0.3, abs=0.02)
    rows = read(tmp_path / "out")
    assert len(rows) == data.rows + general.rows
    assert len({row["id"] for row in rows}) == len(rows)
    assert card.formats["chat"].rows == {"train": len(rows)}


def test_rows_are_shuffled_by_the_seed(tmp_path: Path) -> None:
    inputs = [dataset(tmp_path), f"{orca(tmp_path)}:0.5"]
    ids = []
    for number, seed in enumerate((3, 3, 4)):
        mix(inputs, tmp_path / f"out-{number}", seed=seed)
        ids.append([row["id"] for row in read(tmp_path / f"out-{number}")])
    assert ids[0] == ids[1] != ids[2]
    sources = [id_.partition("/")[0] for id_ in ids[0]]
    assert sources != sorted(sources)


def test_without_an_amount_the_scarce_input_is_used_up(tmp_path: Path) -> None:
    card = mix([dataset(tmp_path), f"{orca(tmp_path)}:0.2"], tmp_path / "out")
    assert card.ingredients[0].rows == 40
    assert card.ingredients[1].tokens == 200


def test_without_shares_all_is_taken(tmp_path: Path) -> None:
    card = mix([dataset(tmp_path), orca(tmp_path)], tmp_path / "out")
    assert [one.rows for one in card.ingredients] == [40, 100]


def test_too_little_data_for_a_share_is_explained(tmp_path: Path) -> None:
    asked = r"data has 800 tokens, and its share of 0.7 of 2,000 would be 1,400"
    with pytest.raises(DataError, match=f"{asked}; take at most --tokens 1143"):
        mix([dataset(tmp_path), f"{orca(tmp_path)}:0.3"], tmp_path / "out", tokens=2000)
    with pytest.raises(DataError, match="less than half a row"):
        mix([tmp_path / "data", f"{tmp_path}/orca.jsonl:0.01"], tmp_path / "o", tokens=100)


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        (("", ":0.0"), "must be between 0 and 1, not 0"),
        (("", ":1"), "must be between 0 and 1, not 1"),
        ((":0.5", ":0.6"), "add up to 1.1"),
        ((":0.5", ":0.4"), "add up to 0.9"),
        ((":0.5", ":0.50"), None),
    ],
)
def test_shares_must_add_up(tmp_path: Path, shares: tuple[str, str], message: str | None) -> None:
    inputs = [f"{dataset(tmp_path)}{shares[0]}", f"{orca(tmp_path)}{shares[1]}"]
    if message is None:
        assert len(mix(inputs, tmp_path / "out").ingredients) == 2
        return
    with pytest.raises(ConfigError, match=message):
        mix(inputs, tmp_path / "out")


@pytest.mark.parametrize("amount", ["", "0", "10X", "-5", "1e6", "ten", "9" * 5000])
def test_a_wrong_amount_is_explained(tmp_path: Path, amount: str) -> None:
    with pytest.raises(ConfigError, match="--tokens takes a number such as 500k or 10M"):
        mix([orca(tmp_path)], tmp_path / "out", tokens=amount)


def test_inputs_are_checked(tmp_path: Path) -> None:
    file = orca(tmp_path)
    with pytest.raises(ConfigError, match="named twice"):
        mix([file, tmp_path / "." / "orca.jsonl"], tmp_path / "out")
    with pytest.raises(DataError, match=r"no dataset with the file chat/train\.jsonl"):
        mix([tmp_path], tmp_path / "out")
    with pytest.raises(ConfigError, match="at least one"):
        mix([], tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x").touch()
    with pytest.raises(ConfigError, match="is there already"):
        mix([file], tmp_path / "out")


def test_what_one_dataset_holds_out_no_other_trains_on(tmp_path: Path) -> None:
    held = dataset(tmp_path / "a", holdout="scene=0.2")
    other = dataset(tmp_path / "b")
    with pytest.raises(DataError, match=r"trains on run/t\d+#0, of the scene 'floor-\d+', which"):
        mix([held, other], tmp_path / "out")
    with pytest.raises(DataError, match="build one dataset of all these runs"):
        mix([other, held], tmp_path / "out")
    same = dataset(tmp_path / "c", holdout="scene=0.2")
    assert len(mix([held, same, f"{orca(tmp_path)}:0.1"], tmp_path / "out").ingredients) == 3
    by_task = dataset(tmp_path / "d", holdout="task=0.5", seed=5)
    with pytest.raises(DataError, match="of the task 't"):
        mix([by_task, other], tmp_path / "out2")


def test_masks_functions_and_thoughts_pass_through(tmp_path: Path) -> None:
    from tests.datasets.test_formats import NATIVE, native

    acts = native(group="floor-1")
    acts.turns[1].reasoning = "Hm."
    played = [acts, episode("u", ["error", "ok"])]
    data = build(write_run(tmp_path / "run", played, **NATIVE), thoughts=True)
    data.write(tmp_path / "data")
    mix([tmp_path / "data", orca(tmp_path)], tmp_path / "out")
    by_id = {row["id"]: row for row in read(tmp_path / "out")}
    for row in data.to_chat():
        mixed = by_id[f"data/{row['id']}"]
        assert mixed["messages"] == row["messages"]
        assert mixed["tools"] == row["tools"]


def test_datasets_loads_a_mixture(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="needs: pip install 'embodied-codeact[dev]'")
    mix([dataset(tmp_path), orca(tmp_path)], tmp_path / "out")
    loaded = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert [row["id"] for row in loaded["train"]] == [row["id"] for row in read(tmp_path / "out")]


def test_unusable_rows_are_counted(tmp_path: Path) -> None:
    file = lines(tmp_path / "x.jsonl", [ORCA, *UNUSABLE[:5], CHAT])
    (one,) = mix([file], tmp_path / "out").ingredients
    assert (one.rows, one.rows_there, one.rows_unusable) == (2, 2, 5)
