"""No simulator lists two tasks of one id: a run would keep one of their episodes only."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

import embodied
from embodied import ConfigError
from embodied.plugins.registry import environment_class

SPLITS = [
    ("babyai", "standard", {"levels": "GoTo-v0, BabyAI-GoTo-v0, GoTo-v0"}),
    ("babyai", "all", {"episodes_per_level": 1}),
    *(("miniwob", split, {}) for split in ("paper", "all")),
    *(("robosuite", split, {}) for split in ("test", "valid", "train")),
    *(("scienceworld", split, {}) for split in ("train", "dev", "test")),
]


@pytest.mark.parametrize(("name", "split", "options"), SPLITS)
def test_ids_are_unique(name: str, split: str, options: dict[str, Any]) -> None:
    try:
        tasks = embodied.list_tasks(name, split, **options)
    except ConfigError as missing:
        pytest.skip(str(missing))
    counted = Counter(task.id for task in tasks)
    assert tasks
    assert [id_ for id_, times in counted.items() if times > 1] == []
    assert [task for task in tasks if task.group != task.id] == [], "scenes are level and seed"


@pytest.mark.parametrize(
    "name", ["alfworld", "babyai", "miniwob", "robosuite", "scienceworld", "textworld"]
)
def test_options_have_help(name: str) -> None:
    kind = environment_class(name)
    assert kind.default_split
    for model in (kind.Options, kind.GeneratorOptions):
        fields = model.model_fields if model else {}
        assert [field for field, about in fields.items() if not about.description] == []
    assert kind.Options is not None
