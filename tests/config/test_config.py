"""Configuration: files, assignments, and what mistakes are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from embodied import ConfigError
from embodied.config.load import assignment, load_config
from embodied.config.schema import RunConfig


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


def test_a_preset_named_in_a_file_stays_when_a_part_is_changed(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("protocol: mint\n")
    protocol = load_config(file, [], ["protocol.limits.turns=3"]).protocol
    assert (protocol.limits.turns, protocol.conversation) == (3, "mint")


def test_a_protocol_named_later_takes_the_place_of_all(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("protocol: {preset: mint, limits: {turns: 3}}\n")
    assert load_config(file, [{"protocol": "default"}]) == RunConfig()
    assert load_config(file, [], ["protocol=default"]) == RunConfig()


def test_action_and_interpreter_may_stand_at_the_top(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("action: json\nprotocol: m3\n")
    config = load_config(file, [], ["interpreter=full"])
    assert (config.protocol.action, config.protocol.interpreter) == ("json", "full")
    assert config.protocol.limits.turns == 10
    assert load_config(file, [], ["action=text"]).protocol.action == "text"


def test_a_shorthand_outlives_the_name_of_another_protocol(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("action: json\n")
    config = load_config(file, [{"protocol": "m3"}])
    assert (config.protocol.conversation, config.protocol.action) == ("m3", "json")
    assert load_config(file, [], ["protocol.action=text"]).protocol.action == "text"
    file.write_text("protocol: {action: json}\n")
    assert load_config(file, [{"protocol": "m3"}]).protocol.action == "code"


def test_a_shorthand_beside_a_protocol_that_is_none() -> None:
    with pytest.raises(ConfigError, match="protocol"):
        load_config(None, [], ["protocol=7", "action=json"])


def test_an_unknown_plugin_is_named_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError) as raised:
        load_config(None, [{"action": "jsn"}], ["protocol.conversation=mnt"])
    assert str(raised.value).split("\n") == [
        "--set:",
        "  protocol.conversation: there is no 'mnt'; did you mean 'mint'?",
        "the command line:",
        "  protocol.action: there is no 'jsn'; did you mean 'json'?",
    ]
    with pytest.raises(ConfigError, match=r"no protocol 'mnt'; did you mean 'mint'\?"):
        load_config(None, [{"protocol": "mnt"}])


def test_a_number_of_turns_means_the_last_ones() -> None:
    settings = ["protocol.history.turns=10"]
    history = load_config(None, [], settings).protocol.history
    assert (history.kind, history.turns) == ("last", 10)
    stored = load_config(None, [], settings).model_dump(mode="json")
    assert RunConfig.model_validate(stored).protocol.history == history
    changed = load_config(None, [], [*settings, "protocol.history.kind=summary"])
    assert changed.protocol.history.kind == "summary"


@pytest.mark.parametrize("history", ["{kind: last}", "{kind: summary}", "{kind: all, turns: 3}"])
def test_a_history_without_its_number_or_with_one_too_many_is_refused(history: str) -> None:
    with pytest.raises(ConfigError, match=r"protocol\.history: "):
        load_config(None, [], [f"protocol.history={history}"])


def test_a_system_prompt_is_a_text_or_a_file(tmp_path: Path) -> None:
    for name in ("prompt.md", "with a space.txt", "prompt"):
        (tmp_path / name).write_text("Use {functions}.\n")
        config = load_config(None, [], [f"protocol.system_prompt={tmp_path / name}"])
        assert config.protocol.system_prompt == "Use {functions}.\n"
    for text in ("Use {functions}.", "Read it.\nThen write a.txt"):
        given = load_config(None, [{"protocol": {"system_prompt": text}}])
        assert given.protocol.system_prompt == text


@pytest.mark.parametrize("path", ["missing.md", "missing prompt.txt", "missing", "a\0.md"])
def test_a_system_prompt_that_cannot_be_read_is_refused(path: str) -> None:
    with pytest.raises(ConfigError, match=r"protocol\.system_prompt: .* cannot be read"):
        load_config(None, [{"protocol": {"system_prompt": path}}])


def test_examples_are_read_for_the_action_format(tmp_path: Path) -> None:
    for action in ("code", "json"):
        text = f"examples:\n- - {{role: user, content: {action}}}\n"
        (tmp_path / f"{action}.yaml").write_text(text)
    settings = ["action=json", f"protocol.examples={tmp_path}"]
    (example,) = load_config(None, [], settings).protocol.examples
    assert [message.content for message in example] == ["json"]
    stored = load_config(None, [], settings).model_dump(mode="json")
    assert RunConfig.model_validate(stored).protocol.examples == (example,)


@pytest.mark.parametrize("text", ["x: 1", "examples: [[{role: usr, content: a}]]", "[", "\0"])
def test_examples_that_are_none_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "e.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"protocol\.examples: .*e\.yaml"):
        load_config(None, [], [f"protocol.examples={tmp_path / 'e.yaml'}"])


def test_an_unknown_key_of_an_example_is_named(tmp_path: Path) -> None:
    wrong = "[[{role: user, content: a, rle: b}]]"
    (tmp_path / "run.yaml").write_text(f"protocol: {{examples: {wrong}}}\n")
    said = (
        r"protocol\.examples\.0\.0\.rle: there is no such setting; did you mean "
        r"'protocol\.examples\.0\.0\.role'\?"
    )
    with pytest.raises(ConfigError, match=said):
        load_config(tmp_path / "run.yaml")
    with pytest.raises(ConfigError, match=said):
        load_config(None, [], [f"protocol.examples={wrong}"])


def test_one_value_for_a_list_and_a_number_for_a_name() -> None:
    config = load_config(
        None, [], ["tasks.kinds=x", "tasks.ids=7", "policy.recordings=a.jsonl", "llm.model=123"]
    )
    assert config.tasks.kinds == ("x",)
    assert config.tasks.ids == ("7",)
    assert config.policy.recordings == (Path("a.jsonl"),)
    assert config.llm is not None
    assert config.llm.model == "123"


def test_mistakes_are_blamed_on_where_they_came_from(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("runner: {workers: 0}\nenvironment: {options: 3}\n")
    with pytest.raises(ConfigError) as raised:
        load_config(file, [{"environment": {"name": "x"}, "policy": {"name": "exprt"}}], ["seed=x"])
    blamed = dict.fromkeys(str(raised.value).split("\n"))
    assert list(blamed) == [
        f"{file}:",
        "  environment.options: Input should be a valid dictionary (got 3)",
        "  runner.workers: Input should be greater than 0 (got 0)",
        "the command line:",
        "  policy.name: there is no 'exprt'; did you mean 'expert'?",
        "--set:",
        "  seed: Input should be a valid integer, unable to parse string as an integer (got 'x')",
    ]


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
        ("a: 2024-99-99", ["not YAML"]),
        ("[" * 20_000, ["nested too deep"]),
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
    for wrong in ("a", "=1", "a=[", "a=" + "[" * 20_000):
        with pytest.raises(ConfigError):
            assignment(wrong)


def test_the_configs_that_come_along_are_valid() -> None:
    files = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
    assert {load_config(file).runner.ray_address for file in files} == {None, "auto"}


def test_ray_client_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"(?s)command line:.*ray_address.*with the address `auto`"
    ):
        load_config(None, [{"runner": {"ray_address": "ray://head:10001"}}])


def test_resources_of_a_worker() -> None:
    config = load_config(None, [], ["runner.resources_per_worker.simulator=1"])
    assert config.runner.resources_per_worker == {"simulator": 1}
    for bad, said in (("CPU=1", "see cpus_per_worker"), ("simulator=0", "greater than 0")):
        with pytest.raises(ConfigError, match=said):
            load_config(None, [], [f"runner.resources_per_worker.{bad}"])
