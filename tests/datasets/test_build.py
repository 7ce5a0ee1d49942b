"""A dataset as a whole: its card, its figures, its folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

import embodied
from embodied.datasets import Card, build
from embodied.datasets.card import read_card, render, statistics_rows
from embodied.datasets.figures import read_figures
from embodied.datasets.statistics import aggregate
from embodied.errors import ConfigError, DataError, RunError
from embodied.trajectory import Outcome
from tests.datasets.runs import call, episode, turn, write_run

CODE = "for d in desks:\n    if d: goto(d)"


def test_the_card_says_what_went_in(tmp_path: Path) -> None:
    first = write_run(tmp_path / "a" / "run", [episode("t"), episode("u", outcome=Outcome.FAILURE)])
    second = write_run(tmp_path / "b" / "run", [episode("t", sample=1)], action="json")
    data = embodied.datasets.build([first, second], select="success", seed=7)
    card = data.card
    assert [source.run for source in card.sources] == ["run", "run-2"]
    assert [(source.episodes, source.selected) for source in card.sources] == [(2, 1), (1, 1)]
    assert [source.action for source in card.sources] == ["code", "json"]
    assert {source.model for source in card.sources} == {"tiny"}
    hashes = {source.protocol_sha256 for source in card.sources}
    assert len(hashes) == 2
    assert all(len(each) == 64 for each in hashes)
    assert card.recipe.model_dump() == {
        "select": ["success"],
        "mask": "errors",
        "thoughts": False,
        "holdout": None,
        "allow_splits": [],
        "seed": 7,
    }
    assert [(step.rule, step.removed) for step in card.funnel] == [("finished", 0), ("success", 1)]
    assert card.parts["train"].scenes == {"house": ["floor-1"]}
    assert [row["id"] for row in data.to_chat()] == ["run/t#0", "run-2/t#1"]


def test_the_same_protocol_has_the_same_hash(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / name, [episode(name)]) for name in "ab"]
    assert len({source.protocol_sha256 for source in build(runs).card.sources}) == 1


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    data = build(write_run(tmp_path / "run", [episode("t"), episode("u")]))
    card = data.write(tmp_path / "data" / "mine", ["chat", "kto", "chat"])
    folder = tmp_path / "data" / "mine"
    assert read_card(folder) == card
    assert list(card.formats) == ["chat", "kto"]
    assert card.formats["kto"].rows == {"train": 6}
    lines = (folder / card.formats["chat"].files["train"]).read_text().splitlines()
    assert [json.loads(line) for line in lines] == data.to_chat()
    assert aggregate(read_figures(folder / "episodes.jsonl"), "characters / 4") == data.statistics
    head = yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])
    assert [each["config_name"] for each in head["configs"]] == ["chat", "kto"]


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    data = build(write_run(tmp_path / "run", [episode()]))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("full", "file", "link"):
        with pytest.raises(ConfigError, match="is there already; choose another folder"):
            data.write(tmp_path / name)
    with pytest.raises(ConfigError, match="cannot be written"):
        data.write(tmp_path / "file" / "below")
    (tmp_path / "empty").mkdir()
    assert data.write(tmp_path / "empty").parts["train"].episodes == 1
    assert {path.name for path in tmp_path.iterdir()} == {"run", "full", "file", "link", "empty"}


def test_runs_are_checked(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [episode()])
    with pytest.raises(ConfigError, match="named twice"):
        build([run, tmp_path / "run" / ".." / "run"])
    with pytest.raises(ConfigError, match="at least one run"):
        build([])
    with pytest.raises(RunError, match="is not a run"):
        build(tmp_path / "gone")
    with pytest.raises(ConfigError, match="mask is 'errors' or 'none', not 'all'"):
        build(run, mask="all")  # type: ignore[arg-type]
    assert len(build(embodied.open_run(run)).to_chat()) == 1


def test_damaged_records_are_left_out_and_told(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [episode("a"), episode("b"), episode("c")])
    shard = run / "episodes" / "00000.jsonl"
    lines = shard.read_bytes().splitlines(keepends=True)
    shard.write_bytes(lines[0] + b"{" * (len(lines[1]) - 1) + b"\n" + lines[2])
    data = build(run)
    assert [row["task"] for row in data.to_chat()] == ["a", "c"]
    assert len(data.card.sources[0].damaged) == 1
    assert data.card.warnings == ["damaged records of run that were left out: 1"]


def test_a_record_that_goes_while_data_are_made_is_no_silent_loss(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [episode("a")])
    data = build(run)
    shard = run / "episodes" / "00000.jsonl"
    shard.write_bytes(b" " * shard.stat().st_size)
    with pytest.raises(RunError, match=r"can no longer be read.*build the dataset again"):
        data.to_chat()


def test_texts_from_a_run_stay_texts_in_the_card(tmp_path: Path) -> None:
    name = "x | <script>alert(1)</script>\n# Heading [a](b) `c`"
    data = build(write_run(tmp_path / "run", [episode(kind=name, environment=name, group=name)]))
    text = render(data.card)
    assert "<script>" not in text
    assert "\n# Heading" not in text
    assert "\\| \\<script\\>" in text


def test_a_card_that_is_none_is_explained(tmp_path: Path) -> None:
    for content in (None, "", "{}", "[1]", '{"card_version": "x"}'):
        if content is not None:
            (tmp_path / "card.json").write_text(content)
        with pytest.raises(DataError, match="no card of a dataset"):
            read_card(tmp_path)


def figures(tmp_path: Path, *episodes: Any, **options: Any) -> Any:
    return build(write_run(tmp_path, episodes), **options).statistics


def test_statistics_by_environment_and_kind(tmp_path: Path) -> None:
    failed_call = turn("ok", CODE)
    failed_call.calls.append(call("desk"))
    failed_call.calls[-1].error = turn("error").error
    found = figures(
        tmp_path,
        episode("a", [failed_call, "error", "bad", "ok"]),
        episode("a", ["ok"], sample=1, outcome=Outcome.FAILURE),
        episode("b", ["answer"], kind="heat", group=None),
        episode("c", ["ok"], environment="ship", group="deck"),
    )
    rows = [(each.environment, each.kind, each.episodes) for each in found.by_kind]
    assert rows == [("house", "heat", 1), ("house", "put", 2), ("ship", "put", 1)]
    assert (found.episodes, found.tasks, found.scenes, found.successes) == (4, 3, 2, 3)
    assert (found.turns, found.trained_turns) == (7, 5)
    assert (found.calls, found.failed_calls) == (6, 1)
    assert (found.failed_turns, found.format_errors) == (2, 1)
    assert (found.recoveries, found.recovered_episodes) == (1, 1)
    assert (found.actions, found.code_actions) == (5, 5)
    assert (found.loop_share, found.condition_share, found.function_share) == (0.2, 0.2, 0.0)
    put = found.by_kind[1]
    assert put.turn_lengths is not None
    assert put.turn_lengths.model_dump() == {"mean": 2.5, "min": 1, "median": 1, "p90": 4, "max": 4}
    assert found.by_kind[0].loop_share is None
    assert {name: each.episodes for name, each in found.by_environment.items()} == {
        "house": 3,
        "ship": 1,
    }
    totals = [row[:3] for row in statistics_rows(found)]
    assert totals == [
        ("house", "heat", "1"),
        ("house", "put", "2"),
        ("house", "total", "3"),
        ("ship", "put", "1"),
        ("total", "", "4"),
    ]


def test_tokens_are_a_quarter_of_the_characters_shown_and_said(tmp_path: Path) -> None:
    found = figures(tmp_path, episode("a", [turn("ok", "12345"), turn("error", "1")], prompt=[]))
    assert found.tokenizer == "characters / 4"
    assert found.characters == 5 + len("seen after 12345") + 1
    assert (found.tokens, found.trained_tokens) == (2 + 4 + 1, 2)


def test_thoughts_count_where_they_are_in(tmp_path: Path) -> None:
    thinks = [episode("a", [turn("ok", "1234", reasoning="x" * 40)], prompt=[])]
    assert figures(tmp_path / "out", *thinks).tokens == 1
    assert figures(tmp_path / "in", *thinks, thoughts=True).tokens == 11


def test_calls_of_other_formats_are_no_code(tmp_path: Path) -> None:
    played = turn("ok", '[{"name": "goto"}]', interpreter=None)
    found = build(write_run(tmp_path, [episode("a", [played])], action="json")).statistics
    assert (found.actions, found.code_actions, found.loop_share) == (1, 0, None)


@pytest.mark.long  # to import transformers takes seconds
def test_a_tokenizer_counts(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers", reason="needs: pip install transformers")
    transformers = pytest.importorskip("transformers", reason="needs: pip install transformers")
    model = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    model.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    transformers.PreTrainedTokenizerFast(tokenizer_object=model).save_pretrained(tmp_path / "words")
    words = str(tmp_path / "words")
    played = episode("a", [turn("ok", "go to the desk"), turn("ok", "take it")], prompt=[])
    found = figures(tmp_path / "run", played, tokenizer=words)
    assert (found.tokens, found.trained_tokens, found.tokenizer) == (4 + 6 + 2, 6, words)


def test_a_tokenizer_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(name: str) -> None:
        raise RuntimeError("no such folder")

    loader = SimpleNamespace(AutoTokenizer=SimpleNamespace(from_pretrained=fails))
    monkeypatch.setitem(sys.modules, "transformers", loader)
    with pytest.raises(ConfigError, match="no tokenizer 'gone': no such folder"):
        figures(tmp_path / "run", episode(), tokenizer="gone")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ConfigError, match=r"pip install 'embodied-codeact\[tokenizers\]'"):
        figures(tmp_path / "other", episode(), tokenizer="gone")


def test_a_card_is_plain_json(tmp_path: Path) -> None:
    card = build(write_run(tmp_path, [episode()])).card
    assert Card.model_validate_json(card.model_dump_json()) == card
