"""Configurations that come with the package, by name."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from embodied.config import packaged
from embodied.config.load import load_config
from embodied.errors import ConfigError
from embodied.few_shot import read_examples

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_name_is_enough() -> None:
    assert load_config(Path("quickstart")).out == Path("runs/quickstart")
    assert load_config(Path("quickstart")) == load_config(ROOT / "configs" / "quickstart.yaml")


def test_a_file_of_that_name_comes_first(tmp_path: Path) -> None:
    (tmp_path / "quickstart").write_text("seed: 7")
    assert load_config(Path("quickstart")).seed == 7


def test_a_folder_of_that_name_is_no_configuration(tmp_path: Path) -> None:
    (tmp_path / "robosuite").mkdir()
    assert load_config(Path("robosuite")).environment.name == "robosuite"


def test_an_unknown_name_lists_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match="did you mean 'quickstart'"):
        load_config(Path("quikstart"))
    with pytest.raises(ConfigError, match=r"there are: babyai, .*textworld"):
        load_config(Path("nothing"))


@pytest.mark.parametrize("preset", ["default", "m3"])
def test_examples_that_come_along_are_found_from_anywhere(tmp_path: Path, preset: str) -> None:
    expected = read_examples(ROOT / "configs" / "examples" / "alfworld", "code")
    protocol = f"{{preset: {preset}, examples: examples/alfworld}}"
    (tmp_path / "mine.yaml").write_text(f"protocol: {protocol}")
    assert load_config(Path("mine.yaml")).protocol.examples == expected
    by_option = load_config(None, [], ["protocol.examples=examples/alfworld"])
    assert by_option.protocol.examples == expected


def test_examples_of_ones_own_come_first(tmp_path: Path) -> None:
    (tmp_path / "examples" / "alfworld").mkdir(parents=True)
    (tmp_path / "examples" / "alfworld" / "code.yaml").write_text("examples: []")
    assert load_config(None, [], ["protocol.examples=examples/alfworld"]).protocol.examples == ()


def test_each_is_described_by_its_first_sentence() -> None:
    described = packaged.descriptions()
    assert list(described) == packaged.config_names()
    assert described["quickstart"].startswith("24 generated household tasks, solved by the expert")
    assert all(text.endswith(".") and ". " not in text for text in described.values())


def test_a_wheel_holds_them_where_they_are_looked_for(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    program = "from embodied.config import packaged as p\nprint(p.folder(), *p.config_names())"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": "installed"},
        capture_output=True,
        text=True,
        check=True,
    )
    folder = tmp_path / "installed" / "embodied" / "configs"
    assert done.stdout.split() == [str(folder), *packaged.config_names()]
    assert (folder / "examples" / "alfworld" / "code.yaml").is_file()
