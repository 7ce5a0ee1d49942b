"""Whole runs against a server with the restrictions of hosted APIs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import embodied
from embodied import ConfigError, Task
from embodied.testing.corridor import Corridor, CorridorRobot
from tests.llm.hosted_api import KEY, HostedAPI, hosted_api

TASKS = 24
SETTINGS = {
    "model": "tiny",
    "api_key_environment": "HOSTED_API_KEY",
    "api_key_header": "api-key",
    "extra_query": {"api-version": "1"},
    "max_tokens_name": "max_completion_tokens",
    "temperature": None,
    "top_p": None,
    "retries": 0,
}


class ManyCorridors(Corridor):
    """The corridor with as many tasks as the run is to play."""

    default_controller = f"{__file__}:CorridorRobot"

    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        first = super().list_tasks(split)[0]
        return [
            first.model_copy(update={"id": f"corridor-{n:02}", "seed": n}) for n in range(TASKS)
        ]


assert issubclass(CorridorRobot, embodied.Controller)  # the controller above


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[HostedAPI]:
    monkeypatch.setenv("HOSTED_API_KEY", KEY)
    with hosted_api() as running:
        yield running


def play(api: HostedAPI, out: Path, **settings: Any) -> embodied.Run:
    return embodied.run(
        env=f"{__file__}:ManyCorridors",
        policy="llm",
        out=out,
        llm={**SETTINGS, "base_url": api.url, **settings},
        runner={"kind": "local", "episodes_per_worker": TASKS, "retries": 0},
        progress=False,
    )


def test_every_task_is_played_to_its_end(
    api: HostedAPI, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = play(api, tmp_path / "run")
    report = run.report()
    assert (report.episodes, report.successes, report.infrastructure_errors) == (TASKS, TASKS, 0)
    assert api.answered == 4 * TASKS
    assert "is believed to have 'tiny'" in caplog.text
    assert "takes no system messages" in caplog.text
    limited = [said for said in api.refused if "Rate limit" in said]
    assert 0 < len(limited) == report.llm_retries["HTTP 429"] < 2 * 4 * TASKS
    assert all("does not support 'system'" in said for said in set(api.refused) - set(limited))
    assert report.format_errors.total == report.empty_messages.total == TASKS
    assert report.cut_messages.total == 2 * TASKS
    for episode in run.trajectories():
        silent, cut, whole, _ = episode.turns
        assert "your thoughts took all of them" in silent.observation
        assert "[your message was cut:" in cut.observation
        assert cut.calls
        assert "was cut" not in whole.observation
        assert whole.message.startswith("I go ?.\n")
        assert whole.reasoning == "<execute>go(1)</execute>"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"max_tokens_name": "max_tokens"},
            "'max_tokens' is not supported. Use 'max_completion_tokens' instead.",
        ),
        ({"temperature": 0.5}, "'temperature' is not supported."),
        ({"extra_query": {}}, "Resource not found."),
        ({"api_key_header": "Authorization"}, "Access denied."),
    ],
)
def test_what_no_request_may_hold_ends_the_run_at_once(
    api: HostedAPI, tmp_path: Path, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        play(api, tmp_path / "run", **settings)
    assert said in str(caught.value)
    assert api.answered == 0
    assert len(api.refused) <= TASKS
