"""Configuration: files, assignments, and what mistakes are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from embodied import ConfigError
from embodied.config import RunConfig, assignment, load_config


def test_defaults_are_valid() -> None:
    assert load_config(None) == RunConfig()


def test_file_options_and_assignments(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("policy: {name: oracle}\nrunner: {workers: 4}\n")
    config = load_config(file, [{"split": "train"}], ["runner.workers=8", "tasks.limit=5"])
    assert config.policy.name == "oracle"
    assert config.split == "train"
    assert config.runner.workers == 8
    assert config.tasks.limit == 5


def test_protocol_presets() -> None:
    mint = load_config(None, [{"protocol": "mint"}]).protocol
    assert (mint.limits.turns, mint.limits.answers, mint.controller) == (5, 2, "household-mint")
    changed = load_config(None, [{"protocol": {"preset": "mint"}}], ["protocol.limits.turns=9"])
    assert changed.protocol.limits.turns == 9
    assert changed.protocol.limits.answers == 2


def test_a_resolved_configuration_reads_back() -> None:
    config = load_config(None, [{"protocol": "mint"}], ["llm.model=m"])
    assert RunConfig.model_validate(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("runner: {worker: 2}", ["run.yaml", "runner.worker", "'runner.workers'"]),
        ("runer: {}", ["'runner'"]),
        ("runner: {workers: many}", ["runner.workers", "'many'"]),
        ("runner: {workers: 0}", ["runner.workers", "greater than 0"]),
        ("protocol: mnt", ["'mint'"]),
        ("llm: {temprature: 1, model: m}", ["'llm.temperature'"]),
        ("protocol: {limits: {trns: 3}}", ["'protocol.limits.turns'"]),
        ("[1, 2]", ["mapping"]),
        ("a: [", ["not YAML"]),
        ("policy: {name: wizard}", ["policy.name", "wizard"]),
    ],
)
def test_mistakes_name_key_file_and_nearest(tmp_path: Path, text: str, said: list[str]) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        load_config(file)
    for part in said:
        assert part in str(raised.value)


def test_missing_file() -> None:
    with pytest.raises(ConfigError, match="no configuration file"):
        load_config(Path("nowhere.yaml"))


def test_assignments() -> None:
    assert assignment("a.b=[1, x]") == {"a": {"b": [1, "x"]}}
    assert assignment("llm.base_url=http://127.0.0.1:8000/v1") == {
        "llm": {"base_url": "http://127.0.0.1:8000/v1"}
    }
    for wrong in ("a", "=1", "a=["):
        with pytest.raises(ConfigError):
            assignment(wrong)
