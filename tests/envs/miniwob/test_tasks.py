"""Which tasks there are, and what is said where something is missing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import embodied
from embodied.errors import ConfigError, DataError
from embodied.plugins.registry import environment_class


def test_the_default_split_has_the_46_kinds_of_the_paper_seed_by_seed() -> None:
    tasks = embodied.list_tasks("miniwob", seeds=2)
    kinds = [task.kind for task in tasks[:46]]
    assert len(tasks) == 92
    assert kinds == sorted(set(kinds)) == [task.kind for task in tasks[46:]]
    assert (tasks[46].id, tasks[46].seed) == ("choose-list/seed-1", 1)


def test_all_pages_of_the_package_can_be_played() -> None:
    kinds = {task.kind for task in embodied.list_tasks("miniwob", "all", seeds=1)}
    assert len(kinds) == 130
    assert kinds > {task.kind for task in embodied.list_tasks("miniwob", "paper", seeds=1)}


@pytest.mark.parametrize("options", [{"seeds": 0}, {"speed": 3}])
def test_wrong_options_and_splits_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        embodied.list_tasks("miniwob", **options)
    with pytest.raises(ConfigError, match="paper, all"):
        embodied.list_tasks("miniwob", "valid_unseen")


def test_the_data_version_names_what_a_score_depends_on() -> None:
    miniwob = environment_class("miniwob")
    paper, everything = miniwob.data_version("paper"), miniwob.data_version("all")
    assert paper["pages"] == "46"
    assert (paper["step_seconds"], paper["page_deadline"]) == ("0.5", "none")
    assert paper["sha256"] != everything["sha256"]
    assert paper == miniwob.data_version(None, seeds=3)


def test_a_missing_browser_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ConfigError, match="apt-get install -y chromium chromium-driver"):
        embodied.make_environment("miniwob")


def test_a_task_of_another_package_version_is_an_error_of_the_data() -> None:
    env = embodied.make_environment("miniwob")
    task = embodied.list_tasks("miniwob")[0].model_copy(update={"kind": "click-butto"})
    with pytest.raises(DataError, match="did you mean 'click-button'"):
        env.reset(task)
