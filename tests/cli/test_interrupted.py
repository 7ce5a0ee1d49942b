"""What is said when a run is interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer

from embodied.cli import run as command
from embodied.config.schema import RunConfig
from embodied.store.layout import PROTOCOL
from tests.runner.resolved import resolved


@pytest.mark.parametrize("begun", [False, True])
def test_only_what_is_a_run_can_be_finished(
    begun: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def play(config: RunConfig, progress: bool) -> Any:
        if begun:
            (tmp_path / PROTOCOL).write_text("")
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "play", play)
    config = resolved().config.model_copy(update={"out": tmp_path})
    with pytest.raises(typer.Exit) as ended:
        command.play_run(config)
    assert ended.value.exit_code == 130
    again = f"; finish the run with: embodied resume {tmp_path}" if begun else ""
    assert capsys.readouterr().err == f"interrupted{again}\n"
