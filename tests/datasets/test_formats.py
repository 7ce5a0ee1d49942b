"""What each format writes: what is shown, what is trained on, and what readers make of it."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied.datasets import build, from_chat
from embodied.datasets.conversation import Line, Training, conversations, exchanges
from embodied.datasets.formats import FORMATS, Shape, make_format
from embodied.datasets.formats.base import all_to_chat
from embodied.errors import ConfigError, DataError
from embodied.protocol import History
from embodied.trajectory import Message, Outcome, PicturePart, TokenRecord, ToolCall, Trajectory
from tests.datasets.runs import PROMPT, episode, turn, write_run

MIXED = ["error", "ok", "bad", "ok"]


def rows(folder: Path, format: str, *episodes: Trajectory, **options: Any) -> list[dict[str, Any]]:
    protocol = options.pop("protocol", {})
    return list(build(write_run(folder, episodes, **protocol), **options).rows(format))


def test_failed_turns_are_masked_and_the_mending_ones_kept(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, "chat", episode(turns=MIXED))
    assert row["id"] == f"{tmp_path.name}/t#0"
    said = [(m["content"], m["train"]) for m in row["messages"] if m["role"] == "assistant"]
    assert said == [("error()", False), ("ok()", True), ("bad()", False), ("ok()", True)]
    assert not any(m["train"] for m in row["messages"] if m["role"] != "assistant")


def test_without_a_mask_all_turns_are_trained_on(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, "chat", episode(turns=MIXED), mask="none")
    assert [m["train"] for m in row["messages"] if m["role"] == "assistant"] == [True] * 4


def test_what_answers_the_last_turn_was_never_shown(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, "chat", episode(turns=["ok", "ok"]))
    assert [m["content"] for m in row["messages"]] == [
        *(message.content for message in PROMPT),
        *("ok()", "seen after ok()", "ok()"),
    ]


def test_observations_are_those_that_the_model_saw(tmp_path: Path) -> None:
    cut = turn("ok", stdout="x" * 9000, observation="xxx [output cut at 3 characters]")
    (row,) = rows(tmp_path, "chat", episode(turns=[cut, "ok"]))
    assert row["messages"][3]["content"] == "xxx [output cut at 3 characters]"


def test_thoughts_are_apart_and_out_unless_wanted(tmp_path: Path) -> None:
    thinks = episode(turns=[turn("ok", reasoning="Where is the mug?"), "ok"])
    (out,) = rows(tmp_path / "out", "chat", thinks)
    assert "Where" not in json.dumps(out)
    (row,) = rows(tmp_path / "in", "chat", thinks, thoughts=True)
    assert row["messages"][2]["reasoning_content"] == "Where is the mug?"
    assert row["messages"][2]["content"] == "ok()"
    assert "reasoning_content" not in row["messages"][4]


def test_a_prompt_with_examples_is_not_trained_on(tmp_path: Path) -> None:
    prompt = [*PROMPT, Message(role="assistant", content="x()"), Message(role="user", content="y")]
    (row,) = rows(tmp_path, "chat", episode(prompt=prompt))
    assert [m["train"] for m in row["messages"][:5]] == [False] * 4 + [True]


def test_a_line_stands_in_the_place_of_a_picture(tmp_path: Path) -> None:
    picture = PicturePart(name="wrist", media_type="image/png", sha256="0" * 64)
    played = episode(turns=[turn("ok", pictures=[picture]), "ok"])
    data = build(write_run(tmp_path, [played]))
    assert data.to_chat()[0]["messages"][3]["content"] == "seen after ok()\n[picture: wrist]"
    (warning,) = data.card.warnings
    assert warning.startswith(f"episodes of {tmp_path.name} with pictures")


def numbered(*kinds: str) -> Trajectory:
    return episode(turns=[turn(kind, f"do {n}") for n, kind in enumerate(kinds, start=1)])


def contents(lines: list[Line]) -> list[str]:
    return [f"{line.text}*" if line.trained else line.text for line in lines]


def test_a_window_of_turns_gives_a_conversation_for_what_each_turn_was_shown() -> None:
    told = [message.content for message in PROMPT]
    found = conversations(numbered("ok", "ok", "error", "ok"), History(kind="last", turns=1))
    assert [contents(lines) for lines in found] == [
        [*told, "do 1*", "seen after do 1", "do 2*"],
        [*told, "do 3", "seen after do 3", "do 4*"],
    ]


def test_summaries_begin_a_conversation_anew() -> None:
    played = numbered("ok", "ok", "ok", "ok")
    played.turns[2].summary = "I did one thing."
    first, second = conversations(played, History(kind="summary", turns=1))
    system, task = (message.content for message in PROMPT)
    assert contents(first) == [system, task, "do 1*", "seen after do 1", "do 2*"]
    summary = f"{task}\n\nSummary of turns 1 to 1:\nI did one thing."
    assert contents(second) == [
        *(system, summary, "do 2", "seen after do 2", "do 3*", "seen after do 3", "do 4*")
    ]


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_each_turn_is_trained_on_once_after_what_it_was_shown(turns: int) -> None:
    played = numbered(*["ok"] * 6)
    history = History(kind="last", turns=turns)
    shown = {each.said.text: [*each.shown] for each in exchanges(played, history)}
    trained = []
    for lines in conversations(played, history):
        for number, line in enumerate(lines):
            if line.trained:
                trained.append(line.text)
                assert [each.message for each in lines[:number]] == shown[line.text]
    assert trained == [f"do {n}" for n in range(1, 7)]


def test_an_episode_with_nothing_to_train_on_gives_no_row(tmp_path: Path) -> None:
    only = rows(tmp_path, "chat", episode(turns=["error"]), episode(sample=1, turns=["ok"]))
    assert [row["id"].rpartition("/")[2] for row in only] == ["t#1"]


def test_prompt_and_completion_for_each_kept_turn(tmp_path: Path) -> None:
    first, second = rows(tmp_path, "prompt-completion", episode(turns=MIXED))
    assert [row["id"].rpartition("/")[2] for row in (first, second)] == ["2", "4"]
    assert [message["content"] for message in first["prompt"]] == [
        *(message.content for message in PROMPT),
        *("error()", "seen after error()"),
    ]
    assert first["completion"] == [{"role": "assistant", "content": "ok()"}]
    assert len(second["prompt"]) == 8


CALL = ToolCall(id="call00001", name="goto", arguments='{"place": "desk"}')
TWO = [CALL, ToolCall(id="call00002", name="look", arguments="{}")]


def native(sample: int = 0, **fields: Any) -> Trajectory:
    acts = turn("ok", "I go.", tool_calls=TWO, tool_results=["At the desk.", "A mug."])
    return episode(turns=[acts, "ok"], sample=sample, **fields)


NATIVE = {"controller": "household", "action": "tools"}


def test_native_function_calls_have_the_shape_of_the_api(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, "chat", native(), protocol=NATIVE)
    said, *answers, last = row["messages"][2:]
    assert said["tool_calls"][0] == {
        "id": "call00001",
        "type": "function",
        "function": {"name": "goto", "arguments": '{"place": "desk"}'},
    }
    assert answers == [
        {"role": "tool", "content": text, "tool_call_id": call.id, "train": False}
        for call, text in zip(TWO, ("At the desk.", "A mug."), strict=True)
    ]
    assert last["content"] == "ok()"
    tools = json.loads(row["tools"])
    assert tools[0]["type"] == "function"
    assert "goto" in [tool["function"]["name"] for tool in tools]


@pytest.mark.parametrize("robot", ["mine.py:Robot", "mcp:http://127.0.0.1:9/mcp", "gone", None])
def test_a_robot_that_is_not_registered_is_not_loaded(tmp_path: Path, robot: str | None) -> None:
    data = build(write_run(tmp_path, [native()], action="tools", controller=robot))
    assert data.to_chat()[0]["tools"] is None
    (warning,) = data.card.warnings
    assert warning == (
        f"episodes of {tmp_path.name} that call functions natively, and whose rows do not say "
        "which there are, as the robot is in a file or not installed here: 1"
    )


def test_sharegpt_rows_end_with_a_turn_that_is_trained_on(tmp_path: Path) -> None:
    found = rows(tmp_path, "sharegpt", episode(turns=MIXED))
    assert [len(row["conversations"]) for row in found] == [4, 8]
    assert found[0]["system"] == "You control a robot."
    for row in found:
        roles = [message["from"] for message in row["conversations"]]
        assert roles == ["human", "gpt"] * (len(roles) // 2)


def test_sharegpt_without_a_mask_has_a_row_an_episode(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, "sharegpt", episode(turns=MIXED), mask="none")
    assert len(row["conversations"]) == 8


def test_sharegpt_takes_turns_with_function_calls_too(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, "sharegpt", native(), mask="none", protocol=NATIVE)
    roles = [message["from"] for message in row["conversations"]]
    assert roles == ["human", "function_call", "observation", "gpt"]
    assert json.loads(row["conversations"][1]["value"]) == [
        {"name": "goto", "arguments": {"place": "desk"}},
        {"name": "look", "arguments": {}},
    ]
    assert row["conversations"][2]["value"] == "At the desk.\nA mug."


def test_sharegpt_has_thoughts_in_the_marks_that_its_reader_knows(tmp_path: Path) -> None:
    thinks = episode(turns=[turn("ok", reasoning="Hm.")])
    (row,) = rows(tmp_path, "sharegpt", thinks, thoughts=True)
    assert row["conversations"][1]["value"] == "<think>\nHm.\n</think>\n\nok()"


def test_sharegpt_comes_with_its_entries(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [native(), native(1)], **NATIVE)
    build(run).write(tmp_path / "data", ["sharegpt"])
    entries = json.loads((tmp_path / "data" / "sharegpt" / "dataset_info.json").read_text())
    assert entries == {
        "embodied_train": {
            "file_name": "train.jsonl",
            "formatting": "sharegpt",
            "columns": {"messages": "conversations", "system": "system", "tools": "tools"},
        }
    }


FAILURE, TRUNCATED = Outcome.FAILURE, Outcome.TRUNCATED


def test_a_pair_parts_where_the_samples_say_something_else(tmp_path: Path) -> None:
    good, bad = numbered("ok", "ok", "ok"), numbered("ok", "error")
    bad = bad.model_copy(update={"sample": 1, "episode_id": "t#1", "outcome": FAILURE})
    bad.turns[1].message = "do nothing"
    (row,) = rows(tmp_path, "preference", bad, good)
    assert row["id"] == f"{tmp_path.name}/t#0/2/{tmp_path.name}/t#1"
    assert [message["content"] for message in row["prompt"]][2:] == ["do 1", "seen after do 1"]
    assert row["chosen"] == [{"role": "assistant", "content": "do 2"}]
    assert row["rejected"] == [{"role": "assistant", "content": "do nothing"}]


def other(text: str, sample: int, outcome: Outcome = FAILURE, **fields: Any) -> Trajectory:
    return episode(turns=[turn("ok", text)], sample=sample, outcome=outcome, **fields)


@pytest.mark.parametrize(
    "worse",
    [
        other("other()", 1, Outcome.UNSCORED),
        other("other()", 1, Outcome.INFRASTRUCTURE_ERROR),
        other("other()", 1, Outcome.SUCCESS),
        other("ok()", 1),
        other("other()", 1, prompt=[PROMPT[1]]),
        episode(turns=[turn("shortened", "other()")], sample=1, outcome=FAILURE),
        other("other()", 1, split="extra"),
    ],
    ids=["unscored", "lost", "also good", "the same", "other prompt", "cut", "other task"],
)
def test_samples_that_are_no_pair(tmp_path: Path, worse: Trajectory) -> None:
    assert rows(tmp_path, "preference", episode(turns=["ok"]), worse) == []


def test_a_mistake_is_never_chosen(tmp_path: Path) -> None:
    good, worse = episode(turns=["error", "ok"]), other("other()", 1)
    assert rows(tmp_path / "a", "preference", good, worse) == []
    assert len(rows(tmp_path / "b", "preference", good, worse, mask="none")) == 1


def test_ids_of_function_calls_do_not_make_two_samples_differ(tmp_path: Path) -> None:
    good, bad = native(), native(1, outcome=FAILURE)
    for number, each in enumerate(bad.turns[0].tool_calls):
        each.id = f"other{number:04}"
    bad.turns[1].message = "stop()"
    (row,) = rows(tmp_path, "preference", good, bad, protocol=NATIVE)
    assert row["rejected"] == [{"role": "assistant", "content": "stop()"}]


def test_each_sample_is_in_one_pair(tmp_path: Path) -> None:
    good = [other(f"good {n}", n, Outcome.SUCCESS) for n in range(3)]
    bad = [other(f"bad {n}", n + 3, TRUNCATED) for n in range(2)]
    found = rows(tmp_path, "preference", *good, *bad)
    pairs = [(row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in found]
    assert pairs == [("good 0", "bad 0"), ("good 1", "bad 1")]


def test_kto_labels_messages_by_their_episode(tmp_path: Path) -> None:
    found = rows(
        tmp_path,
        "kto",
        episode(turns=["error", "ok"]),
        episode(turns=["error", "ok"], sample=1, outcome=FAILURE),
        episode(sample=2, outcome=Outcome.UNSCORED),
    )
    assert [(row["completion"][0]["content"], row["label"]) for row in found] == [
        *(("ok()", True), ("error()", False), ("ok()", False))
    ]


def tokens(prompt: list[int], completion: list[int]) -> dict[str, Any]:
    return {"tokens": TokenRecord(prompt_ids=prompt, completion_ids=completion)}


def test_recorded_ids_become_one_row_where_each_turn_goes_on(tmp_path: Path) -> None:
    played = episode(
        turns=[
            turn("ok", **tokens([1, 2], [3, 4])),
            turn("error", **tokens([1, 2, 3, 4, 5], [6])),
            turn("ok", **tokens([1, 2, 3, 4, 5, 6, 7, 8], [9])),
        ]
    )
    (row,) = rows(tmp_path, "tokens", played)
    assert row["input_ids"] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert row["labels"] == [-100, -100, 3, 4, -100, -100, -100, -100, 9]
    assert row["attention_mask"] == [1] * 9


def test_ids_that_a_template_wrote_otherwise_begin_a_new_row(tmp_path: Path) -> None:
    played = episode(
        turns=[
            turn("ok", **tokens([1, 2], [3, 4])),
            turn("ok"),
            turn("ok", **tokens([1, 2, 4, 5], [6])),
            turn("error", **tokens([7], [8])),
        ]
    )
    first, second = rows(tmp_path, "tokens", played)
    assert (first["input_ids"], first["labels"]) == ([1, 2, 3, 4], [-100, -100, 3, 4])
    assert (second["input_ids"], second["labels"]) == ([1, 2, 4, 5, 6], [-100] * 4 + [6])


def test_a_turn_without_ids_between_others_does_not_hide_what_it_said(tmp_path: Path) -> None:
    played = episode(
        turns=[
            turn("ok", **tokens([1], [2])),
            turn("ok"),
            turn("ok", **tokens([1, 2, 3, 4], [5])),
        ]
    )
    (row,) = rows(tmp_path, "tokens", played)
    assert row["labels"] == [-100, 2, -100, -100, 5]


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_without_rows_says_what_is_missing(name: str, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [episode(turns=["shortened"])])
    with pytest.raises(DataError, match=f"the 1 episodes give no row in the format {name}: "):
        build(run).write(tmp_path / "data", [name])
    assert not (tmp_path / "data").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_an_unknown_format_is_named() -> None:
    with pytest.raises(ConfigError, match=r"no format 'chats'; did you mean 'chat'"):
        make_format("chats", Training(), Shape())


TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
NAME = st.text(string.ascii_letters, min_size=1, max_size=5)
TOOL_CALLS = st.lists(
    st.builds(ToolCall, id=NAME, name=NAME, arguments=TEXT), max_size=2, unique_by=lambda c: c.id
)
MESSAGES = st.lists(
    st.one_of(
        st.builds(Message, role=st.sampled_from(["system", "user"]), content=TEXT),
        st.builds(Message, role=st.just("assistant"), content=TEXT, tool_calls=TOOL_CALLS),
        st.builds(Message, role=st.just("tool"), content=TEXT, tool_call_id=NAME),
    ),
    max_size=5,
)
LINES = st.builds(
    Line, st.builds(Message, role=st.just("assistant"), content=TEXT), thoughts=st.none() | TEXT
)


@given(MESSAGES, st.lists(LINES, max_size=3))
def test_chat_and_back_gives_the_same_messages(shown: list[Message], said: list[Line]) -> None:
    lines = [*map(Line, shown), *said]
    row = json.loads(json.dumps({"messages": all_to_chat(lines)}))
    assert from_chat(row) == lines


@given(MESSAGES, st.lists(TEXT, min_size=1, max_size=4))
def test_an_episode_and_its_chat_row_have_the_same_messages(
    prompt: list[Message], texts: list[str]
) -> None:
    played = episode(prompt=prompt, turns=[turn("ok", text or "x") for text in texts])
    (lines,) = conversations(played, History())
    row = {"messages": all_to_chat(lines)}
    assert [line.message for line in from_chat(row)] == played.messages[:-1]
